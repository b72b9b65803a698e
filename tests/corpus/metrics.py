"""Metrics of machines, published one after the other by a worker in the background."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import SOCKETS_KEY, ApiPath, LocalBroker, Subscribe, WsPathMixin


class Metric(Struct):
    machine: Literal["lathe", "press", "saw"]
    watts: Annotated[int, Meta(ge=0, le=100_000)]


QUEUE = web.AppKey("QUEUE", asyncio.Queue)


class Metrics(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_record(self, payload: Metric) -> bool:
        """Record a metric; answered once it is on its way"""
        queue = self.request.app[QUEUE]
        await queue.put(payload)
        await queue.join()
        return True


async def work(app: web.Application) -> None:
    while True:
        metric = await app[QUEUE].get()
        await app[SOCKETS_KEY].publish("metrics", metric.machine, metric.watts)
        app[QUEUE].task_done()


async def worker(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(work(app))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task


def create_app() -> web.Application:
    app = web.Application()
    app[QUEUE] = asyncio.Queue()
    app.cleanup_ctx.append(worker)
    app.router.add_view("/stream", Metrics)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "faults",
    "checks": ["clean-under-faults", "one-reply-in-time"],
    "methods": ["record"],
    "why": "the first publish that fails ends the worker, and nothing is recorded after it",
}
