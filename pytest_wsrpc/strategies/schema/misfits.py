"""Single values that miss what a schema asks for: of another type, just out of range, too long."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from .document import Schema, escaped
from .formats import BAD
from .merge import Flat
from .numbers import Bounds
from .plan import KINDS, accepted
from .strings import LONGEST, lengths, matches, resized

_SHOWN: Final = 60


@dataclass(frozen=True)
class Misfit:
    """A value with one thing wrong: where, which keyword it violates, and how."""

    value: Any
    keyword: str
    detail: str
    path: tuple[str, ...] = ()

    def why(self) -> str:
        """Return what is wrong as a sentence."""
        place = "".join(f"/{escaped(name)}" for name in self.path)
        return f"violates {self.keyword}{place and f' at {place}'}: {self.detail}"


_ANY_KIND: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    1.5,
    "1",
    "",
    "true",
    "null",
    [],
    {},
    1.0,
    2**53 + 1,
    "a",
    [None],
    [0],
    {"a": 0},
)


def kind_of(value: Any) -> str:
    """Return the JSON type of a value, integers told from other numbers."""
    return KINDS[type(value)]


def shown(value: Any) -> str:
    """Return a value as JSON, cut if it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def of_other_types(flats: list[Flat]) -> Iterator[Misfit]:
    """Yield values of the types that none of the alternatives has."""
    kinds = dict.fromkeys(
        kind
        for flat in flats
        for kind in (map(kind_of, flat.values) if flat.kind == "values" else [flat.kind])
    )
    expected = " or ".join(kinds)
    taken = {*kinds, "integer"} if "number" in kinds else {*kinds}
    for value in _ANY_KIND:
        if kind_of(value) not in taken:
            yield Misfit(value, "type", f"{shown(value)} is not of type {expected}")


def near(flat: Flat) -> Iterator[Misfit]:
    """Yield values of the right type that just miss a constraint of one alternative."""
    if flat.kind == "values":
        yield from _near_values(flat.values)
    elif flat.kind in ("integer", "number"):
        yield from _near_numbers(flat.keywords, flat.kind)
    elif flat.kind == "string":
        yield from _near_strings(flat.keywords)
    elif flat.kind == "array" and "contains" in flat.keywords:
        yield Misfit([], "contains", "the items that it must contain are missing")


def _near_values(values: tuple[Any, ...]) -> Iterator[Misfit]:
    keyword = "const" if len(values) == 1 else "enum"
    expected = shown(values[0]) if len(values) == 1 else f"one of {shown(values)}"
    for value in values:
        for other in _changed(value):
            yield Misfit(other, keyword, f"{shown(other)} is not {expected}")


def _changed(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        near = (f"{value}x", value[:-1], value[1:], value.swapcase(), f" {value}", f"{value} ",
                f"{value}\n", f"{value}\x00", value * 2, "")  # fmt: skip
        return tuple(dict.fromkeys(near))
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, (int, float)):
        return (value + 1, value - 1, -value, value + 0.5, 2**63)
    return ([], {}, [value], {"unknown": 0})


def _near_numbers(keywords: Schema, kind: str) -> Iterator[Misfit]:
    for keyword, inward, says in (
        ("minimum", 1, "less than"),
        ("exclusiveMinimum", 1, "not greater than"),
        ("maximum", -1, "greater than"),
        ("exclusiveMaximum", -1, "not less than"),
    ):
        if keyword in keywords:
            end = keywords[keyword]
            for value in _beyond(end, inward, keyword.startswith("exclusive"), kind):
                yield Misfit(value, keyword, f"{shown(value)} is {says} {end}")
    step = Bounds.of(keywords).step
    if step is not None:
        start = keywords.get("minimum", 0)
        some = start - start % keywords["multipleOf"] + keywords["multipleOf"]
        for value in (some + 1, some - 1) if kind == "integer" else (some * 1.5, some + 0.25, 0.7):
            detail = f"{shown(value)} is not a multiple of {keywords['multipleOf']}"
            yield Misfit(value, "multipleOf", detail)


