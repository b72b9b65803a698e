"""Durations as people write them: ``50ms``, ``1.5s``, ``24h``."""

from __future__ import annotations

import math
import re
from typing import Final

UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}

_DURATION: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-z]*)\s*")


def parse_duration(text: str) -> float:
    """Return the seconds that a text stands for: a number with a unit, or a number of seconds.

    Raises `ValueError`, which says what was expected.
    """
    match = _DURATION.fullmatch(text)
    unit = match and (match[2] or "s")
    if match is None or unit not in UNITS or not math.isfinite(float(match[1])):
        raise ValueError(
            f"expected a duration such as 50ms, 1.5s, 10m or 24h, got {text!r:.80}; the units are "
            f"{', '.join(UNITS)}"
        )
    # Divide where that is exact: 50 * 1e-3 is not 0.05.
    number, seconds = float(match[1]), UNITS[unit]
    return number * seconds if seconds >= 1 else number / round(1 / seconds)
