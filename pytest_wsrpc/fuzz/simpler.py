"""Simpler numbers and texts in a payload.

Hypothesis shrinks a value within the list that it was drawn from: of the edges, the smallest that
fails. What lies between them is tried here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

_SINGLY: Final = 16
"""Parts of a text that are left out, and characters that are replaced, one at a time."""


def simpler_values(value: Any) -> Iterator[Any]:
    """Yield JSON values like this one, each with one number or text that is simpler."""
    if isinstance(value, dict):
        for name, member in value.items():
            for changed in simpler_values(member):
                yield {**value, name: changed}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            for changed in simpler_values(item):
                yield [*value[:index], changed, *value[index + 1 :]]
    elif isinstance(value, str):
        yield from _texts(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _numbers(value)


def _numbers(number: float) -> Iterator[float]:
    if isinstance(number, float):
        yield from _floats(number)
        return
    sign, step = (1 if number > 0 else -1), abs(number)
    while step:
        yield number - sign * step
        step //= 2


def _floats(number: float) -> Iterator[float]:
    near: list[float] = [0, 1, -1]
    if abs(number) >= 2**53:
        near.append(math.copysign(10.0 ** (math.log10(abs(number)) // 2), number))
    else:
        near += [int(number), round(number, 1), round(number, 2)]
    least = max(1, abs(number))
    yield from (n for n in near if number and repr(n) != repr(number) and abs(n) <= least)


def _texts(text: str) -> Iterator[str]:
    step = len(text)
    while step:
        for start in [*range(0, len(text), step)][:_SINGLY]:
            yield text[:start] + text[start + step :]
        step //= 2
    if text.strip("a"):
        yield "a" * len(text)
    for index, char in enumerate(text[:_SINGLY]):
        for plain in _PLAIN[: _PLAIN.index(char)] if char in _PLAIN else _PLAIN:
            yield f"{text[:index]}{plain}{text[index + 1 :]}"


_PLAIN: Final = "a0 "
"""The plainest character first."""
