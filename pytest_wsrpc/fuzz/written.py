"""Values as a person would write them in a test."""

from __future__ import annotations

import pprint
import re
from collections.abc import Sequence
from typing import Any, Final

WIDTH: Final = 88
"""Columns of the lines of a test, which is indented."""

_LONG_TEXT: Final = 40
_LONG_LIST: Final = 12
_PERIODS: Final = 16
_REPEATS: Final = 3
"""Times that a part comes at least, for it to be written once."""

_RUNS: Final = re.compile(r"((.)\2{99,})", re.DOTALL)
"""A hundred and more of one character."""


class Code:
    """An expression, whose repr is the expression itself."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def assigned(start: str, value: object, end: str, *, name: str) -> list[str]:
    """Return a call with a value in it, under a name of its own where the line would be long."""
    short = folded(value)
    line = f"{start}{short!r}{end}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{name} = {literal(short, f'{name} = ')}", f"{start}{name}{end}"]


def literal(value: object, start: str) -> str:
    """Return a value as it is written after `start`, on as many lines as it needs."""
    text = pprint.pformat(folded(value), width=WIDTH - len(start), sort_dicts=False)
    return text.replace("\n", "\n" + " " * len(start))


def folded(value: Any) -> Any:
    """Return a value in which long texts and lists that repeat themselves say so: ``"a" * 100``."""
    if isinstance(value, str) and len(value) > _LONG_TEXT:
        return _repeated(value, value) or _with_runs(value)
    if isinstance(value, dict):
        return {key: folded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = type(value)(map(folded, value))
        is_long = isinstance(value, list) and len(value) > _LONG_LIST
        return (_repeated(value, parts) if is_long else None) or parts
    return value


def _with_runs(text: str) -> Any:
    """Return a text with its long runs of one character as products."""
    parts = _RUNS.split(text)
    # plain, run, its character, plain, ...
    terms = [repr(plain) for plain in parts[::3]]
    for number, (run, char) in enumerate(zip(parts[1::3], parts[2::3], strict=True)):
        terms.insert(2 * number + 1, f"{char!r} * {len(run)}")
    return Code(" + ".join(term for term in terms if term != "''")) if len(parts) > 1 else text


def _repeated(value: Sequence[Any], shown: Sequence[Any]) -> Code | None:
    """Return a value as one part of it, so many times, and what is left; None if it is not that."""
    for period in range(1, _PERIODS + 1):
        times, rest = divmod(len(value), period)
        if times >= _REPEATS and value[period:] == value[:-period]:
            end = f" + {shown[-rest:]!r}" if rest else ""
            return Code(f"{shown[:period]!r} * {times}{end}")
    return None
