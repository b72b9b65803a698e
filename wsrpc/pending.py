"""The calls of a client that wait for their replies."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

from . import protocol

LATE_REPLIES: Final = 1000
"""Calls given up whose replies are still known as late."""

Reply = dict[str, Any]


class Call:
    """A call in flight."""

    __slots__ = ("on_reply", "reply")

    def __init__(self, on_reply: Callable[[Reply], None] | None) -> None:
        self.on_reply = on_reply
        self.reply: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        """The reply to come, None where the connection ends first."""


class PendingCalls:
    """The table of the calls in flight; ids count up and never repeat."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._calls: dict[int, Call] = {}
        self._given_up: deque[int] = deque(maxlen=LATE_REPLIES)

    def new_id(self) -> int:
        """Return an id that no call had."""
        return next(self._ids)

    def add(self, id: int, on_reply: Callable[[Reply], None] | None) -> Call:
        """Wait for the reply with this id; `on_reply` is told it in the moment it is read."""
        call = self._calls[id] = Call(on_reply)
        return call

    def give_up(self, id: int) -> None:
        """Wait no longer for the reply with this id, if somebody still does."""
        if self._calls.pop(id, None) is not None:
            self._given_up.append(id)

    def finish(self, reply: Reply) -> bool:
        """Give a reply to the call that waits for it; tell whether there is one."""
        id = reply["id"]
        # True and 1.0 equal 1, but are not the id of a call.
        call = self._calls.pop(id, None) if type(id) is int else None
        if call is None:
            return False
        # A call that was cancelled in this turn of the loop has no use for it any more.
        if not call.reply.done():
            call.reply.set_result(reply)
        if call.on_reply is not None:
            call.on_reply(reply)
        return True

    def is_late(self, reply: Reply) -> bool:
        """Tell, once, whether it is the reply to a call that was given up."""
        id = reply["id"]
        if type(id) is not int or id not in self._given_up:
            return False
        self._given_up.remove(id)
        return True

    def end(self) -> None:
        """Tell every call that no reply will come."""
        for call in self._calls.values():
            if not call.reply.done():
                call.reply.set_result(None)
        self._calls.clear()


def is_response(reply: Reply) -> bool:
    """Tell whether a reply is one of success."""
    return "response" in reply and "error" not in reply


def encode_request(id: int, method: str, payload: Mapping[str, Any] | None) -> bytes:
    """Return the message of a call; raises `TypeError` for what has no JSON form."""
    if not isinstance(method, str):
        raise TypeError(f"method must be a string, got {method!r:.80}")
    if payload is not None and not isinstance(payload, Mapping):
        raise TypeError(f"payload must be a mapping, got {payload!r:.80}")
    request: dict[str, Any] = {"id": id, "method": method}
    if payload is not None:
        request["payload"] = dict(payload)
    try:
        return protocol.encode_json(request)
    except (TypeError, ValueError) as error:
        raise TypeError(f"the call of {method!r:.80} has no JSON form: {error}") from error
