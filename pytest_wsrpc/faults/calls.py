"""The calls of a connection whose manager is under a fault plan."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from wsrpc.calls import CURRENT, Call, Calls
from wsrpc.rpc import RpcMethod

from .damage import damaged_reply
from .passing import Stream, gate
from .rule import Happening

if TYPE_CHECKING:
    from wsrpc import Websocket

    from .plan import FaultPlan


class _Head(msgspec.Struct):
    method: str = ""


_method_of = msgspec.json.Decoder(_Head).decode


class _Dropped(BaseException):
    """A rule dropped the call."""


class FaultyCalls(Calls):
    """Calls that pass the plan's rules before their method runs, and replies before they go out."""

    def __init__(self, plan: FaultPlan, *args: Any) -> None:
        view, methods, limits, send, start, writable = args
        super().__init__(view, methods, limits, self._send_error, start, writable)
        self._plan = plan
        self._put: Callable[[bytes], None] = send
        self._copies: set[Call] = set()
        self._stream = Stream(plan, self, damaged_reply)

    async def run(self, call: Call, payload: dict[str, Any]) -> None:
        """Run a call as always, and know meanwhile whose it is."""
        self._plan.running[call] = self._view
        try:
            await super().run(call, payload)
        finally:
            del self._plan.running[call]
            self._copies.discard(call)

    async def _reply(self, call: Call, method: RpcMethod, payload: dict[str, Any]) -> bytes:
        if not self._plan.at("call") or call in self._copies:
            return await super()._reply(call, method, payload)
        # In place of the function, so that a call of a channel keeps its turn while it is held.
        function = partial(self._run_method, call, payload, method.function)
        try:
            return await super()._reply(call, replace(method, function=function), payload)
        except _Dropped:
            call.answered = True  # nobody will
            return b""

    async def _run_method(
        self,
        call: Call,
        payload: dict[str, Any],
        function: Callable[..., Any],
        view: Websocket,
        data: Any,
    ) -> Any:
        happening = Happening("call", method=call.method, websocket=view)
        copies = await gate(self._plan, happening, self)
        if not copies:
            raise _Dropped
        for _ in range(copies - 1):
            self._running += 1
            self._start(self._run_copy(call, deepcopy(payload)))
        return await function(view, data)

    async def _run_copy(self, original: Call, payload: dict[str, Any]) -> None:
        """Run the same request again, as if it had arrived behind the first."""
        call = Call(original.id, original.method, original.deadline)
        self._copies.add(call)
        task = asyncio.current_task()
        assert task is not None
        self.suspended(call, task)
        CURRENT.set(call)
        await self.run(call, payload)

    def _answer(self, call: Call, reply: bytes) -> None:
        if call.answered:
            return
        call.answered = True
        made, call.made = call.made, []

        def acknowledge() -> None:
            while made:
                made.pop(0).acknowledge(call)

        def go(data: bytes) -> None:
            # What the call subscribed counts only now, as no event may come before its reply.
            self._put(data)
            acknowledge()

        self._send_through(call.method, reply, go, acknowledge)

    def _send_error(self, reply: bytes) -> None:
        self._send_through(_method_of(reply).method, reply, self._put)

    def _send_through(
        self,
        method: str,
        reply: bytes,
        go: Callable[[bytes], None],
        lost: Callable[[], None] | None = None,
    ) -> None:
        happening = Happening("reply", method=method, websocket=self._view)
        self._stream.send(happening, reply, go, lost)
