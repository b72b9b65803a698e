"""Run one item: search, make sure of what was found, and tell."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from .case import Case, Exchange
from .checks import first_failure
from .failure import CheckFailure, Finding
from .phases import Phase, Subject
from .play import play
from .search import NothingToTry, Stop, search
from .serving import Host
from .settings import Settings
from .tally import Tally

SHRINKING_TIME = 20.0
"""Seconds from the first failure on: enough for thousands of cases, or a few that time out."""

SILENT_CASES = 3
"""Cases without a reply, and none with one before, after which a method waits for something."""

CONFIRMATIONS = 2
"""Times that a failure must show again, each on a fresh application."""


@dataclass(frozen=True)
class Job:
    """What one item does."""

    name: str
    """The item's id: the name of its failures in hypothesis' database, and part of its seed."""
    target: str
    subject: Subject
    phase: Phase
    path: str
    settings: Settings
    root: Path
    deadline: float | None
    """On `time.monotonic`'s clock, the end of the item's time."""


class Run:
    """One run of a job: cases played, failures found."""

    def __init__(self, job: Job, host: Host) -> None:
        self.tally = Tally(job.target, job.subject.name, job.phase.name)
        self._job = job
        self._host = host
        self._found: dict[object, Finding] = {}
        self._silent: list[Case] = []
        self._has_answered = False
        self._found_at = 0.0
        self._broken: Exception | None = None

    def findings(self) -> list[Finding]:
        """Search, and return the failures that showed again each time, smallest case of each.

        Raises what the application's factory, start or clean-up raised.
        """
        job = self._job
        try:
            search(
                job.phase.cases(job.subject),
                self._attempt,
                name=job.name,
                seed=job.settings.seed.value,
                max_examples=job.settings.max_examples,
            )
        except NothingToTry:
            self.tally.warnings.append("no case could be generated")
        if self._broken is not None:
            raise self._broken
        confirmed = self._confirmed()
        self.tally.failures = len(confirmed)
        if not confirmed:
            self.tally.warn_of_refusals(with_headers=bool(job.settings.headers))
        return confirmed

    def _attempt(self, case: Case) -> object | None:
        now = time.monotonic()
        if self._job.deadline is not None and now > self._job.deadline:
            self.tally.warnings.append(f"its time was over after {self.tally.cases} cases")
            raise Stop
        if self._found and now > self._found_at + SHRINKING_TIME:
            raise Stop
        try:
            exchange, failure = self._play(case)
        except Exception as error:  # whatever the application's factory and clean-up raise
            self._broken = error
            raise Stop from None
        if not self._found:
            self.tally.count(exchange)
        if failure is not None and failure.is_silence and not self._has_answered:
            self._silent.append(case)
            if len(self._silent) >= SILENT_CASES:
                raise Stop
            return None
        self._has_answered = True
        if failure is None:
            return None
        if not self._found:
            self._found_at = time.monotonic()
        self._keep(Finding(case, exchange, failure))
        return failure.identity

    def _keep(self, finding: Finding) -> None:
        known = self._found.get(finding.failure.identity)
        if known is None or finding.case.size <= known.case.size:
            self._found[finding.failure.identity] = finding

    def _confirmed(self) -> list[Finding]:
        if self._silent and not self._has_answered:
            self.tally.warnings.append(
                f"no call was answered within {self._job.settings.case_timeout:g} s: "
                "it waits for something"
            )
        elif self._silent:
            # what had no answer while nothing else had one either is worth another look
            self._look_again(self._silent[0])
        confirmed = []
        for finding in self._found.values():
            again = self._again(finding)
            if again is not None:
                confirmed.append(again)
            else:
                self.tally.warnings.append(f"seen once, but not again: {finding.failure}")
        return confirmed

    def _look_again(self, case: Case) -> None:
        exchange, failure = self._play(case)
        if failure is not None:
            self._keep(Finding(case, exchange, failure))

    def _again(self, finding: Finding) -> Finding | None:
        """Play the same conversation again on a fresh application, as often as it must fail."""
        for _ in range(CONFIRMATIONS):
            exchange, failure = self._play(finding.case)
            if failure != finding.failure:
                return None
            finding = Finding(finding.case, exchange, failure)
        return finding

    def _play(self, case: Case) -> tuple[Exchange, CheckFailure | None]:
        settings = self._job.settings
        exchange = self._host.run(
            play(self._host, case, self._job.path, settings.headers, settings.case_timeout)
        )
        return exchange, first_failure(exchange, settings.excluded_checks, self._job.root)
