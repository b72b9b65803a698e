"""The seed of a test run: of the fuzzer, and of the faults of every test."""

from __future__ import annotations

import random
from typing import Final, NamedTuple

import pytest


class Seed(NamedTuple):
    """A number from which all draws of a run follow, and where it came from."""

    value: int
    origin: str
    """An option, a setting, or ``random``."""

    def __str__(self) -> str:
        return f"seed {self.value} ({self.origin})"


RANDOM: Final = "random"

_SEED: Final[pytest.StashKey[Seed]] = pytest.StashKey()


def seed_of(config: pytest.Config) -> Seed:
    """Give the seed of this run, in workers of pytest-xdist that of the whole.

    It is that of ``--wsrpc-seed``, else that of ``--hypothesis-seed``, else a random one.
    """
    seed = config.stash.get(_SEED, None)
    if seed is None:
        worker = getattr(config, "workerinput", None)
        seed = config.stash[_SEED] = (
            _choose(config) if worker is None else Seed(*worker["wsrpc_seed"])
        )
    return seed


def _choose(config: pytest.Config) -> Seed:
    given = config.getoption("wsrpc_seed")
    if given is not None:
        return Seed(int(given), "--wsrpc-seed")
    try:
        given = config.getini("wsrpc_seed")
    except (TypeError, ValueError, pytest.UsageError) as error:
        raise pytest.UsageError(
            f"ini setting wsrpc_seed: expected an integer, got {str(error).rpartition(': ')[2]}"
        ) from None
    if given is not None:
        return Seed(int(given), "ini setting wsrpc_seed")
    given = config.getoption("hypothesis_seed", None)
    if given is not None:
        # hypothesis takes any text; a number that is the same in every process is wanted here
        return Seed(_as_integer(given), "--hypothesis-seed")
    return Seed(random.SystemRandom().randrange(2**32), RANDOM)


def _as_integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return int.from_bytes(text.encode()[:16])
