"""Strings within constraints: empty, long, unusual characters, exact lengths, patterns, formats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

from .document import Contradiction, Schema, Unsupported
from .formats import FORMAT_EDGES, FORMATS, base64_texts
from .plan import Plan, among, distinct
from .texts import CHARACTERS, EDGES, FREQUENT, SIMPLEST

LONGEST: Final = 16_384
"""Longer text is not drawn only because it may be: hypothesis warns of printing 30,000."""
_MOST: Final = 2**19
"""Longer text does not fit into a message of the usual size."""
_SLACK: Final = 24


def strings(keywords: Schema, longest: int = 0) -> Plan:
    """Return the strings that the constraints allow, and some of up to the `longest` length."""
    least, most = lengths(keywords)
    format = keywords.get("format")
    made = FORMATS.get(format) if isinstance(format, str) else None
    edges = FORMAT_EDGES.get(str(format), ())
    if keywords.get("contentEncoding") == "base64":
        format, made, edges = "base64", base64_texts(least, most), ()
    if made is not None:
        pattern = keywords.get("pattern", "")

        def right(text: str) -> bool:
            return _fits(text, least, most) and matches(text, pattern)

        free = not pattern and least == 0 and most is None
        plain = made if free else made.filter(right)
        return _plan(plain, [text for text in edges if right(text)], f"string {format}")
    if "pattern" in keywords:
        pattern = keywords["pattern"]
        extremes = _extremes(pattern, least, most)
        return _plan(matching(pattern, least, most), extremes, f"string {pattern}")
    return _texts(least, most, longest)


def _plan(
    plain: st.SearchStrategy[str],
    edges: Sequence[str],
    kind: str = "string",
    ends: Sequence[str] = (),
) -> Plan:
    return Plan(
        plain,
        kinds=frozenset({kind}),
        edges=among(edges) if edges else None,
        ends=among(ends) if ends else None,
    )


def lengths(keywords: Schema) -> tuple[int, int | None]:
    """Return the least and the greatest length that the constraints allow."""
    least, most = keywords.get("minLength", 0), keywords.get("maxLength")
    if most is not None and least > most:
        raise Contradiction(f"minLength {least} is above maxLength {most}")
    return int(least), None if most is None else int(most)


def _texts(least: int, most: int | None, longest: int) -> Plan:
    if least > _MOST:
        raise Contradiction(f"minLength {least} is above {_MOST}, the longest text drawn")
    short = least + _SLACK
    if least > 200:  # too long to draw each character
        head = st.text(CHARACTERS, max_size=_SLACK)
        plain = head.map(lambda text: text + "a" * (least - len(text)))
    else:
        longest_plain = short if most is None else min(most, short)
        plain = st.text(CHARACTERS, min_size=least, max_size=longest_plain)
    sizes = {least, least + 1} if least else set()
    longest_ones: list[str] = []
    if most is not None and most <= LONGEST:
        sizes |= {most, max(least, most - 1)}
        longest_ones = [char * most for char in "aé💩" if most > 1]
    sized = [char * size for size in sorted(sizes - {0}) for char in "aé💩"]
    if least:
        sized.append(" " * least)
    if most is None:
        sized += ["x" * size for size in _HUGE if size < longest]
    edges = (*SIMPLEST, *FREQUENT, *sized, *EDGES)
    right = sorted((text for text in edges if _fits(text, least, most)), key=len)
    return _plan(plain, right, ends=longest_ones)


_HUGE: Final = (5_000, 65_537, 500_000)


def _fits(text: str, least: int, most: int | None) -> bool:
    return len(text) >= least and (most is None or len(text) <= most)


_END: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(\$)", re.DOTALL)


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern as JSON Schema reads it: ``$`` is the very end, digits are ASCII."""
    try:
        return re.compile(_END.sub(lambda m: r"\Z" if m[1] else m[0], pattern), re.ASCII)
    except re.error as error:
        raise Unsupported(
            f"{pattern!r} is no regular expression that Python reads: {error}"
        ) from None


def matches(text: str, pattern: str) -> bool:
    """Whether text has the pattern by the rules of JSON Schema and by those of Python."""
    return compiled(pattern).search(text) is not None and re.search(pattern, text) is not None


def matching(pattern: str, least: int = 0, most: int | None = None) -> st.SearchStrategy[str]:
    """Return strings in which a pattern is found, padded or cut to a length where that helps."""
    expression = compiled(pattern)
    exact = st.from_regex(expression, fullmatch=True, alphabet=CHARACTERS)
    loose = st.from_regex(expression, alphabet=CHARACTERS)

    def fit(text: str) -> str:
        for candidate in resized(text, least, most):
            if _fits(candidate, least, most) and matches(candidate, pattern):
                return candidate
        return text

    def right(text: str) -> bool:
        return _fits(text, least, most) and matches(text, pattern)

    return st.one_of(exact, loose).map(fit).filter(right)


def _extremes(pattern: str, least: int, most: int | None) -> list[str]:
    """Return the shortest and the longest run of each of some characters that match."""
    found = []
    for char in "aA0zZ9-_. é":
        runs = [
            char * size for size in _RUNS if _fits(char * size, least, most)
            and matches(char * size, pattern)
        ]  # fmt: skip
        found += [runs[0], runs[-1]] if runs else []
    return sorted(distinct(found), key=len)


_RUNS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16)
"""Short ones, as some patterns take time exponential in the length."""


def resized(text: str, least: int, most: int | None) -> list[str]:
    if len(text) < least:
        pads = [text[-1:] or "a", "a", "0", " "]
        short = least - len(text)
        return [text + pad * short for pad in pads] + [pad * short + text for pad in pads]
    if most is not None and len(text) > most:
        return [text[:most], text[len(text) - most :]]
    return [text]
