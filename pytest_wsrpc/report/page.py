"""The page of a run: one file, which asks no host for anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from ..transcript import escape
from .diagram import Diagram, diagram
from .overview import overview
from .results import FailedTest, Results
from .story import Story
from .verdict import verdict

SHOWN: Final = 100
"""Failures that are shown with all that belongs to them; of more, the names."""

KEPT_TEXT: Final = 20_000
"""Characters of a block of text."""

_NOTE: Final = 60
"""What is cut out has to be longer than the words that say so, which a text may have already."""

_HERE: Final = Path(__file__).parent
_CONVERSATION: Final = "Conversation of "
_AS_TEXT: Final = "The conversation as text"
_SHOWN_BY_PYTEST: Final = "What pytest shows"


@dataclass(frozen=True)
class Block:
    """A text in a fixed width, with its title."""

    title: str
    text: str
    is_folded: bool = False
    """Whether it is shown only when asked for."""
    kind: str = "wrap"
    """``code`` for lines that are not broken."""


@dataclass(frozen=True)
class Failure:
    """One defect, or one failed test, with all there is to show of it."""

    id: str
    """Of its heading."""
    subject: str
    headline: str
    label: str
    """The check that failed, else what kind of failure it is."""
    facts: list[tuple[str, str]]
    diagram: Diagram | None
    blocks: list[Block]
    test: str
    """To be pasted; empty where it is a test already."""
    again: str


def to_html(results: Results) -> str:
    """Return the page of a run."""
    style = (_HERE / "style.css").read_text(encoding="utf-8")
    script = (_HERE / "script.js").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    defects, tests = [*_defects(results), *_broken(results)], list(_tests(results))
    told: dict[str, Any] = {
        "policy": _policy(style, script),
        "style": Markup(style),
        "script": Markup(script),
        "verdict": verdict(results, len(defects), len(tests)),
        "defects": defects,
        "tests": tests,
        "shown": SHOWN,
        "overview": overview(results),
        "results": results,
        "problems": [(where, clean(text)) for where, text in results.problems],
    }
    return environment.get_template("page.html").render(told) + "\n"


def _printable(value: object) -> object:
    """Return a text with what is not printable escaped, line by line; Markup is as it is meant."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "\n".join(map(escape, value.split("\n")))


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _defects(results: Results) -> Iterator[Failure]:
    groups = [] if results.outcome is None else results.outcome.defects
    for number, (first, others) in enumerate(groups, 1):
        evidence = first.evidence
        label, _, note = evidence.note.partition(": ")
        facts = {
            "expected": evidence.expected,
            "got": evidence.got,
            label: note,
            "also in": first.also(others),
        }
        server = ("What holds the loop" if evidence.is_held else "On the server", evidence.server)
        yield Failure(
            f"defect-{number}",
            first.subject,
            clean(first.headline.partition(": ")[2]),
            first.check,
            [(name, clean(text)) for name, text in facts.items() if text],
            _drawn(Story.from_json(evidence.story)),
            list(_blocks([server], [(_AS_TEXT, evidence.said)])),
            evidence.test,
            evidence.again,
        )


def _broken(results: Results) -> Iterator[Failure]:
    for number, item in enumerate(results.broken, 1):
        yield Failure(
            f"item-{number}",
            f"{item.subject}: {item.phase}",
            clean(next(filter(None, item.reason.splitlines()), "")),
            "error",
            [],
            None,
            list(_blocks([(_SHOWN_BY_PYTEST, item.reason)], [])),
            "",
            item.again,
        )


def _tests(results: Results) -> Iterator[Failure]:
    for number, test in enumerate(results.tests.values(), 1):
        yield Failure(
            f"test-{number}",
            test.id,
            clean(test.headline),
            ", ".join(dict.fromkeys(when for when, _ in test.errors)),
            [],
            _drawn(test.story),
            list(_blocks(_open(test), _folded(test))),
            "",
            test.again,
        )


def _open(test: FailedTest) -> Iterator[tuple[str, str]]:
    for when, text in test.errors:
        yield f"{_SHOWN_BY_PYTEST} ({when})", text
    for title, text in test.sections.items():
        if not title.startswith((_CONVERSATION, "Captured")):
            yield title, text


def _folded(test: FailedTest) -> Iterator[tuple[str, str]]:
    said = [text for title, text in test.sections.items() if title.startswith(_CONVERSATION)]
    yield _AS_TEXT, "\n\n".join(said)
    for title, text in test.sections.items():
        if title.startswith("Captured"):
            yield title, text


def _drawn(story: Story) -> Diagram | None:
    return diagram(story) if story.steps else None


def _blocks(open: Iterable[tuple[str, str]], folded: Iterable[tuple[str, str]]) -> Iterator[Block]:
    for is_folded, blocks in ((False, open), (True, folded)):
        for title, text in blocks:
            if text.strip():
                kind = "code" if title.startswith(_SHOWN_BY_PYTEST) else "wrap"
                yield Block(clean(title), clean(text), is_folded, kind)


def clean(text: str) -> str:
    """Return a text of a bearable length, without tabs."""
    cut = len(text) - KEPT_TEXT
    if cut > _NOTE:
        half = KEPT_TEXT // 2
        text = f"{text[:half]}\n... {cut:,} characters left out ...\n{text[-half:]}"
    return text.expandtabs()
