"""`RpcClient` and the server of this package, together."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wsrpc import ApiPath, Publish, Subscribe, WsPathMixin
from wsrpc.client import Event, RpcClient
from wsrpc.errors import (
    CannotPublish,
    CannotSubscribe,
    ConnectionClosed,
    InternalError,
    InvalidParams,
    MethodNotFound,
    RpcError,
)

PATIENCE = 5.0
Serve = Callable[..., Awaitable[Any]]


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_echo(self, payload: Any) -> Any:
        return payload

    async def ws_rpc_fail(self, payload: Any) -> Any:
        raise {
            "own": RpcError(7, "too late", {"order": "shipped"}),
            "params": InvalidParams({"order": "required"}),
            "bug": ZeroDivisionError(),
        }[payload["how"]]


async def test_calls_and_errors(serve: Serve) -> None:
    server = await serve(Stream)
    async with server.connect_rpc() as client:
        assert await client.call("echo", {"é": [1, None, 2.5]}) == {"é": [1, None, 2.5]}
        calls = [client.call("echo", {"n": n}) for n in range(200)]
        assert await asyncio.gather(*calls) == [{"n": n} for n in range(200)]
        with pytest.raises(MethodNotFound, match="wtf method not available"):
            await client.call("wtf")
        with pytest.raises(InvalidParams) as invalid:
            await client.call("fail", {"how": "params"})
        assert invalid.value.errors == {"order": "required"}
        with pytest.raises(RpcError) as own:
            await client.call("fail", {"how": "own"})
        assert (own.value.code, own.value.message) == (7, "too late")
        with pytest.raises(InternalError):
            await client.call("fail", {"how": "bug"})
        with pytest.raises(CannotSubscribe):
            await client.subscribe("UPPER").__aenter__()
        with pytest.raises(CannotPublish):
            await client.publish("UPPER")


async def test_events_reach_the_subscriptions_of_all_clients(serve: Serve) -> None:
    server = await serve(Stream)
    async with server.connect_rpc() as one, server.connect_rpc() as other:
        async with (
            one.subscribe("prices", "tick.*") as ticks,
            one.subscribe("prices") as everything,
            other.subscribe("prices", "quote", "tick.eur") as some,
        ):
            for event in ("tick.eur", "tick.usd", "quote"):
                answer = await other.publish("prices", event, {"bid": 1})
                assert answer == {"channel": "prices", "event": event, "data": {"bid": 1}}
            await other.publish("prices")
            assert [(await everything.get(PATIENCE)).event for _ in range(4)] == [
                "tick.eur",
                "tick.usd",
                "quote",
                "",
            ]
            assert await ticks.get(PATIENCE) == Event("prices", "tick.eur", {"bid": 1})
            assert (await ticks.get(PATIENCE)).event == "tick.usd"
            assert [(await some.get(PATIENCE)).event for _ in range(2)] == ["tick.eur", "quote"]
            assert server.broker.server_info()["channels"] == {
                "prices": {"*": 1, "quote": 1, "tick.*": 1, "tick.eur": 1}
            }
        assert server.broker.server_info()["channels"] == {}


async def test_a_shutdown_is_1001(serve: Serve) -> None:
    server = await serve(Stream)
    connecting = server.connect_rpc(reconnect=False)
    async with connecting as client, client.subscribe("prices") as events:
        await server.stop()
        with pytest.raises(ConnectionClosed):
            await events.get(PATIENCE)
        assert client.close_code == 1001


async def test_clients_that_went_leave_nothing(serve: Serve) -> None:
    server = await serve(Stream)
    clients = []
    for _ in range(50):
        async with server.connect_rpc() as client, client.subscribe("prices"):
            await client.call("echo")
        clients.append(weakref.ref(client))
    del client
    assert not [task for task in asyncio.all_tasks() if "wsrpc client" in task.get_name()]
    gc.collect()
    assert [client for client in clients if client() is not None] == []


@pytest.mark.parametrize("seed", range(5))
async def test_any_mix_of_entering_leaving_and_cancelling_keeps_what_is_open(
    serve: Serve, seed: int
) -> None:
    generator = random.Random(seed)
    server = await serve(Stream)

    async def use(client: RpcClient, patterns: list[str], leave: asyncio.Event) -> Any:
        async with client.subscribe("prices", *patterns) as events:
            await leave.wait()
            return events

    async with server.connect_rpc() as client:
        running: list[tuple[asyncio.Task[Any], asyncio.Event]] = []
        for _ in range(150):
            draw = generator.random()
            if draw < 0.5 or not running:
                patterns = generator.sample(["*", "tick", "t*", "quote"], generator.randrange(4))
                leave = asyncio.Event()
                running.append((asyncio.create_task(use(client, patterns, leave)), leave))
            else:
                task, leave = running.pop(generator.randrange(len(running)))
                if draw < 0.75:
                    leave.set()
                else:
                    task.cancel()
            for _ in range(generator.choice([0, 0, 1, 2, 10])):
                await asyncio.sleep(0)

        await client.call("echo")
        await client.publish("prices", "tick", "last")
        for _, leave in running:
            leave.set()
        for events in await asyncio.gather(*(task for task, _ in running)):
            matching = {"*", "tick", "t*"} & set(events.patterns)
            got = [event.data async for event in events]
            assert got == (["last"] if matching else [])
        await client.call("echo")
        assert server.broker.server_info()["channels"] == {}
