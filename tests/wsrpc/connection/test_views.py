"""What a view knows of its connection, and sends on it."""

from __future__ import annotations

import random
import re
import time

import pytest

from wsrpc import ConnectionClosed


async def test_one_view_serves_one_connection_and_is_its_state(serve, logged):
    class Counter(logged):
        count = 0

        async def ws_rpc_count(self, payload):
            self.count += 1
            return self.count

    server = await serve(Counter)
    first, second = await server.connect(), await server.connect()

    assert [(await first.call("count"))["response"] for _ in range(3)] == [1, 2, 3]
    assert (await second.call("count"))["response"] == 1
    assert server.broker.server_info() == {"connections": 2, "channels": {}}
    assert all(type(view) is Counter for view in server.broker.sockets)


async def test_a_view_knows_its_request_peer_and_manager(serve, logged, until):
    class Knowing(logged):
        async def ws_rpc_know(self, payload):
            assert self.channels is self.sockets.channels
            return {
                "path": self.request.path,
                "peername": self.peername,
                "info": self.sockets.server_info(),
                "id": self.socket_id,
                "str": str(self),
                "closed": self.closed,
            }

    server = await serve(Knowing)
    client = await server.connect()
    known = (await client.call("know"))["response"]

    view = await server.view()
    assert known == {
        "path": "/ws",
        "peername": list(client.ws.get_extra_info("sockname")),
        "info": {"connections": 1, "channels": {}},
        "id": view.socket_id,
        "str": view.socket_id,
        "closed": False,
    }
    await client.ws.close()
    await until(lambda: view.closed)


async def test_ids_of_connections_are_unique_and_nobody_can_guess_them(serve, logged, monkeypatch):
    server = await serve(logged)
    monkeypatch.setattr(time, "time", lambda: 1.0)
    for _ in range(10):
        random.seed(1)
        await server.connect()

    ids = {view.socket_id for view in server.broker.sockets}
    assert len(ids) == 10
    assert all(re.fullmatch("[0-9a-f]{32}", id) for id in ids)


async def test_an_event_for_one_connection_reaches_no_other(serve, logged):
    server = await serve(logged)
    first = await server.connect()
    view = await server.view()
    second = await server.connect()

    await view.send_event("C", "", {"a": float("nan")})
    assert await first.recv() == {"channel": "C", "event": "", "data": {"a": None}}
    assert (await second.call("echo"))["response"] == {}
    assert not second.kept
    with pytest.raises(TypeError):
        await view.send_event("c", "e", object())
    with pytest.raises(ValueError):
        await view.send_event("c", "e", "\ud800")
    assert (await first.call("echo"))["response"] == {}


async def test_an_event_after_the_end_is_a_connection_closed(serve, logged, until):
    server = await serve(logged)
    client = await server.connect()
    view = await server.view()
    await client.ws.close()
    await until(lambda: view.closed)

    with pytest.raises(ConnectionClosed):
        await view.send_event("c", "e", 1)
