"""Brokers that take an outage lightly, and histories that cannot be relied upon."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from wsrpc import BrokerUnavailable, Past, Position

from .bus import LAG, Broker, Bus


class SwallowsUnavailable(Broker):
    clause = "unavailable"

    async def publish(self, channel, event, body):
        with suppress(BrokerUnavailable):
            await super().publish(channel, event, body)


class HasAnEpochOfItsOwn(Broker):
    clause = "offsets"
    also = frozenset({"kept"})
    keeps = 50

    async def read_history(self, channel, since):
        past = await super().read_history(channel, since)
        return Past(
            Position(f"{past.position.epoch}-{id(self)}", past.position.offset), past.events
        )

    async def hand_over(self, channel, entry):
        message = {"event": entry.event, "json": entry.json, "offset": entry.offset}
        await self.channels(channel, message | {"epoch": f"{self.bus.epoch}-{id(self)}"})


class BusThatKeepsItsEpoch(Bus):
    def new_epoch(self):
        pass


class KeepsItsEpochWithoutItsData(Broker):
    clause = "recovered"
    keeps = 50
    bus_type = BusThatKeepsItsEpoch


class RecoversWithAHole(Broker):
    """Reads what it has kept with a hole, and numbers it as if there were none."""

    clause = "recovered"
    keeps = 50

    async def read_history(self, channel, since):
        past = await super().read_history(channel, since)
        if len(past.events) > 2:
            first, *others = past.events
            return Past(past.position, [first._replace(event="hole"), *others])
        return past


class LosesInSilence(Broker):
    clause = "gap"

    async def returned(self):
        for channel in self.wanted:
            self.take(channel)


class TellsGapsWithoutLosses(Broker):
    clause = "gap"

    async def hand_over(self, channel, entry):
        await super().hand_over(channel, entry)
        await self.channels.gap(channel)


class StaysAway(Broker):
    clause = "healed"

    async def returned(self):
        pass


class ForgetsItsHistory(Broker):
    clause = "kept"
    keeps = 50

    async def read_history(self, channel, since):
        past = await super().read_history(channel, since)
        return Past(past.position)


class RaisesAnythingWhenItSubscribesInVain(Broker):
    clause = "raised"

    async def subscribe(self, channel):
        try:
            await super().subscribe(channel)
        except BrokerUnavailable:
            raise KeyError(channel) from None


class FailsInTheBackground(Broker):
    clause = "raised"

    async def returned(self):
        await super().returned()
        asyncio.get_running_loop().call_soon(lambda: {}["lost"])


class TellsSuccessWhenItSubscribesInVain(Broker):
    clause = "missing"

    async def subscribe(self, channel):
        with suppress(BrokerUnavailable):
            await super().subscribe(channel)


class TellsAGapBeforeItListens(Broker):
    clause = "gap"

    async def returned(self):
        for channel in self.wanted:
            await self.channels.gap(channel)
            asyncio.get_running_loop().call_later(20 * LAG, self.take, channel)


class TellsOneGapOfMany(Broker):
    clause = "gap"

    async def returned(self):
        for number, channel in enumerate(sorted(self.wanted)):
            self.take(channel)
            if number == 0:
                await self.channels.gap(channel)


class SkipsOffsets(Broker):
    """Counts by two; what is missing between is taken for lost."""

    clause = "offsets"
    also = frozenset({"gap"})
    keeps = 50

    async def hand_over(self, channel, entry):
        await super().hand_over(channel, entry._replace(offset=2 * entry.offset))

    async def read_history(self, channel, since):
        before = since and Position(since.epoch, since.offset // 2)
        position, events = await super().read_history(channel, before)
        doubled = [entry._replace(offset=2 * entry.offset) for entry in events]
        return Past(Position(position.epoch, 2 * position.offset), doubled)


class HasHistoryWithoutOffsets(Broker):
    clause = "offsets"
    also = frozenset({"subscribed", "gap"})
    keeps = 50

    async def hand_over(self, channel, entry):
        await self.channels(channel, {"event": entry.event, "json": entry.json})
