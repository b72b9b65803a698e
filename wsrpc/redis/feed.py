"""What becomes of the messages on the bus, and of a doubt whether all of them came."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from ..channels import Channels
from .envelope import Foreign, decode_message
from .lane import Lane
from .publisher import Store
from .scripts import CHECK
from .session import Judge

logger = logging.getLogger("wsrpc.redis.feed")

CHECKED_AT_ONCE: Final = 256
"""Channels in one script: Redis serves nobody else for the millisecond that they take."""


class ChannelFeed:
    """Bring messages to the channels of this process, and tell them what they may have missed."""

    def __init__(
        self,
        channels: Channels,
        store: Store,
        lane: Lane,
        control: bytes,
        probe_interval: float,
        check_interval: float,
    ) -> None:
        self.control = control
        self.probe_interval = probe_interval
        self.check_interval = check_interval
        self.ignored = 0
        """Messages that were no events of this version."""
        self.on_loss: list[Lane] = [lane]
        """The lanes that have to find out anew where Redis is when the bus has lost it."""
        self._channels = channels
        self._store = store
        self._lane = lane

    async def message(self, name: bytes, payload: bytes) -> None:
        """Deliver an event; what is none is counted, logged once, and ignored."""
        channel = self._store.names.channel(name)
        try:
            event = decode_message(payload)
        except Foreign as error:
            self.ignore(f"on channel {channel!r:.80}", error)
            return
        message: dict[str, Any] = {"event": event.name, "json": event.json}
        if self._store.history is not None:
            message |= {"epoch": event.epoch, "offset": event.offset}
        await self._channels(channel, message)

    def ignore(self, where: str, error: Foreign) -> None:
        """Count what is no event of this version, and log the first."""
        self.ignored += 1
        if self.ignored == 1:
            logger.warning("ignoring messages such as one %s: %s", where, error)

    def lost(self) -> None:
        """Connect anew wherever a connection is open: Redis may be another one by now."""
        for lane in self.on_loss:
            lane.renew()

    async def returned(self) -> None:
        """Without history, tell of a gap; with it the check that follows knows what was missed."""
        if self._store.history is None:
            for channel in tuple(self._channels):
                await self._channels.gap(channel.name)

    async def probe(self, token: bytes) -> None:
        """Publish a token."""
        await self._check([], token)

    async def check(self, token: bytes) -> Judge:
        """Read where the channels stand, publish a token, and return what finds those behind."""
        names = [] if self._store.history is None else [channel.name for channel in self._channels]
        parts = [
            names[start : start + CHECKED_AT_ONCE]
            for start in range(0, len(names), CHECKED_AT_ONCE)
        ]
        tops = await asyncio.gather(*(self._check(part, b"") for part in parts))
        await self.probe(token)

        async def judge() -> None:
            for top in tops:
                for name, (epoch, offset) in top.items():
                    position = self._channels.position(name)
                    if position is not None and (
                        position.epoch != epoch or position.offset < offset
                    ):
                        await self._channels.gap(name)

        return judge

    async def _check(self, names: list[str], token: bytes) -> dict[str, tuple[str, int]]:
        store = self._store
        keys = [key for name in names for key in store.names.keys(name)]
        answer = await self._lane.run(
            CHECK,
            keys,
            (store.nonce(), store.life, self.control, token),
            timeout=self.probe_interval,
        )
        tops = (
            (bytes(epoch).decode(), int(offset))
            for epoch, offset in zip(answer[::2], answer[1::2], strict=True)
        )
        return dict(zip(names, tops, strict=True))
