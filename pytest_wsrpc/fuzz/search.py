"""Search for a failing case with hypothesis, and shrink it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase
from hypothesis.errors import Flaky, Unsatisfiable

T = TypeVar("T")


class Stop(BaseException):
    """Ends the search at once; hypothesis takes it for an interruption, and lets it through."""


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
) -> None:
    """Try cases until `max_examples` or `Stop`; what failed under this `name` before comes first.

    `attempt` returns the identity of the failure, None where all is well. It is called again with
    ever smaller cases for each identity that it has returned. Whether a failure shows again on a
    second try is for the caller to find out: nothing is raised for one that does not. Raises
    `NothingToTry` if the strategy has no case to give.
    """
    kinds: dict[Hashable, type[_Found]] = {}

    @hypothesis.settings(
        max_examples=max_examples,
        deadline=None,
        derandomize=False,
        database=_own_database(name),
        phases=[phase for phase in _profile().phases if phase in _PHASES],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=True,
        print_blob=False,
    )
    @hypothesis.seed(_digest(seed, name))  # below the settings, as it turns the database off
    @hypothesis.given(cases)
    def example(case: T) -> None:
        identity = attempt(case)
        if identity is not None:
            raise kinds.setdefault(identity, type("Found", (_Found,), {}))

    try:
        example()
    except Unsatisfiable:
        raise NothingToTry from None
    except (Stop, _Found, Flaky):
        return
    except ExceptionGroup as group:
        # several failures; one that did not fail again is a Flaky among them
        _, others = group.split((_Found, Flaky))
        if others is not None:
            raise others from None


_PHASES = (Phase.reuse, Phase.generate, Phase.target, Phase.shrink)


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
