"""Search for a failing case with hypothesis, and shrink it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable
from unittest import SkipTest

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase
from hypothesis.errors import Flaky, Unsatisfiable

T = TypeVar("T")


class Stop(BaseException):
    """Ends the search at once; hypothesis takes it for an interruption, and lets it through."""


@runtime_checkable
class Simplifiable(Protocol):
    """A case that knows simpler ones."""

    def simpler(self) -> Iterable[Any]:
        """Return cases of the same kind, each simpler in one place, the simplest first."""


class NothingToTry(Exception):
    """No case could be generated."""


class _Found(Exception):
    """A failing case; for each identity there is a subclass of its own.

    Hypothesis tells failures apart by the exception's class and place, and shrinks each.
    """


def search(
    cases: st.SearchStrategy[T],
    attempt: Callable[[T], Hashable | None],
    *,
    name: str,
    seed: int,
    max_examples: int,
    is_replay: bool = False,
    listed: Sequence[T] = (),
) -> None:
    """Try cases until `max_examples` or `Stop`, or else only what failed under this `name` before.

    After the first few that are drawn come those `listed`, up to half of all.

    `attempt` returns the identity of the failure, None where all is well. It is called again with
    ever smaller cases for each identity that it has returned, but not in a replay. Whether a
    failure shows again on a second try is for the caller to find out: nothing is raised for one
    that does not. Raises `NothingToTry` if the strategy has no case to give.

    Hypothesis runs many times, each time for a few cases. In one long run it would mostly vary the
    cases that it has, and end soon after the first failure, however much that one hides.
    """
    known: set[Hashable] = set()
    each = _Listed(listed[: max_examples // 2], attempt, known, name)
    with suppress(Stop):
        if is_replay:
            each.again()
            _again(cases, attempt, name, max_examples)
        elif Phase.generate in _profile().phases or Phase.reuse not in _profile().phases:
            _search(cases, attempt, each, known, name, seed, max_examples)


def can_replay() -> bool:
    """Whether the user's profile keeps what fails, and tries it again."""
    profile = _profile()
    return profile.database is not None and Phase.reuse in profile.phases


def _search(
    cases: st.SearchStrategy[T],
    attempt: Callable[[T], Hashable | None],
    each: _Listed[T],
    known: set[Hashable],
    name: str,
    seed: int,
    max_examples: int,
) -> None:
    left, number, short = max_examples - len(each.cases), 0, 0
    while left > 0 and short < _SHORT_ROUNDS:
        one = _Round(cases, attempt, known, skipped=min(number, 1))
        size = min(left + one.skipped, ROUND)
        try:
            one.run(
                _settings(name, size, _PHASES),
                _digest(seed, f"{name}:{number}" if number else name),
            )
            one.simplify()
        except Unsatisfiable:
            if number == 0:
                raise NothingToTry from None
        known.update(one.found)
        if number == 0:
            each.all()
        number += 1
        left -= max(one.tried, 1)
        short = 0 if one.found or one.tried + one.skipped >= size else short + 1


def _again(
    cases: st.SearchStrategy[T],
    attempt: Callable[[T], Hashable | None],
    name: str,
    max_examples: int,
) -> None:
    """Try what failed before, as it was then."""
    with suppress(SkipTest, Unsatisfiable):  # nothing has failed before
        _Round(cases, attempt, set(), skipped=0).run(
            _settings(name, max_examples, (Phase.reuse,)), _digest(0, name)
        )


ROUND = 10
"""Cases of one run of hypothesis: from then on it varies those that it has."""
_SIMPLER = 300
"""Simpler cases tried for one failure."""
_SHORT_ROUNDS = 3
"""Runs in a row with fewer cases, after which there are no more to be had."""


class _Round(Generic[T]):
    """One run of hypothesis, which ends with failures that were not known or when it has tried."""

    def __init__(
        self,
        cases: st.SearchStrategy[T],
        attempt: Callable[[T], Hashable | None],
        known: set[Hashable],
        skipped: int,
    ) -> None:
        self.skipped = skipped
        """Cases left out at the start: the simplest one, which begins each round."""
        self.found: dict[Hashable, type[_Found]] = {}
        self.tried = 0
        """Cases up to the one that last showed a new failure, or all."""
        self._cases = cases
        self._attempt = attempt
        self._known = known
        self._failing: dict[Hashable, T] = {}
        """The last case of each failure, which is the smallest."""

    def run(self, settings: hypothesis.settings, seed: int) -> None:
        """Try cases; raises what hypothesis does for other reasons than a failure."""
        calls = -self.skipped

        @settings
        @hypothesis.seed(seed)  # below the settings, as it turns the database off
        @hypothesis.given(self._cases)
        def example(case: T) -> None:
            nonlocal calls
            calls += 1
            if calls <= 0:
                return
            if not self.found:
                self.tried = calls
            identity = self._attempt(case)
            if identity is None or identity in self._known:
                return
            if identity not in self.found:
                self.found[identity] = type("Found", (_Found,), {})
                self.tried = calls
            self._failing[identity] = case
            raise self.found[identity]

        # else hypothesis reads the source of the function for one, which takes a tenth of a round
        setattr(example, _DATABASE_KEY, b"fuzz")
        try:
            example()
        except (_Found, Flaky):
            return
        except ExceptionGroup as group:
            # several failures; one that did not fail again is a Flaky among them
            _, others = group.split((_Found, Flaky))
            if others is not None:
                raise others from None

    def simplify(self) -> None:
        """Try simpler cases in place of the smallest that hypothesis found, if they offer any."""
        for identity, case in self._failing.items():
            _simplify(case, identity, self._attempt)


