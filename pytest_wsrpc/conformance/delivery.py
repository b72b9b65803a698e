"""Tests of delivery: who gets which events, when, in which order, whatever else happens."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given

from .base import Conformance, generated
from .nodes import MakeBroker
from .reruns import Reruns
from .scenarios import SCENARIOS
from .steps import Step, sequences


class DeliveryTests(Conformance):
    """Events reach those whom they concern."""

    @pytest.mark.parametrize("scenario", SCENARIOS)
    async def test_scenario(self, make_broker: MakeBroker, scenario: str) -> None:
        await self._play(make_broker, SCENARIOS[scenario])

    @generated
    @given(steps=sequences())
    async def test_sequences(
        self, make_broker: MakeBroker, reruns: Reruns, steps: list[Step]
    ) -> None:
        await reruns.run(steps, partial(self._play, make_broker, steps))

    @generated
    @given(steps=sequences(faults=True))
    async def test_sequences_while_hooks_fail_and_are_slow(
        self, make_broker: MakeBroker, reruns: Reruns, steps: list[Step]
    ) -> None:
        await reruns.run(steps, partial(self._play, make_broker, steps))

    async def _play(self, make_broker: MakeBroker, steps: list[Step]) -> None:
        async with self.world(make_broker) as world:
            await world.play(steps)