def _beyond(end: float, inward: int, exclusive: bool, kind: str) -> Iterator[float]:
    """Yield numbers beyond an end, the closest first."""
    if exclusive and (kind == "number" or end == int(end)):
        yield int(end) if end == int(end) else end
    whole = math.ceil(end) if inward > 0 else math.floor(end)
    yield whole - inward
    if kind == "number" and not exclusive:
        yield math.nextafter(end, -inward * math.inf)
    yield whole - inward * 2**31
    yield whole - inward * 2**63


def _near_strings(keywords: Schema) -> Iterator[Misfit]:
    least, most = lengths(keywords)
    for size in {0, least - 1} if 0 < least <= LONGEST else ():
        for char in "aé0 💩":
            yield Misfit(char * size, "minLength", f"{size} characters are fewer than {least}")
    if most is not None and most < LONGEST and not {"pattern", "format"} & keywords.keys():
        for char in "aé💩":
            yield _too_long(char * (most + 1), most)
    if "pattern" in keywords:
        for text in _UNLIKELY:
            for fitted in resized(text, least, most):
                if not matches(fitted, keywords["pattern"]):
                    detail = f"{shown(fitted)} does not match {keywords['pattern']!r}"
                    yield Misfit(fitted, "pattern", detail)
    if keywords.get("contentMediaType") == "application/json":
        for text in BAD["json-string"]:
            yield Misfit(text, "contentMediaType", f"{shown(text)} is not JSON")
    if "contentEncoding" in keywords:
        for text in BAD["base64"]:
            yield Misfit(text, "contentEncoding", f"{shown(text)} is not base64")
    format = keywords.get("format")
    for text in (*BAD.get(str(format), ()), "", "?") if format else ():
        yield Misfit(text, "format", f"{shown(text)} is no {format}")


_UNLIKELY: Final = ("", "a", "A", "0", " ", "!", "é", "\n", "aa", "!0", "-", "💩")


def _too_long(text: str, most: int) -> Misfit:
    return Misfit(text, "maxLength", f"{len(text)} characters are more than {most}")


def further(flat: Flat, valid: st.SearchStrategy[Any]) -> list[st.SearchStrategy[Misfit]]:
    """Return misfits of one alternative that are drawn, to vary them or to break valid ones."""
    if flat.kind == "string":
        return [*_changed_texts(flat.keywords, valid)]
    if flat.kind not in ("integer", "number"):
        return []
    bounds = Bounds.of(flat.keywords)
    found = []
    if bounds.low is not None:
        low = math.ceil(bounds.low)
        below = st.integers(max_value=low - 1)
        found.append(below.map(lambda n: Misfit(n, "minimum", f"{n} is less than {low}")))
    if bounds.high is not None:
        high = math.floor(bounds.high)
        above = st.integers(min_value=high + 1)
        found.append(above.map(lambda n: Misfit(n, "maximum", f"{n} is greater than {high}")))
    return found


def _changed_texts(
    keywords: Schema, valid: st.SearchStrategy[str]
) -> Iterator[st.SearchStrategy[Misfit]]:
    most = lengths(keywords)[1]
    if most is not None and most < LONGEST and {"pattern", "format"} & keywords.keys():
        yield valid.map(lambda text: _too_long(_grown(text, most + 1), most))
    pattern = keywords.get("pattern")
    if pattern is None:
        return

    def changed(drawn: tuple[str, Callable[[str], str]]) -> Misfit:
        text = drawn[1](drawn[0])
        return Misfit(text, "pattern", f"{shown(text)} does not match {pattern!r}")

    near = st.tuples(valid, st.sampled_from(_CHANGES)).map(changed)
    yield accepted(near, lambda misfit: not matches(misfit.value, pattern))


_CHANGES: Final[tuple[Callable[[str], str], ...]] = (
    lambda text: text[:-1],
    lambda text: text[1:],
    lambda text: f"{text} ",
    lambda text: f" {text}",
    lambda text: text.swapcase(),
    lambda text: f"{text}x",
    lambda text: f"{text}\n",
    lambda text: text + text,
    lambda text: f"{text[:1]}é{text[2:]}",
)


def _grown(text: str, size: int) -> str:
    return resized(text, size, None)[0]
