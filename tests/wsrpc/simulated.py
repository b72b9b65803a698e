"""A connection without a network: real calls, subscriptions and outbox, and what they write."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from wsrpc import SocketsManager, Websocket
from wsrpc.calls import CURRENT, Call, Calls
from wsrpc.memberships import Memberships
from wsrpc.outbox import Outbox
from wsrpc.protocol import Request
from wsrpc.rpc import methods_of


class Transport(asyncio.Transport):
    """Takes what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False


class SimulatedConnection:
    """One connection of a view, and its wire."""

    outbox_size = 1 << 20

    def __init__(self, manager: SocketsManager, view: Websocket) -> None:
        self.manager = manager
        self.view = view
        view._wsrpc = self  # type: ignore[assignment]
        loop = asyncio.get_running_loop()
        self.transport = Transport()
        self.outbox = Outbox(loop, self.outbox_size, "close", self.fail)
        self.outbox.open(self.transport)
        self.memberships = Memberships(view, manager, self.outbox)
        self.calls = Calls(
            view,
            methods_of(type(view)),
            view.limits,
            self.outbox.put,
            loop.create_task,
            self.writable,
        )
        self.is_open = True
        manager.add(view)

    async def writable(self) -> None:
        pass

    def fail(self) -> None:
        raise AssertionError("too slow")

    def call(self, id: int, method: str, payload: dict[str, Any]) -> None:
        """Let a call arrive."""
        text = json.dumps({"id": id, "method": method, "payload": payload}).encode()
        call = self.calls.admit(Request(id, method, payload), text)
        if call is not None:
            task = asyncio.get_running_loop().create_task(self.run(call, payload))
            self.calls.suspended(call, task)

    async def run(self, call: Call, payload: dict[str, Any]) -> None:
        CURRENT.set(call)
        await self.calls.run(call, payload)

    def written(self) -> list[Any]:
        """Return the messages that were written since the last time."""
        self.outbox.flush()
        rest, self.transport.written = self.transport.written, b""
        messages = []
        while rest:
            size, start = rest[1], 2
            if size == 126:
                size, start = int.from_bytes(rest[2:4], "big"), 4
            elif size == 127:
                size, start = int.from_bytes(rest[2:10], "big"), 10
            messages.append(json.loads(rest[start : start + size]))
            rest = rest[start + size :]
        return messages

    def close(self) -> None:
        """End the connection."""
        self.is_open = False
        self.memberships.leave()
        self.outbox.discard()
        self.calls.close()
        self.manager.remove(self.view)
        assert not self.memberships._memberships
