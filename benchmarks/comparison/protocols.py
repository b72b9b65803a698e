"""How each server is spoken to: the path, the greeting, and the texts of calls and events."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.comparison.wire import Connection, Unexpected

CHANNEL = "news"
EVENT = "tick"


def dump(value: Any) -> str:
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":"))


class Protocol:
    """The protocol of this project and of aio-openapi, which the servers without one speak, too.

    Every text has the same size for every number from 1000 to 9999.
    """

    path = "/stream"
    acknowledges = True
    """Whether a publisher gets a reply."""
    answers_events = False
    """Whether a subscriber has to answer each event."""

    greeting: tuple[str | None, ...] = ()
    """What comes between the upgrade and the first call: texts to send, None for one to wait for.
    """

    def greet(self, connection: Connection) -> None:
        """Do what comes between the upgrade and the first call."""
        for step in self.greeting:
            if step is None:
                connection.receive()
            else:
                connection.send(step)

    def call(self, number: int, method: str, payload: Any) -> str:
        """Return the text of a call."""
        return dump({"id": str(number), "method": method, "payload": payload})

    def reply(self, text: str) -> tuple[int, Any]:
        """Return the number and the result that a reply carries."""
        message = json.loads(text)
        if "response" not in message:
            raise Unexpected(f"an error instead of a reply: {text[:300]}")
        return int(message["id"]), message["response"]

    def subscribe(self, connection: Connection) -> None:
        """Subscribe, and wait for what acknowledges it."""
        connection.send(self.call(1000, "subscribe", {"channel": CHANNEL, "event": EVENT}))
        self.reply(connection.receive())

    def publish(self, number: int, data: Any) -> str:
        """Return the text that publishes."""
        return self.call(number, "publish", {"channel": CHANNEL, "event": EVENT, "data": data})

    def event(self, text: str) -> Any:
        """Return the data that an event carries."""
        message = json.loads(text)
        if message.get("channel") != CHANNEL:
            raise Unexpected(f"no event: {text[:300]}")
        return message["data"]

    def answer(self, text: str) -> str:
        """Return what a subscriber answers to an event, of an equal size each time."""
        raise NotImplementedError
