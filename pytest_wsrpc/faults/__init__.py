"""Faults: rules that break what an application rests on, seeded, counted and healed.

What can strike where is `EFFECTS`, in `pytest_wsrpc.faults.table`.
"""

from __future__ import annotations

from .plan import FaultPlan
from .report import verdict
from .rule import Rule
from .spec import Spec
from .table import EFFECTS, MATCHERS, POINTS, Effect, Point
from .text import FaultSyntaxError, parse

__all__ = [
    "EFFECTS",
    "MATCHERS",
    "POINTS",
    "Effect",
    "FaultPlan",
    "FaultSyntaxError",
    "Point",
    "Rule",
    "Spec",
    "parse",
    "verdict",
]
