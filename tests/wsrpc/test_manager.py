"""SocketsManager: what the base class does, and how an application finds it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from wsrpc import (
    SOCKETS_KEY,
    ApiPath,
    CannotPublish,
    CannotSubscribe,
    LocalBroker,
    SocketsManager,
    Subscribe,
    Websocket,
    WsPathMixin,
)


class View(ApiPath, WsPathMixin, Subscribe):
    """An endpoint that tells who it is."""

    async def ws_rpc_whoami(self, payload: Any) -> str:
        """The id of the connection."""
        return self.socket_id

    async def ws_rpc_describe(self, payload: Any) -> Any:
        """What a connection knows of itself."""
        return {
            "name": str(self),
            "peer": self.peername,
            "closed": self.closed,
            "sees": self.can_receive("x", "a"),
            "belongs": self in self.sockets.sockets and self.channels is self.sockets.channels,
        }


async def test_the_base_class_refuses_every_channel(serve: Any) -> None:
    manager = SocketsManager()
    with pytest.raises(CannotPublish):
        await manager.publish("x", "a", None)
    with pytest.raises(CannotSubscribe):
        await manager.subscribe("x")
    server = await serve(View, manager)
    client = await server.connect()
    reply = await client.call("subscribe", {"channel": "x"})
    assert reply["error"]["errors"] == {"channel": "Invalid channel"}
    assert manager.server_info() == {"connections": 1, "channels": {}}


async def test_the_other_hooks_of_the_base_class_do_nothing() -> None:
    manager = SocketsManager()
    await manager.start()
    await manager.subscribe_to_event("x", "*")
    await manager.unsubscribe("x")
    await manager.close()


async def test_a_subclass_need_not_call_super_init() -> None:
    class Own(SocketsManager):
        def __init__(self) -> None:
            self.own = True

    first, second = Own(), Own()
    assert first.sockets == set()
    assert first.sockets is first.sockets
    assert first.sockets is not second.sockets
    assert first.channels is first.channels
    assert first.channels is not second.channels
    assert first.server_info() == {"connections": 0, "channels": {}}
    await first.close_sockets()


async def test_for_app_makes_starts_and_closes_a_manager() -> None:
    class Own(SocketsManager):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.made_with = (args, kwargs)
            self.log: list[Any] = []

        async def start(self, app: web.Application | None = None) -> None:
            self.log.append(("start", app))

        async def close(self, app: web.Application | None = None) -> None:
            self.log.append(("close", app))

    app = web.Application()
    manager = Own.for_app(app, 1, two=2)
    assert isinstance(manager, Own)
    assert manager.made_with == ((1,), {"two": 2})
    assert app[SOCKETS_KEY] is manager
    assert manager.log == []
    runner = web.AppRunner(app)
    await runner.setup()
    assert manager.log == [("start", app)]
    await runner.cleanup()
    assert manager.log == [("start", app), ("close", app)]


async def test_add_and_remove_are_plain_and_may_be_repeated() -> None:
    manager, socket = SocketsManager(), Websocket()
    manager.add(socket)
    manager.add(socket)
    assert manager.sockets == {socket}
    await manager.close_sockets()
    manager.remove(socket)
    manager.remove(socket)
    assert manager.sockets == set()


async def test_a_connection_knows_its_name_its_peer_and_its_manager(serve: Any) -> None:
    client = await (await serve(View)).connect()
    socket_id = (await client.call("whoami"))["response"]
    assert len(bytes.fromhex(socket_id)) == 16
    assert (await client.call("describe"))["response"] == {
        "name": socket_id,
        "peer": list(client.ws.get_extra_info("sockname")),
        "closed": False,
        "sees": True,
        "belongs": True,
    }


async def test_server_info_counts_connections_and_subscribers(serve: Any) -> None:
    server = await serve(View)
    first, second = await server.connect(), await server.connect()
    await first.call("subscribe", {"channel": "x", "event": ["a", "b*"]})
    await second.call("subscribe", {"channel": "x", "event": "a"})
    await second.call("subscribe", {"channel": "y"})
    assert server.broker.server_info() == {
        "connections": 2,
        "channels": {"x": {"a": 2, "b*": 1}, "y": {"*": 1}},
    }


async def test_revoke_takes_a_channel_from_one_connection(serve: Any) -> None:
    server = await serve(View)
    first, second = await server.connect(), await server.connect()
    for client in (first, second):
        await client.call("subscribe", {"channel": "x", "event": ["a", "b"]})
        await client.call("subscribe", {"channel": "y"})
    socket_id = (await first.call("whoami"))["response"]
    revoke = server.broker.revoke
    assert await revoke(socket_id, "x") is True
    assert await revoke(socket_id, "x") is False
    assert await revoke(socket_id, "never") is False
    assert await revoke("nobody", "y") is False
    assert server.broker.server_info()["channels"] == {"x": {"a": 1, "b": 1}, "y": {"*": 2}}
    await server.broker.publish("x", "a", 1)
    await server.broker.publish("y", "a", 2)
    assert (await first.recv())["data"] == 2
    assert (await second.recv())["data"] == 1
    again = await first.call("subscribe", {"channel": "x"})
    assert again["response"] == {"subscribed": {"x": ["*"]}}


async def test_revoke_takes_a_subscription_that_is_on_its_way(serve: Any, until: Any) -> None:
    class Slow(LocalBroker):
        waiting = False

        async def subscribe(self, channel: str) -> None:
            self.waiting = True
            await go.wait()

    go = asyncio.Event()
    broker = Slow()
    client = await (await serve(View, broker)).connect()
    socket_id = (await client.call("whoami"))["response"]
    subscribing = asyncio.ensure_future(client.call("subscribe", {"channel": "x"}))
    await until(lambda: broker.waiting)

    assert await broker.revoke(socket_id, "other") is False
    assert await broker.revoke(socket_id, "x") is True
    go.set()

    assert (await subscribing)["error"]["code"] == -32003
    await until(lambda: broker.server_info()["channels"] == {})
    assert "response" in await client.call("subscribe", {"channel": "x"})


async def test_revoke_takes_a_subscription_that_is_being_authorized(serve: Any, until: Any) -> None:
    class Asking(View):
        async def authorize(self, action: str, channel: str, event: str) -> bool:
            asked.append(channel)
            await go.wait()
            return True

    asked: list[str] = []
    go = asyncio.Event()
    server = await serve(Asking)
    client = await server.connect()
    socket_id = (await client.call("whoami"))["response"]
    subscribing = asyncio.ensure_future(client.call("subscribe", {"channel": "x"}))
    await until(lambda: asked)

    assert await server.broker.revoke(socket_id, "x") is True
    go.set()

    assert (await subscribing)["error"]["code"] == -32003
    assert server.broker.server_info()["channels"] == {}


async def test_close_sockets_takes_no_turn_where_there_is_nothing_to_close() -> None:
    closing = LocalBroker().close_sockets()
    with pytest.raises(StopIteration):
        closing.send(None)


async def test_close_sockets_closes_all_with_1001_and_empties_the_channels(serve: Any) -> None:
    class Backend(LocalBroker):
        unsubscribed: list[str] = []

        async def unsubscribe(self, channel: str) -> None:
            self.unsubscribed.append(channel)

    broker = Backend()
    server = await serve(View, broker)
    clients = [await server.connect() for _ in range(3)]
    for client in clients:
        await client.call("subscribe", {"channel": "x"})
    codes, _ = await asyncio.gather(
        asyncio.gather(*(client.closed() for client in clients)), broker.close_sockets()
    )
    assert codes == [1001] * 3
    assert broker.server_info() == {"connections": 0, "channels": {}}
    assert broker.unsubscribed == ["x"]
    late = await server.connect()
    assert (await late.call("whoami"))["response"]


async def test_one_connection_that_fails_keeps_no_other_open(serve: Any, reported: Any) -> None:
    class Failing(View):
        async def close(self, code: int = 1000, reason: str = "") -> None:
            raise OSError("close")

        async def on_disconnect(self) -> None:
            raise OSError("on_disconnect")

    server = await serve(Failing)
    clients = [await server.connect() for _ in range(3)]
    for client in clients:
        await client.call("whoami")
    codes, _ = await asyncio.gather(
        asyncio.gather(*(client.closed() for client in clients)), server.broker.close_sockets()
    )
    assert codes == [1001] * 3
    assert server.broker.sockets == set()
    assert [str(failure.exception) for failure in reported] == ["on_disconnect"] * 3
