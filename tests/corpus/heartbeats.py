"""Heartbeats of a hospital's monitors, told from background tasks. Correct."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import SOCKETS_KEY, ApiPath, BrokerUnavailable, LocalBroker, Subscribe, WsPathMixin


@dataclass
class Alarm:
    beats: Annotated[int, Meta(ge=30, le=200)]


class Monitor(ApiPath, WsPathMixin, Subscribe):
    watching: asyncio.Task[None] | None = None

    async def ws_rpc_watch(self, payload: Alarm) -> Alarm:
        """Send events while the heart beats faster; a new alarm takes the place of the last"""
        self.stop()
        self.watching = asyncio.create_task(self.watch(payload.beats))
        return payload

    async def ws_rpc_stop(self, payload: dict[str, object]) -> bool:
        """Stop watching; tells whether anything was watched"""
        return self.stop()

    async def on_disconnect(self) -> None:
        self.stop()

    async def watch(self, beats: int) -> None:
        for beat in range(60, 120):
            await asyncio.sleep(0.5)
            if self.closed:
                return
            if beat > beats:
                await self.send_event("alarm", "fast", beat)

    def stop(self) -> bool:
        task, self.watching = self.watching, None
        return task is not None and task.cancel()


async def tell(app: web.Application) -> None:
    while True:
        await asyncio.sleep(5)
        with contextlib.suppress(ConnectionError, BrokerUnavailable):
            await app[SOCKETS_KEY].publish("ward", "quiet", None)


async def background(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(tell(app))
    yield
    task.cancel()
    await asyncio.wait([task])


def create_app() -> web.Application:
    app = web.Application()
    app.cleanup_ctx.append(background)
    app.router.add_view("/stream", Monitor)
    LocalBroker.for_app(app)
    return app


DEFECT = None
ODDITY = "background tasks of connections and of the application, cancelled properly"