def _simplify(case: T, identity: Hashable, attempt: Callable[[T], Hashable | None]) -> None:
    """Try simpler cases in place of one that failed, and of those that fail likewise."""
    left = _SIMPLER
    better: T | None = case
    while isinstance(better, Simplifiable):
        simpler, better = islice(better.simpler(), left), None
        for candidate in simpler:
            left -= 1
            if attempt(candidate) == identity:
                better = candidate
                break


class _Listed(Generic[T]):
    """Cases tried one by one; which of them fail is kept where hypothesis keeps its own."""

    def __init__(
        self,
        cases: Sequence[T],
        attempt: Callable[[T], Hashable | None],
        known: set[Hashable],
        name: str,
    ) -> None:
        self.cases = cases
        self._attempt = attempt
        self._known = known
        self._database = _own_database(name)
        has_failed = self._database.fetch(_LISTED) if cases and self._database is not None else ()
        self._has_failed = {int(number) for number in has_failed}

    def again(self) -> None:
        """Try those that failed before."""
        if can_replay():
            for number in sorted(self._has_failed & {*range(len(self.cases))}):
                self._try(number)

    def all(self) -> None:
        """Try each, and simpler ones for each failure."""
        for number, case in enumerate(self.cases):
            identity = self._try(number)
            if identity is not None and identity not in self._known:
                self._known.add(identity)
                _simplify(case, identity, self._attempt)

    def _try(self, number: int) -> Hashable | None:
        identity = self._attempt(self.cases[number])
        if self._database is not None and (number in self._has_failed) is (identity is None):
            change = self._database.save if identity is not None else self._database.delete
            change(_LISTED, str(number).encode())
        return identity


_LISTED: Final = b"listed"

_DATABASE_KEY: Final = "_hypothesis_internal_database_key"
"""Where hypothesis looks for the key of a test in its database; without it, it makes one."""


def samples(cases: st.SearchStrategy[T], count: int) -> list[T]:
    """Return up to so many cases, the simplest one first, the same ones each time."""
    found: list[T] = []

    @hypothesis.settings(_OF_SAMPLES, max_examples=count)
    @hypothesis.seed(0)
    @hypothesis.given(cases)
    def example(case: T) -> None:
        found.append(case)

    with suppress(Unsatisfiable):
        example()
    return found


_OF_SAMPLES: Final = hypothesis.settings(
    deadline=None,
    derandomize=False,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def _settings(name: str, max_examples: int, phases: Collection[Phase]) -> hypothesis.settings:
    """Return the settings of a round, with those of some phases that the profile has."""
    return hypothesis.settings(
        max_examples=max_examples,
        deadline=None,
        derandomize=False,
        database=_own_database(name),
        phases=[phase for phase in _profile().phases if phase in phases],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=True,
        print_blob=False,
    )


_PHASES = (Phase.generate, Phase.target, Phase.shrink)
"""Without a replay, which would forget what failed before, and passes."""


def _digest(seed: int, name: str) -> int:
    """Give each item a seed of its own, the same in whatever order they run."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:16])


def _profile() -> hypothesis.settings:
    """The settings that the user's profile has in place."""
    profile = hypothesis.settings.default
    assert profile is not None
    return profile


def _own_database(name: str) -> ExampleDatabase | None:
    database = _profile().database
    return None if database is None else _ItemDatabase(database, name)


class _ItemDatabase(ExampleDatabase):
    """A part of a database: hypothesis keys by the test function, which all items share."""

    def __init__(self, database: ExampleDatabase, name: str) -> None:
        super().__init__()
        self._database = database
        self._name = name.encode()

    def _key(self, key: bytes) -> bytes:
        return hashlib.sha256(self._name + b"\0" + key).digest()

    def save(self, key: bytes, value: bytes) -> None:
        self._database.save(self._key(key), value)

    def fetch(self, key: bytes) -> Iterable[bytes]:
        return self._database.fetch(self._key(key))

    def delete(self, key: bytes, value: bytes) -> None:
        self._database.delete(self._key(key), value)
