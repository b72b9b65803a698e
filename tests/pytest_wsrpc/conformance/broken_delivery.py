"""Brokers that lose, double, mix up and change events."""

from __future__ import annotations

import asyncio
import json

from wsrpc import CannotSubscribe
from wsrpc.patterns import Pattern

from .bus import LAG, Broker


class LosesWhatComesTogether(Broker):
    clause = "missing"

    async def hand_over(self, channel, entry):
        if self.queue.qsize() != 1:
            await super().hand_over(channel, entry)


class DeliversTwice(Broker):
    clause = "once"

    async def hand_over(self, channel, entry):
        for _ in range(2):
            await super().hand_over(channel, entry)


class Reorders(Broker):
    clause = "order"

    async def hand_over(self, channel, entry):
        if not self.queue.empty():
            await super().hand_over(*self.queue.get_nowait())
        await super().hand_over(channel, entry)


class TellsSuccessTooEarly(Broker):
    clause = "missing"
    also = frozenset({"gap", "forgotten"})

    async def subscribe(self, channel):
        if channel != channel.lower():
            raise CannotSubscribe
        self.wanted.add(channel)
        asyncio.get_running_loop().call_later(3 * LAG, self.take, channel)


class ReplacesPatterns(Broker):
    """Filters at the bus, by the pattern that came last."""

    clause = "missing"
    also = frozenset({"healed", "forgotten"})

    async def subscribe_to_event(self, channel, event):
        vars(self).setdefault("patterns", {})[channel] = event

    async def hand_over(self, channel, entry):
        if Pattern(vars(self).get("patterns", {}).get(channel, "*")).matches(entry.event):
            await super().hand_over(channel, entry)


class BypassesChannels(Broker):
    """Sends to all connections that have ever subscribed."""

    clause = "subscribed"
    also = frozenset({"forgotten", "unsubscribed"})

    async def subscribe(self, channel):
        await super().subscribe(channel)
        vars(self).setdefault("known", set()).add(channel)

    async def unsubscribe(self, channel):
        pass

    async def hand_over(self, channel, entry):
        if channel in self.channels:
            await super().hand_over(channel, entry)
            return
        for socket in tuple(self.sockets):
            await socket.send_event(channel, entry.event, json.loads(entry.json))


class HasOneProcessForEachChannel(Broker):
    """The process that subscribes first keeps the channel for itself."""

    clause = "missing"

    def take(self, channel):
        if not self.bus.subscribers.get(channel):
            super().take(channel)


class UnsubscribesLate(Broker):
    clause = "missing"
    also = frozenset({"gap", "forgotten"})

    async def unsubscribe(self, channel):
        asyncio.get_running_loop().call_later(3 * LAG, self.let_go, channel)


class ChangesData(Broker):
    clause = "published"

    async def publish(self, channel, event, body):
        await super().publish(channel, event, str(body))


class DoesNotHearItself(Broker):
    clause = "missing"

    async def publish(self, channel, event, body):
        others = self.bus.subscribers.get(channel, {})
        is_there = self in others
        others.pop(self, None)
        await super().publish(channel, event, body)
        if is_there:
            self.take(channel)


class UnsubscribesForAll(Broker):
    clause = "missing"
    also = frozenset({"healed"})

    async def unsubscribe(self, channel):
        await super().unsubscribe(channel)
        self.bus.subscribers.pop(channel, None)


class MixesChannels(Broker):
    """Takes the name of a channel for the beginning of names."""

    clause = "published"

    async def hand_over(self, channel, entry):
        for wanted in list(self.wanted):
            if channel.startswith(wanted):
                await super().hand_over(wanted, entry)
