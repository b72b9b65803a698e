"""Run one item: search, make sure of what was found, and tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from .apart import Alive, ended_by, play_apart
from .blocking import blame
from .budget import Budget
from .case import Case, Exchange
from .caselog import CaseLog
from .containing import ProcessEnded
from .conversation import Call, Conversation
from .failure import CheckFailure, Finding
from .judging import judge
from .phases import Phase, Subject
from .play import shake_hands
from .races import by_race
from .record import Record
from .search import NothingToTry, Stop, can_replay, search
from .serving import Host, ServerGone
from .settings import Settings
from .tally import Tally
from .untyped import is_untyped

AnyCase: TypeAlias = Case | Conversation

SHRINKING_TIME = 20.0
"""Seconds from the first failure on: enough for thousands of cases, or a few that time out."""

HELD_TIME = 3.0
"""Seconds that cases may take in which a handler holds the event loop, before the search ends."""

SHORTENING_TIME = 5.0
"""Seconds for leaving out steps of a conversation, some milliseconds each."""

SILENT_CASES = 20
"""Cases without a reply, and none with one before, after which a method waits for something."""

SILENT_TIME = 10.0
"""Seconds after which fewer will do: some wait in real time."""

ENDING = "stays-open"
"""The check that tells of a server that has ended."""

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
    budget: Budget
    apart: Callable[[], Host] | None = None
    """Makes the host of a case, where each needs a process of its own."""
    log: CaseLog | None = None
    """Keeps each case, where somebody wants to read of it."""


class Run:
    """One run of a job: cases played, failures found."""

    def __init__(self, job: Job, host: Host) -> None:
        endpoint, method = job.subject.endpoint, job.subject.method
        self.tally = Tally(
            job.target,
            job.subject.name,
            job.phase.name,
            endpoint.path,
            method.name if method is not None else None,
            untyped=is_untyped(job.subject),
            with_headers=bool(job.settings.headers),
        )
        self._job = job
        self._host = host
        self._phase = job.phase
        self._found: dict[object, Finding] = {}
        self._of_one_call: dict[object, Finding] = {}
        self._proven: dict[str, Conversation] = {}
        self._silent: dict[str | None, AnyCase] = {}
        self._silent_cases = 0
        self._answered: set[str | None] = set()
        self._found_at = 0.0
        self._held_for = 0.0
        self._began = time.monotonic()
        self._broken: Exception | None = None
        self._last: Exchange | Record | None = None

    def findings(self) -> list[Finding]:
        """Search, and return the failures that showed again each time, smallest case of each.

        Raises what the application's factory, start or clean-up raised.
        """
        searches = self._searches()
        # what fails again is all: who mends it waits for nothing else
        confirmed = self._first_of(searches, is_replay=True) if can_replay() else []
        confirmed = confirmed or self._first_of(searches)
        self.tally.failures = len(confirmed)
        return confirmed

    def _searches(self) -> list[tuple[str, Phase]]:
        """Return the searches of the item, each with the name of its failures."""
        name, phase = self._job.name, self._phase
        found = [(name, phase)]
        while phase.then is not None:
            name, phase = f"{name} then", phase.then
            found.append((name, phase))
        return found

    def _first_of(
        self, searches: Iterable[tuple[str, Phase]], *, is_replay: bool = False
    ) -> list[Finding]:
        """Return the failures of the first search that has any."""
        for name, self._phase in searches:
            confirmed = self._searched(name, is_replay=is_replay)
            if confirmed:
                return confirmed
        return []

    def _searched(self, name: str, *, is_replay: bool) -> list[Finding]:
        job = self._job
        self._found.clear()
        self._of_one_call.clear()
        try:
            search(
                self._phase.cases(job.subject),
                self._attempt,
                name=name,
                seed=job.settings.seed.value,
                max_examples=max(1, int(job.settings.max_examples * self._phase.effort)),
                is_replay=is_replay,
                listed=self._phase.listed(job.subject, [*self._proven.values()]),
            )
        except NothingToTry:
            self.tally.warnings.append("no case could be generated")
        if self._broken is not None and not self._is_gone:
            raise self._broken
        confirmed = self._confirmed()
        if job.subject.endpoint.is_remote:
            with self._noting_its_end():
                how = job.path, job.settings.headers, job.settings.case_timeout
                self._host.run(shake_hands(self._host, *how))
        if self._broken is not None and not confirmed:
            raise self._broken
        return confirmed

    @property
    def _is_gone(self) -> bool:
        """Whether the server, which is elsewhere, has ended."""
        return isinstance(self._broken, ServerGone)

    def last_words(self) -> str:
        """Return what was said last, to a server that has ended since."""
        return self._last.render() if self._last is not None else ""

    def _attempt(self, case: Any) -> object | None:
        spent = self._job.budget.spent()
        if spent is not None:
            if self.tally.cases or self._job.budget.is_left:
                self.tally.warnings.append(f"{spent} after {self.tally.cases} cases")
            raise Stop
        if self._found and time.monotonic() > self._found_at + SHRINKING_TIME:
            raise Stop
        began = time.monotonic()
        try:
            self._host.is_careful = not self._found
            played, failures = self._play(case)
            seconds = time.monotonic() - began
            self._last = played
            failure = self._first_of_several_calls(played, self._heard(case, played, failures))
        except Exception as error:  # whatever the application's factory and clean-up raise
            self._broken = error
            raise Stop from None
        if not self._found:
            self.tally.count(played)
            self._prove(played)
            if self._job.log is not None:
                self._job.log.add(played, failure, seconds)
        if failure is None:
            if not self._answered and self._is_silent_for_long():
                raise Stop
            self._stop_if_held()
            return None
        if not self._found:
            self._found_at = time.monotonic()
        _keep(self._found, Finding(case, played, failure))
        self._stop_if_held()
        return failure.identity

    def _prove(self, played: Exchange | Record) -> None:
        """Keep the shortest conversation in which a method has succeeded."""
        if self._phase.then is None or not isinstance(played, Record):
            return
        for exchange in played.calls:
            if exchange.is_success and exchange.method is not None:
                shortest = self._proven.get(exchange.method)
                conversation = played.conversation.until(exchange.call)
                if shortest is None or len(conversation.steps) < len(shortest.steps):
                    self._proven[exchange.method] = conversation

    def _stop_if_held(self) -> None:
        if self._held_for >= HELD_TIME:
            raise Stop

    def _is_silent_for_long(self) -> bool:
        is_late = time.monotonic() > self._began + SILENT_TIME
        return self._silent_cases >= (1 if is_late else SILENT_CASES)

    def _heard(
        self, case: AnyCase, played: Exchange | Record, failures: list[CheckFailure]
    ) -> list[CheckFailure]:
        """Leave out that a method does not answer as long as it has never done so."""
        silent = {failure.method for failure in failures if failure.is_silence}
        if isinstance(played, Record):
            self._answered |= {exchange.method for exchange in played.calls if exchange.answers}
        elif not silent:
            self._answered.add(played.method)
        for method in silent - self._answered:
            self._silent.setdefault(method, case)
            self._silent_cases += 1
        return [
            failure
            for failure in failures
            if not failure.is_silence or failure.method in self._answered
        ]

    def _first_of_several_calls(
        self, played: Exchange | Record, failures: list[CheckFailure]
    ) -> CheckFailure | None:
        """Return the first failure; in a conversation, the first that one call does not show.

        What one call shows is kept, too, but the search goes on to what only several show.
        """
        if isinstance(played, Exchange):
            return next(iter(failures), None)
        for failure in failures:
            if failure.identity in self._of_one_call or self._shows_alone(played, failure):
                continue
            return failure
        return None

    def _shows_alone(self, record: Record, failure: CheckFailure) -> bool:
        exchange = None if failure.call is None else record.of(failure.call)
        if exchange is None or exchange.case.method is None or exchange.case.payload is None:
            return False
        case = exchange.case
        call = Call(
            exchange.client,
            exchange.case.id if exchange.case.id is not None else 0,
            exchange.case.method,
            exchange.case.payload,
            code=case.code,
            path=case.path,
            why=case.why,
        )
        alone = record.conversation.alone(call)
        played, failures = self._play(alone)
        found = next((one for one in failures if one == failure), None)
        if found is not None and not found.is_silence:
            _keep(self._of_one_call, Finding(alone, played, found))
            self._found.pop(found.identity, None)
        return found is not None

    def _confirmed(self) -> list[Finding]:
        never = self._silent.keys() - self._answered
        if never and not self._answered:
            self.tally.warnings.append(
                f"no call was answered within {self._job.settings.case_timeout:g} s: "
                "it waits for something"
            )
        for method in sorted(self._silent.keys() & self._answered, key=str):
            # what had no answer while nothing else had one either is worth another look
            with self._noting_its_end():
                self._look_again(self._silent[method])
        confirmed = []
        for finding in [*self._found.values(), *self._of_one_call.values()]:
            if not self._job.budget.may_confirm:
                self.tally.warnings.append(f"no time was left to make sure of: {finding.failure}")
                continue
            again = None
            with self._noting_its_end():
                again = None if self._is_gone else self._again(self._shortened(finding))
            if again is not None:
                confirmed.append(again)
            elif self._is_gone and finding.failure.check == ENDING:
                finding.failure.got += ", and the server cannot be connected to any more"
                confirmed.append(finding)
            else:
                self.tally.warnings.append(f"seen once, but not again: {finding.failure}")
        return by_race(confirmed)

    @contextmanager
    def _noting_its_end(self) -> Iterator[None]:
        try:
            yield
        except ServerGone as gone:
            self._broken = gone

    def _look_again(self, case: AnyCase) -> None:
        played, failures = self._play(case)
        failure = self._first_of_several_calls(played, failures)
        if failure is not None:
            _keep(self._found, Finding(case, played, failure))

    def _shortened(self, finding: Finding) -> Finding:
        """Leave out what a conversation does not need; hypothesis may have had no time for it."""
        end = time.monotonic() + (SHORTENING_TIME if self._job.budget.is_left else 0.0)
        self._host.is_careful = False
        left = iter(finding.case.shorter()) if isinstance(finding.case, Conversation) else iter(())
        while (case := next(left, None)) is not None and time.monotonic() < end:
            if self._held_for >= HELD_TIME:
                break
            played, failures = self._play(case)
            same = next((failure for failure in failures if failure == finding.failure), None)
            if same is not None:
                finding = Finding(case, played, same)
                left = iter(case.shorter())
        return finding

    def _again(self, finding: Finding) -> Finding | None:
        """Play the same conversation again on a fresh application, as often as it must fail."""
        self._host.is_careful = True
        times, misses = CONFIRMATIONS, int(finding.failure.is_of_real_time)
        while times:
            played, failures = self._play(finding.case)
            same = next((failure for failure in failures if failure == finding.failure), None)
            if same is not None:
                finding, times = Finding(finding.case, played, same), times - 1
            elif misses:
                misses -= 1
            else:
                return None
        return finding

    def _play(self, case: AnyCase) -> tuple[Exchange | Record, list[CheckFailure]]:
        job, settings = self._job, self._job.settings
        begun = time.monotonic()
        if job.apart is None:
            played = self._play_on(self._host, case)
        else:
            played = play_apart(self._play_in_child, case, settings.case_timeout)
        calls = [played] if isinstance(played, Exchange) else played.calls
        if any(call.held is not None for call in calls):
            self._held_for += time.monotonic() - begun
        return played, judge(played, settings.excluded_checks, job.root)

    def _play_on(self, host: Host, case: AnyCase) -> Exchange | Record:
        job, timeout = self._job, self._job.settings.case_timeout
        try:
            played = host.run(self._phase.play(host, case, job.path, job.settings.headers, timeout))
        except ProcessEnded as ended:
            return ended_by(case, ended, timeout)
        blame(played, host.held)
        return played

    def _play_in_child(
        self, case: AnyCase, alive: Alive
    ) -> Exchange | Record:  # pragma: no cover - in a process that is not measured
        assert self._job.apart is not None
        host = self._job.apart()
        host.alive = alive
        try:
            return self._play_on(host, case)
        finally:
            host.close()


def _keep(findings: dict[object, Finding], finding: Finding) -> None:
    known = findings.get(finding.failure.identity)
    if known is None or finding.case.size <= known.case.size:
        findings[finding.failure.identity] = finding
