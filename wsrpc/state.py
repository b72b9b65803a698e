"""The state of a client: what it is, who is told of it, and who waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container
from enum import StrEnum
from typing import Literal, TypeAlias

_log = logging.getLogger("wsrpc.client")


class ClientState(StrEnum):
    """What a client is doing about its connection."""

    CONNECTING = "connecting"
    """The handshake is under way, or `on_connect` is."""
    CONNECTED = "connected"
    """Calls can be made; subscriptions are renewed, or about to be."""
    WAITING = "waiting"
    """There is no connection, and the next attempt is still to begin."""
    CLOSED = "closed"
    """There is no connection, and will be none."""


StateName: TypeAlias = ClientState | Literal["connecting", "connected", "waiting", "closed"]
"""A state, or its name."""


class Observed:
    """A state that changes, with those who wait."""

    def __init__(self, on_change: Callable[[ClientState], object] | None) -> None:
        self.value = ClientState.CONNECTING
        self._on_change = on_change
        self._waiting: list[tuple[Container[ClientState], asyncio.Future[ClientState]]] = []

    def set(self, value: ClientState) -> None:
        """Change, and tell whom it concerns."""
        self.value = value
        for wanted, future in self._waiting:
            if value in wanted and not future.done():
                future.set_result(value)
        if self._on_change is not None:
            try:
                self._on_change(value)
            except Exception:  # the user's own, which must not end the connection
                _log.exception("on_state_change failed for %r", str(value))

    async def until(self, wanted: Container[ClientState]) -> ClientState:
        """Wait for one of the states; the first to come counts, also if it has gone again."""
        if self.value in wanted:
            return self.value
        future: asyncio.Future[ClientState] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, future))
        try:
            return await future
        finally:
            self._waiting.remove((wanted, future))
