"""The proxy that makes the network fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from pytest_wsrpc import FaultProxy

PATIENCE = 10.0
MOMENT = 0.05
"""Seconds in which what is held back would have come."""


class Echo:
    """A server that sends back what comes, and tells what ended."""

    def __init__(self) -> None:
        self.address = ("127.0.0.1", 0)
        self.ended = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.ended += 1
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    echo.address = server.sockets[0].getsockname()[:2]
    yield echo
    server.close()
    await server.wait_closed()


@pytest.fixture
async def proxy(echo) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(echo.address) as proxy:
        yield proxy


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        for _ in iter(condition, True):
            await asyncio.sleep(0.001)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, data: bytes) -> bytes:
        self.writer.write(data)
        return await self.hear(len(data))

    async def hear(self, count: int) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(count)

    async def hears_nothing(self) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(MOMENT):
                await self.reader.read(1)


@pytest.fixture
async def connect(proxy) -> AsyncIterator[object]:
    clients: list[Client] = []

    async def connect() -> Client:
        client = Client(*await asyncio.open_connection(proxy.host, proxy.port))
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.writer.transport.abort()


async def test_what_is_said_passes_whole(connect, proxy):
    client = await connect()
    assert await client.say(b"hello") == b"hello"
    big = bytes(range(256)) * 4096
    assert await client.say(big) == big
    assert (proxy.accepted, proxy.connections) == (1, 1)


async def test_an_orderly_end_is_passed_on_in_both_directions(connect, proxy, echo):
    client = await connect()
    await client.say(b"hello")
    client.writer.write_eof()
    assert await client.reader.read() == b""
    await until(lambda: proxy.connections == 0)
    assert echo.ended == 1


async def test_latency_delays_and_keeps_the_order(connect, proxy):
    client = await connect()
    proxy.latency(0.1, jitter=0.05)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    for letter in b"abc":
        client.writer.write(bytes([letter]))
        await asyncio.sleep(0)
    assert await client.hear(3) == b"abc"
    assert loop.time() - begin >= 0.1  # twice 0.05 at least


@pytest.mark.parametrize("direction", ["both", "up", "down"])
async def test_what_is_stalled_comes_after_heal(connect, proxy, direction):
    client = await connect()
    await client.say(b"hello")
    proxy.stall(direction)
    client.writer.write(b"late")
    await client.hears_nothing()
    proxy.heal()
    assert await client.hear(4) == b"late"


async def test_a_cut_resets_the_connections_and_new_ones_work(connect, proxy):
    client = await connect()
    await client.say(b"hello")
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        await client.hear(1)
    assert await (await connect()).say(b"again") == b"again"


async def test_a_cut_that_refuses_resets_new_connections_until_heal(connect, proxy):
    proxy.cut(refuse=True)
    client = await connect()
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await client.hear(1)
    proxy.heal()
    assert await (await connect()).say(b"again") == b"again"


async def test_a_half_open_connection_is_silent_and_stays_dead(connect, proxy, echo):
    client = await connect()
    await client.say(b"hello")
    proxy.half_open()
    client.writer.write(b"lost")
    await client.hears_nothing()
    proxy.heal()
    client.writer.write(b"lost too")
    await client.hears_nothing()
    assert echo.ended == 0
    assert await (await connect()).say(b"new") == b"new"


async def test_a_connection_that_opens_while_the_network_is_gone_stays_dead(connect, proxy):
    proxy.half_open()
    client = await connect()
    client.writer.write(b"lost")
    await client.hears_nothing()
    proxy.heal()
    await client.hears_nothing()


async def test_a_server_that_refuses_resets_the_client(connect, proxy):
    proxy.server = ("127.0.0.1", 1)
    client = await connect()
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await client.hear(1)


async def test_a_client_that_resets_ends_the_connection_to_the_server(connect, proxy, echo):
    client = await connect()
    await client.say(b"hello")
    client.writer.transport.abort()
    await until(lambda: echo.ended == 1)


async def test_it_reaches_a_unix_socket(redis_server):
    async with FaultProxy(redis_server.path) as proxy:
        reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
        writer.write(b"PING\r\n")
        assert await reader.readline() == b"+PONG\r\n"
        writer.close()


async def test_closing_ends_what_is_stalled_and_closing_again_is_nothing(connect, proxy):
    client = await connect()
    await client.say(b"hello")
    proxy.stall()
    client.writer.write(b"late")
    await proxy.close()
    await proxy.close()
    assert proxy.connections == 0
