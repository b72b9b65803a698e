"""A rule as a value: what it strikes, what it does, and its text."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Final

from wsrpc.names import suggestion
from wsrpc.patterns import Pattern

from . import exceptions
from .table import EFFECTS, INSTEAD, MATCHERS, SELECTION, SETTINGS, Effect, Point, legend

WINDOW: Final = 5
"""How many messages `reorder` permutes together, unless told."""

WITHIN: Final = 0.1
"""Seconds after which a window of `reorder` that is not full is sent all the same."""


class Mistake(Exception):
    """What is wrong with one argument of a rule; `argument` is its name."""

    def __init__(self, argument: str, text: str, kind: type[Exception] = ValueError) -> None:
        super().__init__(text)
        self.argument = argument
        self.kind = kind


@dataclass(frozen=True)
class Spec:
    """One rule: a fault at a point, for what it matches.

    Made by the methods of `FaultPlan`, by `parse` and by ``strategies.faults()``, which check it.
    Its text is what ``--wsrpc-faults`` takes. Times are in seconds.
    """

    point: Point
    effect: Effect
    seconds: float = 0.0
    error: type[BaseException] | BaseException | None = None
    jitter: float = 0.0
    window: int = WINDOW
    within: float = WITHIN
    channel: str | None = None
    event: str | None = None
    method: str | None = None
    nth: int | None = None
    every: int | None = None
    times: int | None = None
    probability: float | None = None
    optional: bool = False

    def __str__(self) -> str:
        words = [f"{self.point}:{self.effect}"]
        if self.effect == "latency":
            words[0] += f"={duration_text(self.seconds)}"
        elif self.error is not None:
            words[0] += f"={_quoted(exceptions.name_of(self.error))}"
        for field in fields(self)[4:]:
            value = getattr(self, field.name)
            if value != field.default:
                words.append(f"{field.name}={_value_text(field.name, value)}")
        return ",".join(words)

    __repr__ = __str__

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show hypothesis the same: it would show a dataclass by all its fields."""
        printer.text(str(self))

    @property
    def identity(self) -> str:
        """The text without what differs between two runs: the arguments of an exception."""
        if isinstance(self.error, BaseException):
            return str(self).replace(_quoted(repr(self.error)), type(self.error).__qualname__)
        return str(self)


_PLAIN: Final = {"seconds": "latency", "error": "error"}


def make(point: Any, effect: Any, **arguments: Any) -> Spec:
    """Return a checked rule; raise `Mistake` for what it cannot be."""
    check_point(point, effect)
    for name, value in arguments.items():
        if _PLAIN.get(name) != effect:
            check_name(point, effect, name)
        _CHECKS[name](name, value)
    if arguments.get("nth") is not None and arguments.get("every") is not None:
        raise Mistake("every", "nth picks one match and every picks many: give one of them")
    return Spec(point, effect, **arguments)


def duration_text(seconds: float) -> str:
    """Return a time as the shortest text that `parse` reads: ``50ms``, ``1.5s``."""
    number, unit = (seconds * 1000, "ms") if 0 < seconds < 1 else (seconds, "s")
    return f"{number:.9f}".rstrip("0").rstrip(".") + unit


def check_point(point: Any, effect: str) -> None:
    """Raise `Mistake` unless the effect is possible at the point."""
    if not isinstance(point, str):
        raise Mistake("point", f"point must be one of {_list(EFFECTS)}, got {point!r}", TypeError)
    if point not in EFFECTS:
        raise Mistake(
            "point", f"there is no point {point!r}{suggestion(point, EFFECTS)}\n{legend()}"
        )
    legal = EFFECTS[point]
    if effect in legal:
        return
    if (point, effect) in INSTEAD:
        what = f"{effect!r} is not possible at {point!r}: {INSTEAD[point, effect]}"
    else:
        what = f"there is no effect {effect!r}{suggestion(effect, legal)}"
    raise Mistake("effect", f"{what}\n{legend()}")


def check_name(point: str, effect: str, name: str) -> None:
    """Raise `Mistake` unless a rule of this kind takes a keyword of this name."""
    allowed = (*MATCHERS[point], *SETTINGS.get(effect, ()), *SELECTION)
    if name in allowed:
        return
    if any(name in names for names in (*MATCHERS.values(), *SETTINGS.values())):
        why = f"{effect!r} at {point!r} does not take {name!r}"
    else:
        why = f"there is no {name!r}{suggestion(name, allowed)}"
    raise Mistake(name, f"{why}\n{point}:{effect} takes {', '.join(allowed)}", TypeError)


def _check_seconds(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Mistake(name, f"{name} must be a number of seconds, got {value!r:.80}", TypeError)
    if not (math.isfinite(value) and value >= 0):
        raise Mistake(name, f"{name} must be seconds of at least 0, got {value!r}")


def _check_error(name: str, value: Any) -> None:
    try:
        exceptions.check(value)
    except (TypeError, ValueError) as problem:
        raise Mistake(name, str(problem), type(problem)) from None


def _check_glob(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise Mistake(name, f"{name} must be a name or a glob, got {value!r:.80}", TypeError)
    try:
        Pattern(value)
    except ValueError as problem:
        raise Mistake(name, f"{name} is no glob: {problem}") from None


def _check_count(name: str, value: Any) -> None:
    least = 2 if name == "window" else 1
    if value is None and name != "window":
        return
    if type(value) is not int:
        raise Mistake(name, f"{name} must be an integer, got {value!r:.80}", TypeError)
    if value < least:
        raise Mistake(name, f"{name} must be at least {least}, got {value}")


def _check_probability(name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Mistake(name, f"{name} must be a number, got {value!r:.80}", TypeError)
    if not 0 < value <= 1:
        raise Mistake(name, f"{name} must be more than 0 and at most 1, got {value!r}")


def _check_flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise Mistake(name, f"{name} must be True or False, got {value!r:.80}", TypeError)


_CHECKS: Final = {
    "seconds": _check_seconds,
    "error": _check_error,
    "jitter": _check_seconds,
    "window": _check_count,
    "within": _check_seconds,
    "channel": _check_glob,
    "event": _check_glob,
    "method": _check_glob,
    "nth": _check_count,
    "every": _check_count,
    "times": _check_count,
    "probability": _check_probability,
    "optional": _check_flag,
}


def _value_text(name: str, value: Any) -> str:
    if name in ("jitter", "within"):
        return duration_text(value)
    if isinstance(value, bool):
        return str(value).lower()
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    if text and not set(text) & set(",;\"'\n") and text == text.strip():
        return text
    return '"' + text.replace('"', '""') + '"'


def _list(names: Any) -> str:
    return ", ".join(map(repr, names))
