"""The text of rules: ``publish:error=CannotPublish,times=2; deliver:latency=50ms``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ..durations import parse_duration
from . import exceptions
from .spec import Mistake, Spec, check_name, check_point, make

EXAMPLE: Final = "publish:error=CannotPublish,times=2"

Span = tuple[int, int]


class FaultSyntaxError(ValueError):
    """A mistake in the text of a rule: shows the rule, the place, and what is possible there."""

    def __init__(self, problem: str, rule: str, span: Span) -> None:
        what, _, allowed = problem.partition("\n")
        start, end = span
        marks = " " * start + "^" * max(1, end - start)
        super().__init__("\n".join([what, f"    {rule}", f"    {marks}", *allowed.splitlines()]))
        self.rule = rule
        self.position = start
        """Where in the rule the mistake is, from 0 on."""


def parse(text: str) -> list[Spec]:
    """Return the rules of a text, in its order.

    A rule is ``point:effect`` or ``point:effect=value`` with ``,keyword=value`` behind it; rules
    are separated by semicolons or line ends. Keywords are those of `FaultPlan`; times have units
    (``50ms``); a value with a comma stands in quotes. Raises `FaultSyntaxError`.
    """
    return [_parse_rule(*rule) for rule in _rules(text)]


@dataclass(frozen=True)
class _Word:
    """``name=value`` with the places of both in the rule; the value is None without ``=``."""

    name: str
    name_span: Span
    value: str | None
    value_span: Span


_WORD: Final = re.compile(
    r"""[ \t]*(?P<name>[^=,;\n]*?)[ \t]*
    (?:=[ \t]*(?P<value>"(?:[^"\n]|"")*"|'(?:[^'\n]|'')*'|[^,;\n]*?)[ \t]*)?
    (?P<end>[,;\n]|\Z)""",
    re.VERBOSE,
)
_QUOTED: Final = re.compile(r"""(["'])(?P<text>(?:(?!\1)[^\n]|\1\1)*)\1""")


def _rules(text: str) -> Iterator[tuple[str, list[_Word]]]:
    """Yield each rule that is not empty, and its words."""
    position = 0
    while position < len(text):
        matches = []
        while True:
            match = _WORD.match(text, position)
            assert match is not None  # every text begins with a word, perhaps an empty one
            matches.append(match)
            position = match.end()
            if match["end"] != ",":
                break
        begin, end = matches[0].start("name"), matches[-1].start("end")
        rule = text[begin:end].rstrip()
        if rule:
            yield rule, [_word(match, begin, rule) for match in matches]


def _word(match: re.Match[str], begin: int, rule: str) -> _Word:
    start, end = match.span("value")
    span = (start - begin, end - begin)
    value = match["value"]
    if value is not None and value[:1] in ("'", '"'):
        quoted = _QUOTED.fullmatch(value)
        if quoted is None:
            raise FaultSyntaxError(f"the quote is not closed: {value}", rule, span)
        value = quoted["text"].replace(quoted[1] * 2, quoted[1])
    start, end = match.span("name")
    return _Word(match["name"], (start - begin, end - begin), value, span)


def _parse_rule(rule: str, words: list[_Word]) -> Spec:
    first, *others = words
    point, colon, effect = first.name.partition(":")
    if not colon:
        raise FaultSyntaxError(f"expected point:effect, such as {EXAMPLE}", rule, first.name_span)
    begin, end = first.name_span
    spans: dict[str, Span] = {
        "point": (begin, begin + len(point)),
        "effect": (begin + len(point) + 1, end),
    }
    arguments: dict[str, Any] = {}
    try:
        check_point(point.strip(), effect.strip())
        point, effect = point.strip(), effect.strip()
        for name, word in _named(point, effect, first, others, spans):
            if name in arguments:
                raise Mistake(name, f"{name!r} is given twice")
            spans[name] = word.name_span
            if not name:
                raise Mistake(name, "expected a keyword such as times=2 behind the comma")
            if word is not first:
                check_name(point, effect, name)
            if word.value is None or word.value_span[0] == word.value_span[1]:
                raise Mistake(name, f"a value is missing: write {_EXAMPLES[name]}")
            spans[name] = word.value_span
            arguments[name] = _convert(name, word.value)
        return make(point, effect, **arguments)
    except Mistake as mistake:
        raise FaultSyntaxError(str(mistake), rule, spans[mistake.argument]) from None


def _named(
    point: str, effect: str, first: _Word, others: list[_Word], spans: dict[str, Span]
) -> Iterator[tuple[str, _Word]]:
    """Yield each word with the name of the argument that it gives."""
    if effect in _OF_EFFECT:
        yield _OF_EFFECT[effect], first
    elif first.value is not None:
        spans["value"] = first.value_span
        spans["value"] = first.value_span
        raise Mistake("value", f"{effect!r} takes no value: write {point}:{effect}")
    for word in others:
        spans[word.name] = word.name_span
        yield word.name, word


def _convert(name: str, text: str) -> Any:
    convert = _CONVERTERS.get(name)
    if convert is None:
        return text
    try:
        return convert(text)
    except (ValueError, TypeError) as problem:
        expected = _EXPECTED.get(name)
        if expected is None:
            raise Mistake(name, str(problem)) from None
        raise Mistake(name, f"{name} must be {expected}, got {text!r:.80}") from None


def _flag(text: str) -> bool:
    return ("false", "true").index(text.lower()) == 1


_OF_EFFECT: Final = {"latency": "seconds", "error": "error"}
_CONVERTERS: Final[dict[str, Callable[[str], Any]]] = {
    "seconds": parse_duration,
    "error": exceptions.find,
    "jitter": parse_duration,
    "within": parse_duration,
    "window": int,
    "nth": int,
    "every": int,
    "times": int,
    "probability": float,
    "optional": _flag,
}
_EXPECTED: Final = {
    **dict.fromkeys(("window", "nth", "every", "times"), "an integer"),
    "probability": "a number",
    "optional": "true or false",
}
_EXAMPLES: Final = {
    "seconds": "latency=50ms",
    "error": "error=CannotPublish",
    "jitter": "jitter=20ms",
    "within": "within=100ms",
    "window": "window=5",
    "nth": "nth=3",
    "every": "every=3",
    "times": "times=2",
    "probability": "probability=0.05",
    "optional": "optional=true",
    "channel": "channel=orders*",
    "event": "event=created",
    "method": "method=add",
}
