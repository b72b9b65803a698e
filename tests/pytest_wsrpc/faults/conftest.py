"""A small application in memory, on virtual time, under a fault plan."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from pytest_wsrpc.client import WsTestClient
from pytest_wsrpc.clock import VirtualLoop
from pytest_wsrpc.faults import FaultPlan
from pytest_wsrpc.network.memory import MemoryConnector
from wsrpc import ApiPath, Publish, SocketsManager, Subscribe, WsPathMixin


class Backend(SocketsManager):
    """A backend in this process that notes, with the time, what reached it."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def note(self, *words: object) -> None:
        now = asyncio.get_running_loop().time()
        self.log.append(" ".join(map(str, [f"{now:g}", *words])))

    async def publish(self, channel: str, event: str, body: Any) -> None:
        self.note("publish", channel, event, body)
        await self.channels(channel, {"event": event, "data": body})

    async def subscribe(self, channel: str) -> None:
        self.note("subscribe", channel)

    async def unsubscribe(self, channel: str) -> None:
        self.note("unsubscribe", channel)


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    sockets: Backend

    async def ws_rpc_add(self, payload: dict[str, int]) -> int:
        self.sockets.note("add", payload["a"])
        return payload.pop("a") + 1

    async def ws_rpc_tell(self, payload: dict[str, Any]) -> None:
        for number in range(payload["count"]):
            await self.sockets.publish(payload["channel"], payload.get("event", ""), number)

    async def ws_rpc_fail(self, payload: dict[str, Any]) -> None:
        raise ValueError("own")


class Stage:
    """An application that is served, its backend, its plan, and clients."""

    def __init__(self, plan: FaultPlan, backend: Backend, session: aiohttp.ClientSession) -> None:
        self.plan = plan
        self.backend = backend
        self._session = session
        self.told: list[str] = []

    @property
    def log(self) -> list[str]:
        """What reached the backend and the methods, with the time."""
        return list(self.backend.log)

    async def connect(self, name: str = "client") -> WsTestClient:
        return await WsTestClient.connect("ws://localhost/stream", session=self._session, name=name)

    async def subscribed(self, channel: str = "orders") -> WsTestClient:
        client = await self.connect()
        await client.call("subscribe", {"channel": channel})
        return client


@asynccontextmanager
async def serve(seed: int) -> AsyncIterator[Stage]:
    app = web.Application()
    app.router.add_view("/stream", Stream)
    backend = Backend.for_app(app)
    told: list[str] = []
    plan = FaultPlan(seed, "a test", lambda text, websocket: told.append(text))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    assert runner.server is not None
    plan.attach([backend])
    try:
        async with aiohttp.ClientSession(connector=MemoryConnector(runner.server)) as session:
            stage = Stage(plan, backend, session)
            stage.told = told
            yield stage
    finally:
        plan.detach()
        await runner.cleanup()


@pytest.fixture
def run() -> Callable[..., Any]:
    """Run a coroutine function on virtual time, and return what it returns."""

    def on_virtual_time(function: Callable[[], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            return await function()

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(main())

    return on_virtual_time


@pytest.fixture
def play(run: Callable[..., Any]) -> Callable[..., Any]:
    """Run a scenario with a served application on virtual time: ``play(scenario, seed=7)``."""

    def with_stage(scenario: Callable[[Stage], Awaitable[Any]], seed: int = 7) -> Any:
        async def on_stage() -> Any:
            async with serve(seed) as stage:
                return await scenario(stage)

        return run(on_stage)

    return with_stage
