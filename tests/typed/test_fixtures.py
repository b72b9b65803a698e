"""Every fixture and marker, annotated as the page of the fixtures tells."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable
from typing import Any, Unpack, assert_type

import aiohttp
import pytest
from aiohttp import web
from shop import create_app, create_cluster, is_well

from pytest_wsrpc import (
    ConnectOptions,
    Entry,
    FaultPlan,
    FaultProxy,
    FaultSyntaxError,
    NetworkLink,
    PytestWsrpcWarning,
    RedisServer,
    Serve,
    Server,
    Stuck,
    Transcript,
    VirtualClock,
    VirtualLoop,
    WsConnect,
    WsTestClient,
    serve,
)
from pytest_wsrpc.faults import Rule, parse
from pytest_wsrpc.network import LinkFault
from wsrpc import (
    SOCKETS_KEY,
    BrokerUnavailable,
    ClientState,
    ConnectionClosed,
    Event,
    InternalError,
    RedisBroker,
    RpcClient,
    RpcError,
    SocketsManager,
)

Log = Callable[[str], Awaitable[WsTestClient]]


@pytest.fixture
def connect_as(ws_connect: WsConnect) -> Log:
    """Connect somebody who has said who they are."""

    async def connect(name: str, **options: Unpack[ConnectOptions]) -> WsTestClient:
        async def log_in(client: WsTestClient) -> None:
            assert await client.call("login", {"token": "let me in"}) is True

        options.setdefault("on_connect", log_in)
        return await ws_connect("/shop", {"Authorization": "Bearer abc"}, name=name, **options)

    return connect


async def test_a_client(ws_client: WsTestClient, ws_app: web.Application) -> None:
    assert_type(ws_client.url, str)
    assert_type(ws_client.timeout, float | None)
    assert_type(await ws_client.request("price", {"item": "tea"}), dict[str, Any])
    assert await ws_client.call("price", {"item": "tea", "count": 2}) == 6
    with pytest.raises(RpcError) as refused:
        await ws_client.call("order", {"item": "cup", "count": 3}, timeout=None)
    assert_type(refused.value.code, int)
    assert_type(refused.value.errors, dict[str, Any] | None)
    assert refused.value.code == 1001
    await ws_client.send_text("{}")
    await ws_client.send_bytes(b"{}")
    await ws_client.send_json([])
    assert [(await ws_client.receive())["error"]["code"] for _ in range(3)] == [
        -32602,
        -32600,
        -32600,
    ]
    assert ws_client.unread == []
    assert_type(ws_client.server_errors, list[BaseException])
    assert_type(ws_client.state, ClientState)
    assert await ws_client.until("connected", timeout=30) is ClientState.CONNECTED
    assert ws_app[SOCKETS_KEY].server_info()["connections"] == 1


@pytest.mark.wsrpc(clock="virtual")
async def test_events(ws_client: WsTestClient, broker: SocketsManager) -> None:
    async with ws_client.subscribe("stock", "te?", max_pending=10) as events:
        await broker.publish("stock", "tea", 9)
        async for event in events:
            assert_type(event, Event)
            assert (event.channel, event.event, event.data, event.offset) == ("stock", "tea", 9, 1)
            break
        await broker.publish("stock", "tea", 8)
        assert_type(await events.get(timeout=1), Event)
        assert events.pending == 0
    await ws_client.call("subscribe", {"channel": "stock"})
    await ws_client.publish("news", "headline", "none")
    await broker.publish("stock", "cup", 1)
    assert_type(await ws_client.next_event("stock", "c*"), Event)
    await ws_client.no_event(within=0.01, channel="stock")


async def test_conversations_are_told(ws_client: WsTestClient) -> None:
    assert_type(ws_client.transcript, Transcript)
    assert_type(ws_client.transcript.entries, list[Entry])
    for entry in ws_client.transcript.entries:
        assert_type((entry.time, entry.text), tuple[float, str])
    assert "connected" in ws_client.transcript.render()


@pytest.mark.wsrpc(clock="virtual")
async def test_more_clients(ws_connect: WsConnect, connect_as: Log) -> None:
    ann = await connect_as("ann")
    assert_type(ann, WsTestClient)
    bert = await ws_connect(timeout=30, heartbeat=None, reconnect=True, name="bert")
    await ann.call("watch", {"item": "tea"})
    await bert.call("order", {"item": "tea"})
    assert (await ann.next_event("stock", "tea")).data == 9
    assert_type(ws_connect.session, aiohttp.ClientSession)
    response = await ws_connect.session.get("/asyncapi.json")
    assert (await response.json())["info"]["title"] == "Shop"
    assert_type(ws_connect.server_errors, list[BaseException])
    await bert.close()
    assert_type(bert.close_code, int | None)
    with pytest.raises(ConnectionClosed) as closed:
        await bert.call("info")
    assert_type(closed.value.code, int)


async def test_faults(ws_client: WsTestClient, ws_faults: FaultPlan, stock: dict[str, int]) -> None:
    broken = ws_faults.error("publish", BrokerUnavailable, channel="stock", times=1)
    assert_type(broken, Rule)
    assert await ws_client.call("order", {"item": "tea"}) == {"item": "tea", "left": 9}
    assert_type((broken.matched, broken.fired), tuple[int, int])
    with ws_faults.latency("call", 0.001, jitter=0.001, method="price") as slow:
        assert_type(slow, Rule)
        await ws_client.call("price", {"item": "tea"})
    ws_faults.drop("deliver", optional=True)
    ws_faults.duplicate("deliver", probability=0.5, optional=True)
    ws_faults.reorder("deliver", window=2, within=0.1, optional=True)
    ws_faults.corrupt("deliver", every=2, optional=True)
    ws_faults.stall("publish", nth=100, optional=True)
    assert_type(ws_faults.add(*parse("deliver:drop")), list[Rule])
    assert_type(ws_faults.rules, tuple[Rule, ...])
    ws_faults.heal()
    with pytest.raises(FaultSyntaxError):
        parse("nowhere:drop")
    assert stock == {"tea": 9, "cup": 2}


async def test_the_link(ws_client: WsTestClient) -> None:
    assert_type(ws_client.link, NetworkLink)
    with ws_client.link.latency(0.001, 0.001, direction="sent") as slow:
        assert_type(slow, LinkFault)
        ws_client.link.bandwidth(1e9)
        ws_client.link.slice(7, direction="received")
        await ws_client.call("price", {"item": "tea"})
    assert_type(ws_client.link.faults, tuple[LinkFault, ...])
    ws_client.link.heal()
    ws_client.link.reset()
    with pytest.raises(ConnectionClosed):
        await ws_client.receive()


@pytest.mark.wsrpc(strict="tasks", faults="deliver:latency=1s,optional=true")
async def test_time(
    ws_client: WsTestClient, broker: SocketsManager, ws_clock: VirtualClock
) -> None:
    assert isinstance(asyncio.get_running_loop(), VirtualLoop)
    await ws_client.call("subscribe", {"channel": "stock"})
    await broker.publish("stock", "tea", 1)
    await ws_client.no_event(within=0.9)
    await ws_clock.advance(0.2)
    await ws_clock.settle()
    assert_type((ws_clock.time, ws_clock.jumps), tuple[float, int])
    assert (await ws_client.next_event(timeout=None)).data == 1


@pytest.mark.wsrpc(clock="virtual")
@pytest.mark.xfail(raises=Stuck, strict=True)
async def test_what_never_comes(ws_client: WsTestClient) -> None:
    await ws_client.next_event(timeout=None)


async def test_an_application_for_a_block(ws_serve: Serve, ws_app: web.Application) -> None:
    async with ws_serve(ws_app, path="/shop", transport="tcp", strict=False, seed=1) as connect:
        assert_type(connect, Server)
        client = await connect(name="ann")
        assert_type(client, WsTestClient)
        assert_type(connect.faults, FaultPlan)
    async with serve(create_app(), path="/shop", transport="memory", strict=["tasks"]) as other:
        assert_type(other, Server)
        other.faults.error("call", KeyError("tea"))
        with pytest.raises(InternalError):
            await (await other()).call("price", {"item": "tea"})


async def test_many_processes(redis_server: RedisServer, ws_serve: Serve) -> None:
    url = redis_server.url
    async with ws_serve(create_cluster(url)) as one, ws_serve(create_cluster(url)) as two:
        client, other = await one(), await two()
        async with other.subscribe("stock", "tea") as events:
            await client.call("order", {"item": "tea"})
            assert (await events.get(timeout=30)).data == 9
        broker = one.app[SOCKETS_KEY]
        assert isinstance(broker, RedisBroker)
        assert is_well(broker)


async def test_a_network_that_fails(redis_server: RedisServer) -> None:
    async with FaultProxy(redis_server.path) as proxy:
        assert_type(proxy, FaultProxy)
        assert_type((proxy.host, proxy.port), tuple[str, int])
        broker = RedisBroker(f"redis://{proxy.host}:{proxy.port}", timeout=2)
        await broker.start()
        proxy.cut(refuse=True)
        with pytest.raises(BrokerUnavailable):
            await broker.publish("stock", "tea", 9)
        await broker.close()


async def test_a_client_of_ones_own(ws_connect: WsConnect) -> None:
    async with WsTestClient.connect("/shop", session=ws_connect.session) as client:
        assert_type(client, WsTestClient)
    connecting = RpcClient.connect("/shop", session=ws_connect.session, reconnect=False)
    other = await connecting
    assert_type(other, RpcClient)
    await other.close()


def test_warnings_have_a_class() -> None:
    with pytest.warns(PytestWsrpcWarning):
        warnings.warn("little was tried", PytestWsrpcWarning, stacklevel=1)
