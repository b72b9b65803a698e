"""Headers of the fuzzer's handshakes: their form, and which of two is sent."""

from __future__ import annotations

import re
from collections.abc import Sequence

Headers = tuple[tuple[str, str], ...]

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r"[^\r\n\0]*")

MASK = "..."
"""Stands for a value that no report is to show."""

SECRET = re.compile(r"auth|cookie|token|secret|key|password", re.IGNORECASE)
"""Names whose values no report is to show."""


def merged(*sources: Sequence[tuple[str, str]]) -> Headers:
    """Return the headers of all sources; where two have one of the same name, the earlier's."""
    found: list[tuple[str, str]] = []
    for source in sources:
        known = {name.lower() for name, _ in found}
        found += [(name, value) for name, value in source if name.lower() not in known]
    return tuple(found)


def masked(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers, or members of a query, without the values that are likely to be secret."""
    return [(name, MASK if SECRET.search(name) else value) for name, value in headers]


def fill_in(headers: Sequence[tuple[str, str]], also: Sequence[str] = ()) -> str:
    """Return the comment, of Python and of a shell, that names the masked headers, or nothing."""
    names = dict.fromkeys([name for name, _ in headers if SECRET.search(name)] + [*also])
    return f"  # fill in {', '.join(names)}" if names else ""
