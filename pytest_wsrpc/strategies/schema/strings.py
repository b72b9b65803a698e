"""Strings within constraints: empty, long, unusual characters, exact lengths, patterns, formats."""

from __future__ import annotations

import re
from typing import Final

from hypothesis import strategies as st

from .document import Contradiction, Schema, Unsupported
from .formats import FORMATS, base64_texts

EDGES: Final = (
    "", " ", "0", "-1", "null", "true", "é", "ß", "İ", "中文", "\u202eabc", "e\u0301", "\u200d",
    "\ufeff", "\x00", "\x7f", "\n", "\t\r\n", '"', "\\", "'; --", "%s", "{}", "<b>", "../..", "💩",
    "👩\u200d👩\u200d👧", "\U0010ffff", "NaN", "a" * 64, "é" * 300, "x" * 1024,
)  # fmt: skip
LONGEST: Final = 16_384
"""Longer text is not drawn only because it may be: hypothesis warns of printing 30,000."""
_MOST: Final = 2**19
"""Longer text does not fit into a message of the usual size."""
_SLACK: Final = 24


def strings(keywords: Schema) -> st.SearchStrategy[str]:
    """Return the strings that the constraints allow."""
    least, most = lengths(keywords)
    format = keywords.get("format")
    made = FORMATS.get(format) if isinstance(format, str) else None
    if keywords.get("contentEncoding") == "base64":
        made = base64_texts(least, most)
    if made is not None:
        pattern = keywords.get("pattern", "")
        if not pattern and least == 0 and most is None:
            return made
        return made.filter(lambda text: _fits(text, least, most) and matches(text, pattern))
    if "pattern" in keywords:
        return matching(keywords["pattern"], least, most)
    return _texts(least, most)


def lengths(keywords: Schema) -> tuple[int, int | None]:
    """Return the least and the greatest length that the constraints allow."""
    least, most = keywords.get("minLength", 0), keywords.get("maxLength")
    if most is not None and least > most:
        raise Contradiction(f"minLength {least} is above maxLength {most}")
    return int(least), None if most is None else int(most)


def _texts(least: int, most: int | None) -> st.SearchStrategy[str]:
    if least > _MOST:
        raise Contradiction(f"minLength {least} is above {_MOST}, the longest text drawn")
    short = least + _SLACK
    if least > 200:  # too long to draw each character
        head = st.text(max_size=_SLACK)
        base = head.map(lambda text: text + "a" * (least - len(text)))
    else:
        base = st.text(min_size=least, max_size=short if most is None else min(most, short))
    edges = [text for text in EDGES if _fits(text, least, most)]
    ends = {least, least + 1} if least else set()
    if most is not None and most <= LONGEST:
        ends |= {most, max(least, most - 1)}
    for size in sorted(ends - {0}):
        edges += [char * size for char in "aé💩" if _fits("a" * size, least, most)]
    return base | st.sampled_from(list(dict.fromkeys(edges))) if edges else base


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


_CHARACTERS: Final = st.characters(codec="utf-8")


def matching(pattern: str, least: int = 0, most: int | None = None) -> st.SearchStrategy[str]:
    """Return strings in which a pattern is found, padded or cut to a length where that helps."""
    expression = compiled(pattern)
    exact = st.from_regex(expression, fullmatch=True, alphabet=_CHARACTERS)
    loose = st.from_regex(expression, alphabet=_CHARACTERS)

    def fit(text: str) -> str:
        for candidate in resized(text, least, most):
            if _fits(candidate, least, most) and matches(candidate, pattern):
                return candidate
        return text

    def right(text: str) -> bool:
        return _fits(text, least, most) and matches(text, pattern)

    return st.one_of(exact, loose).map(fit).filter(right)


def resized(text: str, least: int, most: int | None) -> list[str]:
    if len(text) < least:
        pads = [text[-1:] or "a", "a", "0", " "]
        short = least - len(text)
        return [text + pad * short for pad in pads] + [pad * short + text for pad in pads]
    if most is not None and len(text) > most:
        return [text[:most], text[len(text) - most :]]
    return [text]
