"""The document that the project starts from: its Python blocks run, but for their imports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from pytest_wsrpc import BrokerConformance
from wsrpc import SocketsManager
from wsrpc.failures import Failure

VIEW = '''
from aiohttp import web
from openapi.spec import ApiPath
from openapi.ws import WsPathMixin
from openapi.ws.pubsub import Publish, Subscribe

ws_routes = web.RouteTableDef()

@ws_routes.view("/stream")
class Websocket(ApiPath, WsPathMixin, Subscribe, Publish):

    async def ws_rpc_info(self, payload):
        """Server information"""
        return self.sockets.server_info()
'''

SETUP = """
from aiohttp.web import Application

from openapi.ws import SocketsManager

def setup_app(app: Application) -> None:
    app['web_sockets'] = SocketsManager()
    app.router.add_routes(ws_routes)
"""

BACKEND = '''
import asyncio

from aiohttp import web
from openapi.ws.manager import SocketsManager

class LocalBroker(SocketsManager):
    """A local broker for testing"""

    def __init__(self):
        self.binds = set()
        self.messages: asyncio.Queue = asyncio.Queue()
        self.worker = None
        self._stop = False

    @classmethod
    def for_app(cls, app: web.Application) -> "LocalBroker":
        broker = cls()
        app.on_startup.append(broker.start)
        app.on_shutdown.append(broker.close)
        return broker

    async def start(self, *arg):
        if not self.worker:
            self.worker = asyncio.ensure_future(self._work())

    async def publish(self, channel: str, event: str, body: Any):
        """simulate network latency"""
        if channel.lower() != channel:
            raise CannotPublish
        payload = dict(event=event, data=self.get_data(body))
        asyncio.get_event_loop().call_later(
            0.01, self.messages.put_nowait, (channel, payload)
        )

    async def subscribe(self, channel: str) -> None:
        """ force channel names to be lowercase"""
        if channel.lower() != channel:
            raise CannotSubscribe

    async def close(self, *arg):
        self._stop = True
        await self.close_sockets()
        if self.worker:
            self.messages.put_nowait((None, None))
            await self.worker
            self.worker = None

    async def _work(self):
        while True:
            channel, body = await self.messages.get()
            if self._stop:
                break
            await self.channels(channel, body)

    def get_data(self, data: Any) -> Any:
        if data == "error":
            return self.raise_error
        elif data == "runtime_error":
            return self.raise_runtime
        return data

    def raise_error(self):
        raise ValueError

    def raise_runtime(self):
        raise RuntimeError
'''

MODULES = {
    "openapi.spec": "wsrpc",
    "openapi.ws": "wsrpc",
    "openapi.ws.pubsub": "wsrpc.pubsub",
    "openapi.ws.manager": "wsrpc.manager",
}

LEFT_OUT = "from typing import Any\nfrom wsrpc import CannotPublish, CannotSubscribe\n"


def run(*blocks: str) -> dict[str, Any]:
    """Run blocks one after the other, as one module; return its names."""
    names: dict[str, Any] = {"__name__": "seed"}
    exec(LEFT_OUT, names)
    for block in blocks:
        lines = []
        for line in block.splitlines():
            words = line.split()
            if words[:1] == ["from"] and words[1] in MODULES:
                words[1] = MODULES[words[1]]
                line = " ".join(words)
            lines.append(line)
        exec("\n".join(lines), names)
    return names


class Client:
    """A client of the application."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def call(self, method: str, **payload: Any) -> Any:
        await self.ws.send_json({"id": "abc", "method": method, "payload": payload})
        reply = await self.ws.receive_json(timeout=5)
        assert (reply.pop("id"), reply.pop("method")) == ("abc", method)
        return reply


Start = Callable[[web.Application], Any]


