"""Statistics of a web site, refreshed for whoever watches them."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin


@dataclass
class Choice:
    figure: Literal["visits", "sales"]
    every: Annotated[float, Meta(ge=0.5, le=60)] = 5.0


@dataclass
class Watching:
    figure: str
    value: int


class Site:
    def __init__(self) -> None:
        self.figures = {"visits": 120, "sales": 7}
        self.jobs: set[asyncio.Task[None]] = set()


SITE = web.AppKey("SITE", Site)


class LiveStats(ApiPath, WsPathMixin):
    shown: dict[str, int]

    async def ws_rpc_watch(self, payload: Choice) -> Watching:
        """Keep a figure fresh for this connection"""
        site = self.request.app[SITE]
        self.shown = {}
        job = asyncio.create_task(self.refresh(site, payload))
        site.jobs.add(job)
        job.add_done_callback(site.jobs.discard)
        return Watching(payload.figure, site.figures[payload.figure])

    async def refresh(self, site: Site, choice: Choice) -> None:
        while True:
            self.shown[choice.figure] = site.figures[choice.figure]
            await asyncio.sleep(choice.every)


async def stop(app: web.Application) -> None:
    for job in app[SITE].jobs:
        job.cancel()


def create_app() -> web.Application:
    app = web.Application()
    app[SITE] = Site()
    app.on_shutdown.append(stop)
    app.router.add_view("/stream", LiveStats)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["nothing-left", "clean-under-faults"],
    "methods": ["watch"],
    "why": "each call starts a task that ends with the application, not with its connection",
}
