"""An elevator: callers wait until it is on their floor."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

Floor = Annotated[int, Meta(ge=0, le=30)]


@dataclass
class Stop:
    floor: Floor


class Cabin:
    def __init__(self) -> None:
        self.floor = 4
        self.moves = asyncio.Lock()

    async def bring(self, floor: int) -> None:
        """Return once the cabin is there."""
        async with self.moves:
            arrived = asyncio.get_running_loop().create_future()
            while self.floor != floor:
                await asyncio.sleep(0.001)
                self.floor += 1 if floor > self.floor else -1
                if self.floor == floor:
                    arrived.set_result(None)
            await arrived


CABIN = web.AppKey("CABIN", Cabin)


class Elevators(ApiPath, WsPathMixin):
    async def ws_rpc_call(self, payload: Stop) -> Stop:
        """Call the cabin, and wait for it"""
        await self.request.app[CABIN].bring(payload.floor)
        return payload


def create_app() -> web.Application:
    app = web.Application()
    app[CABIN] = Cabin()
    app.router.add_view("/stream", Elevators)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["one-reply-in-time"],
    "methods": ["call"],
    "why": "a call from the floor where the cabin stands waits for an arrival that never comes",
}
