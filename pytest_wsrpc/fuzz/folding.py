"""One defect, one report: however many items have found it, in whatever process they ran."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import pytest

from .failure import Finding
from .item import Job
from .phases import PHASES
from .report import Evidence

_FIRST: Final = (
    "loop-not-blocked",
    "no-internal-error",
    "stays-open",
    "one-reply-in-time",
    "right-connection",
    "no-leak",
    "",
    "conforms",
    "serial",
    "clean-under-faults",
    "pubsub",
    "nothing-left",
    "well-formed",
    "valid-accepted",
    "invalid-refused",
)
"""The checks in the order in which a person should look at what they have found: first what harms
all clients, then what shows one the data of others; the empty one stands for the user's own."""


@dataclass(frozen=True)
class Shown:
    """A finding as text, in a form that passes from one process to another."""

    defect: tuple[str, ...]
    check: str
    headline: str
    nodeid: str
    target: str
    endpoint: str
    method: str
    """That it is about, empty where it is none."""
    phase: str
    size: int
    """Of the conversation: the shorter one of two is easier to read."""
    head: str
    evidence: Evidence

    @classmethod
    def of(cls, found: Finding, job: Job, head: str, evidence: Evidence) -> Shown:
        """Return what is to be shown of a finding."""
        failure = found.failure
        told = failure if found.same_as is None else found.same_as.failure
        defect = told.defect if told.place is not None else (job.target, *told.defect)
        return cls(
            defect,
            failure.check,
            failure.headline,
            job.name,
            job.target,
            failure.endpoint,
            failure.method or "",
            job.phase.name,
            found.case.size,
            head,
            evidence,
        )

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Shown:
        """Return what `as_json` has given."""
        evidence = Evidence(**fields["evidence"])
        return cls(**{**fields, "defect": tuple(fields["defect"]), "evidence": evidence})

    def as_json(self) -> dict[str, Any]:
        """Return it as what JSON knows."""
        return asdict(self)

    @property
    def subject(self) -> str:
        """The endpoint and the method that it is about."""
        return f"{self.endpoint} {self.method}".rstrip()

    @property
    def harm(self) -> int:
        """The smaller, the sooner a person should look at it."""
        return _FIRST.index(self.check if self.check in _FIRST else "")

    @property
    def rank(self) -> tuple[Any, ...]:
        """Of two with the same defect, the smaller one is easier to read."""
        return (self.size, _phase_number(self.phase), self.nodeid)

    def text(self, others: Iterable[Shown] = ()) -> str:
        """Return the report, with the other places where the same defect shows."""
        also = self.also(others)
        told = f"{chr(10)}also in: {also}" if also else ""
        return f"{self.head}{told}\n\n{self.evidence.text()}"

    def also(self, others: Iterable[Shown]) -> str:
        """Return the other places where the same defect shows, in one line."""
        phases: dict[str, dict[str, None]] = {}
        for other in sorted(others, key=lambda one: (one.subject, _phase_number(one.phase))):
            if (other.subject, other.phase) != (self.subject, self.phase):
                phases.setdefault(other.subject, {})[other.phase] = None
        return "; ".join(f"{subject}: {', '.join(found)}" for subject, found in phases.items())


def _phase_number(name: str) -> int:
    return [*(phase.name for phase in PHASES), name].index(name)


def folded(found: Sequence[Shown]) -> list[tuple[Shown, list[Shown]]]:
    """Return each defect once, with all others that show the same, the worst one first."""
    groups: dict[tuple[str, ...], list[Shown]] = {}
    for one in sorted(found, key=lambda one: one.rank):
        groups.setdefault(one.defect, []).append(one)
    by_harm = sorted(groups.values(), key=lambda group: min(one.harm for one in group))
    return [(first, others) for first, *others in by_harm]


@dataclass
class _Crash:
    message: str

    def __str__(self) -> str:
        """Be what ``--tb=line`` shows."""
        return self.message


class Text:
    """What an item has found; the message is what pytest's last lines show of it."""

    def __init__(self, text: str, message: str, *, is_brief: bool = False) -> None:
        self.text = text
        self.is_brief = is_brief
        """Whether only the message is shown, by pytest itself."""
        self.reprcrash = _Crash(message)

    def __str__(self) -> str:
        return self.text

    def toterminal(self, writer: Any) -> None:
        """Write the text as pytest's terminal reporter asks for it."""
        if not self.is_brief:
            writer.line(self.text)


def text_of(found: list[Shown], *, is_brief: bool = False) -> Text:
    """Return all that one item has found, the worst first: it may be looked at alone."""
    groups = folded(found)
    return Text(
        "\n\n".join(first.text(others) for first, others in groups),
        "; ".join(first.headline for first, _ in groups),
        is_brief=is_brief,
    )


SHOWN: Final = pytest.StashKey[list[Shown]]()
"""What an item has found."""
