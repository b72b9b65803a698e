"""Fault rules that nothing matched: a test that passes with them has tested nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class UnusedFaults:
    """The rules of a plan that never matched and are not optional."""

    kind: ClassVar[str] = "unused-faults"
    text: str
    """What `faults.verdict` says: a line, a paragraph for each rule, one with the advice."""

    def head(self) -> str:
        """Say how many rules there are."""
        return self.text.partition("\n")[0]

    def details(self) -> str:
        """Give each rule, and what was seen at its point instead."""
        return self.text.partition("\n\n")[2].rpartition("\n\n")[0]

    def advice(self) -> str:
        """Say how a rule may stay unused."""
        return self.text.rpartition("\n\n")[2].rstrip(".")

    def exception(self) -> BaseException | None:
        """Give the first exception of the application among them."""
        return None
