"""What the tests of the suite share: the broker to test, and what is known of it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings

from .nodes import MakeBroker, errors_named, running
from .reruns import Reruns
from .world import World, world

generated = settings(
    max_examples=20,
    deadline=None,
    phases=set(Phase) - {Phase.explain},  # lines of the suite explain nothing
    report_multiple_bugs=False,
    suppress_health_check=[
        HealthCheck.differing_executors,  # the class is there to be inherited
        HealthCheck.function_scoped_fixture,  # each example makes brokers, and has its channels
        HealthCheck.too_slow,
    ],
)
"""How sequences are generated."""

_NO_FACTORY = (
    "{name} does not say which broker to test: define the fixture make_broker, which gives a "
    "function that makes one:\n\n"
    "    @pytest.fixture\n"
    "    def make_broker(self):\n"
    "        return MyBroker"
)


@pytest.mark.asyncio
class Conformance:
    """What a class that inherits may set, and one fixture that it has to define."""

    processes: ClassVar[int] = 1
    """How many processes the broker connects at most: 2 if it connects any. Each is an application
    with a broker of its own."""
    patience: ClassVar[float] = 5.0
    """Seconds within which everything has arrived, and every hook has ended."""
    grace: ClassVar[float] = 0.02
    """Seconds to wait for what should not come, where that takes real time."""
    refused: ClassVar[Collection[str]] = ()
    """Names of channels that the broker refuses."""

    def channel(self, name: str) -> str:
        """Override where names of channels have a form: make one from this, always the same."""
        return name

    @pytest.fixture
    def make_broker(self) -> MakeBroker:
        """Override: give a function that makes a broker, which was not started.

        Called again, it makes that of another process, which shares the backend of the first. It
        may be a coroutine function.
        """
        pytest.fail(_NO_FACTORY.format(name=type(self).__name__), pytrace=False)

    @pytest.fixture
    def reruns(self) -> Reruns:
        """What keeps the outcome of each example."""
        return Reruns()

    @asynccontextmanager
    async def world(self, make_broker: MakeBroker) -> AsyncIterator[World]:
        """Give processes of the broker, with channels that nobody has used."""
        run = secrets.token_hex(4)

        def channel(name: str) -> str:
            return self.channel(f"{run}-{name}")

        async with running(make_broker, self.processes, self.patience) as nodes:
            with errors_named(nodes):
                async with world(nodes, channel, self.patience, self.grace) as one:
                    yield one

    def channel_of_its_own(self, name: str) -> str:
        """Give the name of a channel that nobody has used."""
        return self.channel(f"{secrets.token_hex(4)}-{name}")
