"""Brokers whose hooks do not what they promise, and that leave things behind."""

from __future__ import annotations

import asyncio

from wsrpc import CannotSubscribe, SocketsManager

from .bus import Broker


class ForgetsToUnsubscribe(Broker):
    clause = "unsubscribed"
    also = frozenset({"forgotten"})

    async def unsubscribe(self, channel):
        self.wanted.discard(channel)


class LeaksChannels(Broker):
    clause = "forgotten"

    async def subscribe(self, channel):
        vars(self).setdefault("locks", {})[channel] = asyncio.Lock()
        await super().subscribe(channel)


class RaisesAnything(Broker):
    clause = "raised"

    async def publish(self, channel, event, body):
        await super().publish(channel, event, body)
        if event == "tick":
            raise KeyError(event)


class LeavesItsTask(Broker):
    clause = "closed"

    async def close(self, app=None):
        await SocketsManager.close(self, app)
        self.bus.processes.remove(self)
        for subscribers in self.bus.subscribers.values():
            subscribers.pop(self, None)


class NeverAnswers(Broker):
    clause = "answered"
    also = frozenset({"closed"})

    async def unsubscribe(self, channel):
        await asyncio.Event().wait()


class RefusesToComeBack(Broker):
    clause = "accepted"
    also = frozenset({"forgotten"})

    async def unsubscribe(self, channel):
        await super().unsubscribe(channel)
        vars(self).setdefault("left", set()).add(channel)

    async def subscribe(self, channel):
        if channel in vars(self).get("left", ()):
            raise CannotSubscribe
        await super().subscribe(channel)


class TakesEveryName(Broker):
    clause = "refused"

    async def publish(self, channel, event, body):
        await super().publish(channel.lower(), event, body)


class FailsToUnsubscribe(Broker):
    clause = "raised"
    also = frozenset({"forgotten", "closed"})

    async def unsubscribe(self, channel):
        await super().unsubscribe(channel)
        raise KeyError(channel)


class UnsubscribesWhatItHasAlone(Broker):
    """Does not expect that a subscription was cancelled on its way."""

    clause = "raised"
    also = frozenset({"forgotten", "closed", "unsubscribed"})

    async def unsubscribe(self, channel):
        self.wanted.remove(channel)
        await super().unsubscribe(channel)


class NeverStarts(Broker):
    clause = "answered"

    async def start(self, app=None):
        await asyncio.Event().wait()


class NeverCloses(Broker):
    clause = "closed"

    async def close(self, app=None):
        await super().close(app)
        await asyncio.Event().wait()


class FailsToClose(Broker):
    clause = "closed"

    async def close(self, app=None):
        await super().close(app)
        raise KeyError("close")
