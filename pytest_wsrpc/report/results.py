"""What a run has found, put together from the reports of its tests."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .story import Story

if TYPE_CHECKING:
    from ..fuzz.folding import Shown
    from ..fuzz.reporting import Outcome


@dataclass(frozen=True)
class Header:
    """What is known before the first test runs."""

    started: str
    """The time, with its offset, as ISO 8601 has it."""
    seed: int
    origin: str
    """Where the seed came from."""
    targets: tuple[str, ...]
    """What is fuzzed."""
    versions: dict[str, str]


@dataclass
class FuzzItem:
    """One item of the fuzzer."""

    id: str
    target: str
    endpoint: str
    method: str
    """Empty for an item of an endpoint."""
    phase: str
    outcome: str = "passed"
    """Also ``failed``; ``error``, for what is no finding; ``skipped``; ``xfailed``."""
    reason: str = ""
    """Why it was skipped or expected to fail, or the text of an error."""
    again: str = ""
    """The command that runs it again, if it failed."""
    seconds: float = 0.0
    cases: int = 0
    warnings: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    found: list[Shown] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """The endpoint, and the method if it is of one."""
        return f"{self.endpoint} {self.method}".rstrip()


@dataclass
class FailedTest:
    """A test of the project's own that failed, and used the fixtures."""

    id: str
    again: str
    """The command that runs it again."""
    headline: str = ""
    errors: list[tuple[str, str]] = field(default_factory=list)
    """The phases that failed, ``setup``, ``call``, ``teardown``, each with what pytest shows."""
    sections: dict[str, str] = field(default_factory=dict)
    """What else the report says, by title: conversations, exceptions, captured output."""
    story: Story = field(default_factory=Story)
    seconds: float = 0.0


@dataclass
class Results:
    """All there is to tell of a run."""

    header: Header
    items: dict[str, FuzzItem] = field(default_factory=dict)
    tests: dict[str, FailedTest] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """What kept tests from running, such as a file that cannot be imported: where, and the text."""
    counts: Counter[str] = field(default_factory=Counter)
    """Tests other than the fuzzer's, by outcome."""
    failed: set[str] = field(default_factory=set)
    """Those of them that failed, also where they used no fixture of ours."""
    collected: dict[str, None] = field(default_factory=dict)
    reported: set[str] = field(default_factory=set)
    deselected: int = 0
    seconds: float = 0.0
    ended: str = ""
    """How, where it was not by itself."""
    exit_status: int = 0
    outcome: Outcome | None = None
    """Of the fuzzer's items together, if there were any."""

    @property
    def unreached(self) -> list[str]:
        """The tests that were to run, and were not reached, or not finished."""
        return [id for id in self.collected if id not in self.reported]

    @property
    def not_reached(self) -> str:
        """How many they are, as the begin of a sentence."""
        number = len(self.unreached)
        were = "1 test was" if number == 1 else f"{number:,} tests were"
        return f"{were} not reached, or not finished"

    @property
    def elsewhere(self) -> int:
        """How many tests failed that used none of the fixtures."""
        return len(self.failed - self.tests.keys())

    @property
    def broken(self) -> list[FuzzItem]:
        """The items that could not do what they were to do."""
        return [item for item in self.items.values() if item.outcome == "error"]


def defect_id(defect: tuple[str, ...]) -> str:
    """Return a short name of a defect, the same in every run."""
    return hashlib.sha256(json.dumps(defect).encode()).hexdigest()[:12]


def fuzz_item(id: str, told: dict[str, Any]) -> FuzzItem:
    """Return the item that a report tells of."""
    names = {name: told[name] for name in ("target", "endpoint", "method", "phase")}
    return FuzzItem(id, **names)
