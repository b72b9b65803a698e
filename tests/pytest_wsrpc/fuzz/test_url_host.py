"""Connections to a server that is elsewhere, however it behaves."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from websockets.asyncio.server import ServerConnection
from yarl import URL

from pytest_wsrpc.fuzz.serving import Connection, HandshakeRefused, Server, ServerGone
from pytest_wsrpc.fuzz.url import host as module
from pytest_wsrpc.fuzz.url.host import UrlConnection, UrlHost, UrlServer
from pytest_wsrpc.fuzz.url.target import UrlTarget

from . import foreign

Hosts = Callable[[int], UrlHost]

SHORT = 0.5
"""Seconds to wait for a server that does not come back; it must have answered once by then."""


def target_at(port: int) -> UrlTarget:
    url = URL(f"ws://127.0.0.1:{port}/x")
    return UrlTarget("x", ModuleType("x"), "x", web.Application, Path("x"), url=url)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    made = []

    def make(port: int) -> UrlHost:
        made.append(UrlHost(target_at(port)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def connected(
    host: UrlHost, talk: Callable[[Connection], Awaitable[Any]], timeout: float = 20
) -> Any:
    """Connect, do something, and disconnect."""

    async def run() -> Any:
        async with host.application() as server, server.connect("/x", (), timeout) as connection:
            return await talk(connection)

    return host.run(run())


async def take_all(connection: Connection) -> list[Any]:
    frames: list[Any] = []
    while (frame := await connection.receive(5)) is not None:
        frames.append(frame)
    assert await connection.receive(5) is None
    await connection.send("nobody reads it")
    return [*frames, connection.close_code]


def test_frames_come_as_they_are_and_the_end_with_its_code(hosts: Hosts) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("é")
        await connection.send(b"\x00")
        await connection.close(4001)

    with foreign.Server(talk=talk).running() as server:
        assert connected(hosts(server.port), take_all) == ["é", b"\x00", 4001]


def test_a_text_that_is_no_utf8_ends_the_connection(hosts: Hosts) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send(b"\xff", text=True)

    with foreign.Server(talk=talk).running() as server:
        assert connected(hosts(server.port), take_all) == [1007]


def test_a_connection_that_is_cut_has_the_code_for_that(hosts: Hosts) -> None:
    async def talk(connection: ServerConnection) -> None:
        connection.transport.abort()

    with foreign.Server(talk=talk).running() as server:
        assert connected(hosts(server.port), take_all) == [1006]


def test_a_server_that_reads_nothing_holds_nobody_up(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SENDING", 0.02)
    monkeypatch.setattr(module, "CLOSING", 0.05)
    done = asyncio.Event()

    async def talk(connection: ServerConnection) -> None:
        await done.wait()

    async def send(connection: Connection) -> Any:
        assert isinstance(connection, UrlConnection)
        connection._transport.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 10_000)
        for _ in range(10):
            await connection.send(b"0" * 1_000_000, binary=True)
        return connection._transport

    with foreign.Server(talk=talk).running() as server:
        began = time.monotonic()
        left = connected(hosts(server.port), send)
        assert left.fileno() == -1, "it is closed"
        assert time.monotonic() < began + 8, "not by the server, which waits longer"
        server.do(done.set)
    gc.collect()
    assert [one.getMessage() for one in caplog.records if one.name == "asyncio"] == []


def test_a_server_that_goes_on_sending_is_left(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSING", 0.05)

    async def talk(connection: ServerConnection) -> None:
        while True:
            await connection.send("more")

    async def nothing(connection: Connection) -> None:
        await connection.receive(5)

    with foreign.Server(talk=talk).running() as server:
        connected(hosts(server.port), nothing)


def test_a_handshake_without_an_answer_is_refused(hosts: Hosts) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(HandshakeRefused) as refused:
        connected(hosts(silent.getsockname()[1]), take_all, timeout=0.05)
    assert (refused.value.status, refused.value.text) == (None, "")


def test_a_server_that_comes_back_is_waited_for(hosts: Hosts) -> None:
    async def nothing(connection: Connection) -> None:
        pass

    first, second, third = foreign.Server(), foreign.Server(), foreign.Server()
    with first.running():
        host = hosts(first.port)
        connected(host, nothing)
    second.port = third.port = first.port
    starting = threading.Timer(0.15, second.start)
    starting.start()
    try:
        connected(host, nothing)
    finally:
        starting.join()
        second.stop()
    with pytest.raises(ServerGone):
        connected(host, nothing, timeout=SHORT)
    assert host.is_lost
    with third.running():
        connected(host, nothing)
    assert not host.is_lost


@pytest.mark.parametrize(("status", "timeout", "is_lost"), [(503, SHORT, True), (403, 20, False)])
def test_a_server_that_is_about_to_end_is_waited_for_and_one_that_refuses_not(
    hosts: Hosts, status: int, timeout: float, is_lost: bool
) -> None:
    async def nothing(connection: Connection) -> None:
        pass

    with foreign.Server().running() as server:
        host = hosts(server.port)
        connected(host, nothing)
        server.status = status
        with pytest.raises(ServerGone) as gone:
            connected(host, nothing, timeout=timeout)
    assert gone.value.refused.status == status
    assert host.is_lost is is_lost


def test_a_server_that_has_gone_is_told_though_a_conversation_goes_on(hosts: Hosts) -> None:
    async def nothing(connection: Connection) -> None:
        pass

    async def on_without() -> None:
        async with host.application() as server:
            for _ in range(2):
                with pytest.raises(HandshakeRefused):
                    async with server.connect("/x", (), SHORT):
                        pass

    with foreign.Server().running() as server:
        host = hosts(server.port)
        connected(host, nothing)
    with pytest.raises(ServerGone):
        host.run(on_without())


def test_a_sign_of_life_is_given_again_and_again(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ALIVE", 0.001)
    enough = asyncio.Event()
    signs = []

    def alive() -> None:
        signs.append(1)
        if len(signs) == 3:
            enough.set()

    host = hosts(1)
    host.alive = alive
    host.run(asyncio.wait_for(enough.wait(), 10))
    assert len(signs) >= 3


def test_what_is_waited_for_ends_the_wait(hosts: Hosts) -> None:
    async def wait(server: Server) -> tuple[float, float]:
        assert isinstance(server, UrlServer)
        looks = iter([False, False, True, True])
        server.is_done = lambda: next(looks)
        await server.advance(60)
        came = server.waited
        server.is_done = lambda: False
        await server.advance(0.01)
        return came, server.waited

    async def run() -> tuple[float, float]:
        async with host.application() as server:
            assert server.managers == {}
            return await wait(server)

    host = hosts(1)
    came, waited = host.run(run())
    assert 0 < came == host.slowest
    assert waited >= 0.01
