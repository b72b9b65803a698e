"""All checks there are: a module that registers some is to be imported here.

`registry` says how a check is made and run; this is for what lists or names them.
"""

from __future__ import annotations

from . import checks, phases, rounds
from .registry import CHECKS, listing

__all__ = ["CHECKS", "checks", "listing", "phases", "rounds"]
