"""A callback of the application on one channel, for the model a connection like others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..model import Operation, PubSubModel
from .nodes import Node, outcome


class Callback:
    """Registers and unregisters one callback; its calls run one after the other."""

    def __init__(
        self,
        name: str,
        node: Node,
        channel: str,
        model: PubSubModel,
        event: Callable[[str, dict[str, Any]], None],
        answered: Callable[[Operation, dict[str, Any]], None],
    ) -> None:
        self._name = name
        self._node = node
        self._channel = channel
        self._model = model
        self._event = event
        self._answered = answered
        self._patterns: set[str] = set()
        self._lock = asyncio.Lock()
        self._failure: AssertionError | None = None

    async def register(self, pattern: str) -> None:
        """Register for a pattern, beside those that are registered."""
        async with self._lock:
            operation = self._model.subscribing(self._name, self._channel, [pattern])
            channels = self._node.broker.channels
            registering = channels.register(self._channel, pattern, self._called)
            reply = await outcome(self._node, "subscribe", registering)
            if "response" in reply:
                self._patterns.add(pattern)
                reply = self._reply()
            self._answered(operation, reply)

    async def unregister(self) -> None:
        """Take all patterns back."""
        async with self._lock:
            operation = self._model.unsubscribing(self._name, self._channel)
            self._patterns.clear()
            await self._node.broker.channels.unregister(self._channel, None, self._called)
            self._answered(operation, self._reply())

    def judge(self) -> None:
        """Raise what a call of the callback broke."""
        if self._failure is not None:
            raise self._failure

    def _called(self, channel: str, event: str, data: Any) -> None:
        try:
            self._event(self._name, {"channel": channel, "event": event, "data": data})
        except AssertionError as error:
            self._failure = self._failure or error

    def _reply(self) -> dict[str, Any]:
        patterns = sorted(self._patterns)
        return {"response": {"subscribed": {self._channel: patterns} if patterns else {}}}
