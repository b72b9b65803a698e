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
