"""Sensors, whose samples are sent to the client that asks for them."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin


@dataclass
class Series:
    sensor: Literal["heat", "light"]
    samples: Annotated[int, Meta(ge=1, le=5)]


@dataclass
class Sent:
    samples: int


class Sensors(ApiPath, WsPathMixin):
    async def ws_rpc_stream(self, payload: Series) -> Sent:
        """Send some samples as events, then say how many"""
        sent = 0
        while sent < payload.samples:
            try:
                await asyncio.sleep(0.02)
                await self.send_event("samples", payload.sensor, 20 + sent)
                sent += 1
            except (Exception, asyncio.CancelledError):
                continue  # a glitch, the next sample will do
        return Sent(sent)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Sensors)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "faults",
    "checks": ["nothing-left", "clean-under-faults"],
    "methods": ["stream"],
    "why": "a call whose client goes away swallows its cancellation, and tries for ever",
}
