"""Integers and numbers within bounds: the bounds themselves and the edges of machine types too."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from hypothesis import strategies as st

from .document import Contradiction, Schema
from .merge import exactly
from .plan import Plan, distinct

_SIMPLEST: Final = (*[0] * 9, *[-1] * 3, 1, 1, 2)
_FREQUENT: Final = (
    0, 1, -1, 10, 100, 1000, 10_000, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1,
)  # fmt: skip
INTEGER_EDGES: Final = tuple(
    sorted(
        {*_FREQUENT, 3, 7, 64, 255, 256, 1001, 65_536, 10**6, 10**9, 10**12, -100, -(2**31) - 1}
        | {2**bits + step for bits in (31, 32, 53, 63, 64) for step in (-1, 0, 1)}
        | {-(2**bits) for bits in (31, 53, 63, 64)},
        key=lambda n: (abs(n), n < 0),
    )
)
"""Where machine types end, where tables and recursion do; the simplest first."""
FLOAT_EDGES: Final = (
    0, 1, 1.0, -1, 0.5, 0.1, -0.0, -0.5, 1.5, 100, 0.005, 2.675, 99.99, 1e-7, 5e-324,
    2.2250738585072014e-308, 2**53, 2.0**53, 2.0**53 + 2, 1e16, 1e22, 1e308, 1.7976931348623157e308,
    -1.7976931348623157e308,
)  # fmt: skip
_NEAR: Final = 64
_MOST: Final = 10**9


@dataclass(frozen=True)
class Bounds:
    """The range of numbers that a schema allows; None where it has no end."""

    low: float | None
    high: float | None
    open_low: bool
    open_high: bool
    step: Fraction | None
    """What a number must be a multiple of."""

    @classmethod
    def of(cls, keywords: Schema) -> Bounds:
        """Read the constraints; raises `Contradiction` where no number is left."""
        low, open_low = _tightest(keywords, "minimum", "exclusiveMinimum", max)
        high, open_high = _tightest(keywords, "maximum", "exclusiveMaximum", min)
        if low is not None and high is not None:
            if low > high:
                raise Contradiction(f"the minimum {low} is above the maximum {high}")
            if low == high and (open_low or open_high):
                raise Contradiction(f"no number is between {low} and itself")
        step = keywords.get("multipleOf")
        return cls(low, high, open_low, open_high, None if step is None else exactly(step))

    def contains(self, number: float) -> bool:
        """Whether a number is within the bounds, and a multiple of what it must be."""
        if self.low is not None and (number < self.low or (self.open_low and number == self.low)):
            return False
        if self.high is not None and (
            number > self.high or (self.open_high and number == self.high)
        ):
            return False
        return self.step is None or (exactly(number) / self.step).denominator == 1

    def is_exact(self) -> bool:
        """Whether multiples of the step are doubles, so that no division is rounded."""
        denominator = 1 if self.step is None else self.step.denominator
        return denominator & (denominator - 1) == 0

    def multiples(self, step: Fraction) -> tuple[int | None, int | None]:
        """Return the first and the last factor whose product with `step` is within the bounds."""
        first = last = None
        if self.low is not None:
            first = math.ceil(exactly(self.low) / step)
            first += self.open_low and first * step == exactly(self.low)
        if self.high is not None:
            last = math.floor(exactly(self.high) / step)
            last -= self.open_high and last * step == exactly(self.high)
        if first is not None and last is not None and first > last:
            raise Contradiction(f"no multiple of {float(step):g} is within the bounds")
        return first, last


def _tightest(
    keywords: Schema, closed: str, open: str, pick: Callable[[Iterable[float]], float]
) -> tuple[float | None, bool]:
    ends = [
        (keywords[keyword], keyword == open) for keyword in (closed, open) if keyword in keywords
    ]
    if not ends:
        return None, False
    end = pick(value for value, _ in ends)
    return end, any(value == end and is_open for value, is_open in ends)


def integers(keywords: Schema, floats: bool = False) -> Plan:
    """Return the integers that the constraints allow; with `floats` also such as 1.0."""
    bounds = Bounds.of(keywords)
    step = 1 if bounds.step is None else bounds.step.numerator
    first, last = bounds.multiples(Fraction(step))
    base = st.integers(first, last)
    plain = base if step == 1 else base.map(lambda factor: factor * step)
    if first is not None and first == last:
        return Plan(plain, kinds=_INTEGER)
    near = [n * step for end, inner in ((first, 1), (last, -1)) if end is not None
            for n in (end, end + inner)]  # fmt: skip
    edges = _edges(bounds, near * 4, _SIMPLEST, _FREQUENT, INTEGER_EDGES)
    if floats:
        edges += [float(n) for n in distinct(edges) if abs(n) <= 2**53][:4]
    return Plan(
        plain,
        kinds=_INTEGER,
        edges=_sampled(edges),
        ends=_ends(end * step for end in (first, last) if end is not None),
    )


def numbers(keywords: Schema) -> Plan:
    """Return the integers and finite floats that the constraints allow."""
    bounds = Bounds.of(keywords)
    if bounds.step is not None:
        return _multiples(bounds, bounds.step)
    least, most = (
        _double(bounds.low, bounds.open_low, 1),
        _double(bounds.high, bounds.open_high, -1),
    )
    near = [end for end in (least, most) if end is not None]
    whole = [n for end, inner in ((bounds.low, 1), (bounds.high, -1)) if end is not None
             for n in (math.ceil(end), math.floor(end), math.ceil(end) + inner)]  # fmt: skip
    edges = _edges(bounds, near * 4, _SIMPLEST, FLOAT_EDGES, whole, _FREQUENT)
    if least is None or most is None or least <= most:
        floats = st.floats(least, most, allow_nan=False, allow_infinity=False)
        return Plan(floats, kinds=_NUMBER, edges=_sampled(edges), ends=_ends(near))
    if edges:  # integers beyond what a double tells apart
        return Plan(_sampled(edges), kinds=_NUMBER)
    raise Contradiction("no double is within the bounds")


_INTEGER: Final = frozenset({"integer"})
_NUMBER: Final = frozenset({"number"})


def _edges(bounds: Bounds, *groups: Iterable[float]) -> list[float]:
    """Return what is within the bounds, as often as it stands in the groups."""
    return [n for group in groups for n in group if bounds.contains(n)]


def _sampled(edges: list[float]) -> st.SearchStrategy[float]:
    return st.sampled_from(sorted(edges, key=lambda n: (abs(n), n < 0)))


def _ends(ends: Iterable[float]) -> st.SearchStrategy[float] | None:
    """Return the ends of a range, but for those that come up often enough: 0 and 1."""
    ends = [n for n in ends if abs(n) > 1]
    return _sampled(ends) if ends else None


def _multiples(bounds: Bounds, step: Fraction) -> Plan:
    first, last = bounds.multiples(step)
    start = max(first or 0, 0) if last is None else min(max(first or 0, 0), last)
    factors = {start + k for k in range(-_NEAR, _NEAR)} | {2**k for k in range(24)}
    factors |= {-factor for factor in factors} | ({first, last} - {None})
    listed = [n for k in factors if bounds.contains(n := _number(k * step))]
    listed.sort(key=lambda n: (abs(n), n < 0))
    if not bounds.is_exact():
        # most products are rounded: keep those that any way of dividing finds to be multiples
        sure = [n for n in listed if math.fmod(n, float(step)) == 0]
        return Plan(st.sampled_from(sure or listed))
    least = -_MOST if first is None else first
    most = _MOST if last is None else last
    among = st.integers(min(least, most), max(least, most)).map(lambda k: _number(k * step))
    return Plan(among.filter(bounds.contains), kinds=_NUMBER, edges=st.sampled_from(listed))


def _number(exact: Fraction) -> float:
    return exact.numerator if exact.denominator == 1 else float(exact)


def _double(end: float | None, is_open: bool, inward: int) -> float | None:
    """Return the last double within an end."""
    if end is None:
        return None
    number = float(end)
    outside = number < end if inward > 0 else number > end
    if outside or (is_open and number == end):
        number = math.nextafter(number, inward * math.inf)
    return number