@pytest.fixture(params=[True, False], ids=["cancelling", "not-cancelling"])
async def start(request: pytest.FixtureRequest, reach: Any) -> AsyncIterator[Start]:
    """Start an application, and give a function that connects a client to it."""
    sessions: list[aiohttp.ClientSession] = []
    runners: list[web.AppRunner] = []

    async def start(app: web.Application) -> Any:
        runner = web.AppRunner(app, handler_cancellation=request.param)
        runners.append(runner)
        await runner.setup()
        url, connector = await reach(runner)
        sessions.append(aiohttp.ClientSession(connector=connector()))

        async def connect() -> Client:
            return Client(await sessions[0].ws_connect(f"{url}/stream"))

        return connect

    yield start
    for session in sessions:
        await session.close()
    for runner in runners:
        await runner.cleanup()


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
async def test_the_view_and_its_set_up(start: Start) -> None:
    app = web.Application()
    run(VIEW, SETUP)["setup_app"](app)
    assert type(app["web_sockets"]) is SocketsManager
    client = await (await start(app))()
    assert await client.call("info") == {"response": {"connections": 1, "channels": {}}}
    assert (await client.call("subscribe", channel="x"))["error"] == {
        "code": -32602,
        "message": "Invalid RPC parameters",
        "errors": {"channel": "Invalid channel"},
    }
    assert (await client.call("publish", channel="x", data=1))["error"]["errors"] == {
        "channel": "Cannot publish to channel"
    }
    await asyncio.gather(app["web_sockets"].close(), client.ws.receive(timeout=5))


def application() -> web.Application:
    """Serve the view on the backend, as the tests of the seed do."""
    names = run(VIEW, BACKEND)
    app = web.Application()
    app["web_sockets"] = names["LocalBroker"].for_app(app)
    app.router.add_routes(names["ws_routes"])
    return app


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
async def test_events_travel_through_the_backend(start: Start) -> None:
    app = application()
    connect = await start(app)
    first, second = await connect(), await connect()
    subscribed = {"response": {"subscribed": {"x": ["a*"]}}}
    assert await first.call("subscribe", channel="x", event="a*") == subscribed
    assert (await second.call("publish", channel="x", event="ab", data={"n": 1}))["response"] == {
        "channel": "x",
        "event": "ab",
        "data": {"n": 1},
    }
    assert await first.ws.receive_json(timeout=5) == {
        "channel": "x",
        "event": "ab",
        "data": {"n": 1},
    }
    info = {"connections": 2, "channels": {"x": {"a*": 1}}}
    assert await second.call("info") == {"response": info}
    for method, payload in (("subscribe", {}), ("publish", {"data": 1})):
        reply = await first.call(method, channel="X", **payload)
        assert reply["error"]["code"] == -32602
    assert await first.call("unsubscribe", channel="x") == {"response": {"subscribed": {}}}


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
@pytest.mark.parametrize(
    ("data", "error"), [("error", ValueError), ("runtime_error", RuntimeError)]
)
async def test_publishing_an_error_closes_the_subscribers_connection(
    start: Start, reported: list[Failure], data: str, error: type[Exception]
) -> None:
    app = application()
    connect = await start(app)
    subscriber, other = await connect(), await connect()
    await subscriber.call("subscribe", channel="x", event="a")
    await other.call("subscribe", channel="x", event="b")
    await other.call("publish", channel="x", event="a", data=data)
    await other.call("publish", channel="x", event="b", data="still here")
    message = await subscriber.ws.receive(timeout=5)
    assert message.type is aiohttp.WSMsgType.CLOSE
    assert subscriber.ws.close_code == 1011
    event = await other.ws.receive(timeout=5)
    assert json.loads(event.data) == {"channel": "x", "event": "b", "data": "still here"}
    assert [type(failure.exception) for failure in reported] == [error]
    info = {"connections": 1, "channels": {"x": {"b": 1}}}
    assert await other.call("info") == {"response": info}
    await asyncio.gather(app["web_sockets"].close(), other.ws.receive(timeout=5))
    assert other.ws.close_code == 1001
    assert app["web_sockets"].worker is None
    assert app["web_sockets"].server_info() == {"connections": 0, "channels": {}}


@pytest.mark.wsrpc(clock="virtual")
class TestBackend(BrokerConformance):
    """The backend of the document keeps the contract of all brokers."""

    refused = ("X",)

    @pytest.fixture
    def make_broker(self) -> Any:
        return run(BACKEND)["LocalBroker"]
