"""A server to converse with, another that keeps to no protocol, and what plays conversations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta, Struct

from pytest_wsrpc.fuzz import target
from pytest_wsrpc.fuzz.conversation import (
    Call,
    Conversation,
    Step,
)
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.judging import judge
from pytest_wsrpc.fuzz.playing import play_conversation
from pytest_wsrpc.fuzz.record import Record
from pytest_wsrpc.fuzz.serving import Host
from wsrpc import ApiPath, LocalBroker, Publish, RpcError, Subscribe, WsPathMixin
from wsrpc.rpc import methods_of


class New(Struct):
    title: str


class Item(Struct):
    id: str
    title: str


class Which(Struct):
    item_id: Annotated[str, Meta(max_length=4)]


class Seconds(Struct):
    seconds: float


class Seat(Struct):
    number: Annotated[int, Meta(le=100)]


DOORS: web.AppKey[Any] = web.AppKey("doors")


class View(ApiPath, WsPathMixin, Publish, Subscribe):
    """Each connection has items of its own; what fails, and how, its methods say."""

    async def on_connect(self) -> None:
        door = next(self.request.app[DOORS], None)
        if door is web.HTTPForbidden:
            raise web.HTTPForbidden
        if door is RuntimeError:
            raise RuntimeError("out of order")
        self.items: dict[str, str] = {}

    async def on_disconnect(self) -> None:
        if "broken" in self.items.values():
            raise LookupError("broken")

    async def ws_rpc_create_item(self, payload: New) -> Item:
        id = f"i{len(self.items)}"
        self.items[id] = payload.title
        return Item(id, payload.title)

    async def ws_rpc_delete_item(self, payload: Which) -> Item:
        if payload.item_id not in self.items:
            raise RpcError(7, "no such item")
        return Item(payload.item_id, self.items.pop(payload.item_id))

    async def ws_rpc_wait(self, payload: Seconds) -> str:
        await asyncio.sleep(payload.seconds)
        return "waited for long"

    async def ws_rpc_end(self, payload: Seconds) -> None:
        await self.close(4000)

    async def ws_rpc_end_of_all(self, payload: Seconds) -> None:
        for socket in list(self.sockets.sockets):
            if socket is not self:
                await socket.close(4001)

    async def ws_rpc_tell(self, payload: New) -> None:
        await self.send_event("news", payload.title, 1)

    async def ws_rpc_seat(self, payload: Seat) -> None:
        return None

    async def ws_rpc_any(self, payload: Any) -> Any:
        return payload


METHODS = methods_of(View)


ENDPOINT = Endpoint("/stream", View, METHODS)


def create_app(*doors: type[Exception] | None) -> web.Application:
    """Let the first connections in, or refuse them by these exceptions."""
    app = web.Application()
    app[DOORS] = iter(doors)
    app.router.add_view("/stream", View)
    LocalBroker.for_app(app)
    return app


def create_rough_app(greeting: str = "") -> web.Application:
    """A server that knows no protocol: it does what the title says."""
    app = web.Application()
    sockets: list[web.WebSocketResponse] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sockets.append(socket)
        is_deaf = greeting == "deaf"
        if greeting == "news":
            await socket.send_json({"channel": "a", "event": "b", "data": 1})
        async for message in socket:
            sent = message.json()
            reply = {"id": sent["id"], "method": sent["method"], "response": 1}
            what = sent["payload"]["title"] if "payload" in sent else ""
            is_deaf = is_deaf or what == "deaf"
            if greeting == "hang up":
                await socket.close(code=4000)
            elif greeting == "mixed up":
                await sockets[0].send_json(reply)
            elif greeting == "twice":
                await socket.send_json(reply)
                await socket.send_json(reply)
            elif what == "flood":
                while not socket.closed:
                    await socket.send_json({"channel": "a", "event": "b", "data": 1})
            elif what == "astray":
                for other in sockets:
                    await other.send_json(reply)
            elif what == "anonymous":
                await socket.send_json({**reply, "id": "x"})
            elif what == "no object":
                await socket.send_json([])
            elif what == "twice":
                await socket.send_json(reply)
                await socket.send_json(reply)
            elif what == "close before the probe":
                await socket.send_json(reply)
                await socket.close(code=4000)
            elif what == "news to all":
                for other in sockets:
                    await other.send_json({"channel": "a", "event": "b", "data": 1})
                await socket.send_json(reply)
            elif what != "mute" and not (is_deaf and "payload" not in sent):
                await socket.send_json(reply)
        return socket

    app.router.add_get("/stream", serve)
    return app


Play = Callable[..., Record]


def call(id: int, method: str, client: int = 1, **payload: Any) -> Call:
    wait = payload.pop("wait", True)
    return Call(client, id, METHODS[method], payload, wait=wait)


def rough(id: int, what: str, client: int = 1, *, wait: bool = True) -> Call:
    return call(id, "create_item", client, title=what, wait=wait)


def failed(record: Record) -> list[str]:
    return [failure.check for failure in judge(record, frozenset(), Path.cwd())]


def summary(record: Record) -> list[tuple[Any, ...]]:
    return [(entry.what, entry.client, entry.call) for entry in record.trace]


RESPONSES = {
    0: {"id": "i0", "owner": {"id": "o0"}, "count": 3},
    1: "only",
    2: {"items": [{"id": "i2"}], "orderIds": [7, 8], "price": 1.5, "deep": {}},
}


NAMES = {0: "create_item", 1: "token", 2: "list_items"}


GREETINGS = {
    "": "connected", "deaf": "sent", "hang up": "closed", "news": "event", "twice": "connected"
}  # fmt: skip


def players() -> Iterator[Play]:
    """Yield what plays steps; its applications end with it."""
    hosts: list[Host] = []

    def played(*steps: Step, app: Callable[[], web.Application] = create_app) -> Record:
        host = Host(target.of_value(app, "the test"))
        hosts.append(host)
        conversation = Conversation(ENDPOINT, steps)
        return host.run(play_conversation(host, conversation, "/stream", (), 5.0))

    yield played
    for host in hosts:
        host.close()
