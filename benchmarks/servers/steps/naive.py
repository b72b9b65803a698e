"""The naive server: clear, and with a task, a text and a check of types wherever one comes to mind.

It keeps what a server has to keep: a call that takes long holds up no other one, one slow
subscriber delays no other one, and a message that is no call is refused.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass, fields
from typing import Any, ClassVar, get_type_hints

from aiohttp import web

from benchmarks.servers.serving import application, serve_aiohttp

HEARTBEAT = 25.0
"""Seconds without a message after which a client is asked whether it lives, as in `wsrpc`."""


@dataclass
class Call:
    """What a client sends."""

    id: str | int
    method: str
    payload: dict  # type: ignore[type-arg]


def validated(kind: type[Any], data: dict[str, Any]) -> Any:
    """Return an instance of a dataclass; raise `TypeError` where the data is not of its types."""
    hints = get_type_hints(kind)
    for field in fields(kind):
        if not isinstance(data.get(field.name), hints[field.name]):
            raise TypeError(f"{field.name} is not of the type {hints[field.name]}")
    return kind(**data)


class Stream:
    """One connection; a step overrides what it does otherwise."""

    subscribers: ClassVar[set[Any]] = set()

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.loop = asyncio.get_running_loop()
        self.websocket = self.open()
        self.tasks: set[asyncio.Task[None]] = set()

    def open(self) -> web.WebSocketResponse[Any]:
        """Return the websocket."""
        return web.WebSocketResponse(heartbeat=HEARTBEAT)

    async def serve(self) -> web.WebSocketResponse[Any]:
        """Serve the connection to its end."""
        await self.websocket.prepare(self.request)
        try:
            async for message in self.websocket:
                self.start(self.handle(message.data))
        finally:
            self.subscribers.discard(self)
        return self.websocket

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task, and hold it."""
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def handle(self, message: Any) -> None:
        """Answer a message."""
        call = self.call_in(message)
        response = await self.run(call)
        await self.send(self.reply(call, response))

    def call_in(self, message: Any) -> Any:
        """Return the call that a message is."""
        return validated(Call, json.loads(message))

    async def run(self, call: Any) -> Any:
        """Run a call's method, and return its response."""
        if call.method not in ("echo", "subscribe", "publish"):
            raise ValueError(f"unknown method {call.method!r}")
        return await getattr(self, call.method)(call.payload)

    def reply(self, call: Any, response: Any) -> Any:
        """Return the text of a reply."""
        return self.encode({"id": call.id, "method": call.method, "response": response})

    def encode(self, value: Any) -> Any:
        """Return a value's text."""
        return json.dumps(value)

    async def send(self, text: Any) -> None:
        """Send a text, and wait if the client is behind."""
        await self.websocket.send_str(text)

    async def echo(self, payload: dict[str, Any]) -> Any:
        """Return the payload."""
        return payload

    async def subscribe(self, payload: dict[str, Any]) -> Any:
        """Have this connection get the events."""
        self.subscribers.add(self)
        return {"subscribed": payload["channel"]}

    async def publish(self, payload: dict[str, Any]) -> Any:
        """Send an event to all who subscribed, to each in a task of its own."""
        await asyncio.gather(*(one.send_event(payload) for one in self.subscribers))
        return {"published": payload["channel"]}

    async def send_event(self, event: dict[str, Any]) -> None:
        """Send an event to this connection."""
        await self.send(self.encode(event))


def make_app(stream: type[Stream]) -> web.Application:
    """Make an application of one endpoint."""

    async def serve(request: web.Request) -> web.WebSocketResponse[Any]:
        return await stream(request).serve()

    return application(serve)


def main(stream: type[Stream]) -> None:
    """Serve a step until the parent ends."""
    serve_aiohttp(make_app(stream), "msgspec")


if __name__ == "__main__":
    main(Stream)
