"""The fuzzer's own websocket client, against servers that follow RFC 6455 and those that do not."""

from __future__ import annotations

import asyncio
import contextvars
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from pytest_wsrpc.fuzz.serving import Connection, _close
from pytest_wsrpc.fuzz.websocket import _QUEUED, Refused, WebSocket

pytestmark = pytest.mark.wsrpc(clock="virtual")

Handler = Callable[[web.WebSocketResponse], Awaitable[None]]
Open = Callable[[Handler], Awaitable[WebSocket]]


class Raw(asyncio.Protocol):
    """Answers the handshake with some bytes, and keeps what comes."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.got = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data
        if self.got.endswith(b"\r\n\r\n"):
            if self.answer:
                self.transport.write(self.answer)
            else:
                self.transport.close()


SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


@pytest.fixture
async def connect() -> AsyncIterator[Open]:
    """Connect to a server whose websocket a function handles."""
    runners = []

    async def opened(handle: Handler) -> WebSocket:
        async def answer(request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse(max_msg_size=0)
            await socket.prepare(request)
            await handle(socket)
            return socket

        app = web.Application()
        app.router.add_get("/stream", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        runners.append(runner)
        socket = WebSocket()
        assert runner.server is not None
        await socket.open(runner.server, contextvars.copy_context(), "/stream", [("X-A", "é")])
        return socket

    yield opened
    for runner in runners:
        await runner.cleanup()


async def raw(answer: bytes) -> tuple[WebSocket, Raw]:
    server = Raw(answer)
    socket = WebSocket()
    context = contextvars.copy_context()
    await socket.open(lambda: server, context, "/a?b", ())  # type: ignore[arg-type]
    return socket, server


async def echo(socket: web.WebSocketResponse) -> None:
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
        else:
            await socket.send_bytes(message.data)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 1_000_000])
async def test_messages_of_every_length_go_and_come(connect: Open, size: int) -> None:
    socket = await connect(echo)
    socket.send(b"x" * size)
    assert await socket.receive() == "x" * size
    socket.send(b"\xff" * size, binary=True)
    assert await socket.receive() == b"\xff" * size
    await socket.close()
    assert socket.close_code == 1000


async def test_what_comes_faster_than_it_is_taken_is_held_back(connect: Open) -> None:
    sent = 0

    async def flood(socket: web.WebSocketResponse) -> None:
        nonlocal sent
        for _ in range(100):
            await socket.send_str("x" * 100_000)
            sent += 1

    socket = await connect(flood)
    await asyncio.sleep(1)
    assert sent * 100_000 < 8 * _QUEUED
    for _ in range(100):
        assert len(await socket.receive() or "") == 100_000
    assert await socket.receive() is None


async def test_closing_does_not_wait_for_messages_to_be_taken(connect: Open) -> None:
    async def flood(socket: web.WebSocketResponse) -> None:
        for _ in range(100):
            await socket.send_str("x" * 100_000)
        await socket.receive()

    socket = await connect(flood)
    await asyncio.sleep(1)
    await socket.close()
    assert socket.close_code == 1000


async def test_the_code_of_the_server_is_told_after_what_it_has_sent(connect: Open) -> None:
    async def leave(socket: web.WebSocketResponse) -> None:
        await socket.send_str("bye")
        await socket.close(code=4000)

    socket = await connect(leave)
    await asyncio.sleep(1)
    assert await socket.receive() == "bye"
    assert await socket.receive() is None
    assert socket.close_code == 4000
    await Connection(socket).send("too late")
    await socket.close()


async def test_a_ping_is_answered(connect: Open) -> None:
    ponged: list[Any] = []

    async def ping(socket: web.WebSocketResponse) -> None:
        await socket.ping(b"are you there")
        await socket.pong(b"so am I")
        await socket.send_str("pinged")
        ponged.append((await socket.receive()).data)

    socket = await connect(ping)
    socket2 = await connect(echo)
    assert await socket.receive() == "pinged"
    socket.send(b"received")
    await socket.receive()
    assert ponged == ["received"]  # the pong came before: aiohttp takes it by itself
    await socket2.close()


async def test_the_handshake_is_what_a_server_is_to_see() -> None:
    socket, server = await raw(SWITCHED)
    assert server.got.startswith(b"GET /a?b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n")
    assert socket.name == server.transport.get_extra_info("peername")


@pytest.mark.parametrize("cut", [1, 20, len(SWITCHED) - 1])
async def test_an_answer_in_pieces_is_taken(cut: int) -> None:
    socket = WebSocket()
    server = Raw(SWITCHED[:cut])
    opening = asyncio.ensure_future(
        socket.open(lambda: server, contextvars.copy_context(), "/", ())  # type: ignore[arg-type]
    )
    await asyncio.sleep(1)
    server.transport.write(SWITCHED[cut:] + b"\x81\x02hi")
    await opening
    assert await socket.receive() == "hi"


@pytest.mark.parametrize(
    ("answer", "status"), [(b"HTTP/1.1 403 Forbidden\r\n\r\nno\r\n\r\n", 403), (b"", None)]
)
async def test_a_refusal_is_told_with_its_status(answer: bytes, status: int | None) -> None:
    with pytest.raises(Refused) as refused:
        await raw(answer)
    assert refused.value.status == status


async def test_bytes_behind_a_refusal_are_ignored() -> None:
    socket = WebSocket()
    server = Raw(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    opening = asyncio.ensure_future(
        socket.open(lambda: server, contextvars.copy_context(), "/", ())  # type: ignore[arg-type]
    )
    await asyncio.sleep(0)
    socket.data_received(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    socket.data_received(b"no\r\n\r\n")
    with pytest.raises(Refused):
        await opening


def frame(first: int, body: bytes, length: bytes | None = None) -> bytes:
    return bytes([first]) + (length or bytes([len(body)])) + body


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(0x81, b"\xff"), 1007),
        (frame(0x83, b""), 1002),
        (frame(0x80, b"no beginning"), 1002),
        (frame(0x01, b"a") + frame(0x81, b"b"), 1002),
        (frame(0xC1, b"compressed"), 1002),
        (frame(0x81, b"", bytes([0x80]) + bytes(4)), 1002),
        (frame(0x88, b""), 1005),
        (frame(0x88, struct.pack("!H", 1013)) + frame(0x81, b"late"), 1013),
    ],
    ids=["no utf-8", "kind", "part", "two at once", "reserved bit", "mask", "no code", "after"],
)
async def test_what_breaks_the_protocol_ends_the_connection(sent: bytes, code: int) -> None:
    socket, server = await raw(SWITCHED)
    waiting = asyncio.ensure_future(socket.receive())
    await asyncio.sleep(0)
    server.transport.write(sent + frame(0x81, b"and more"))
    assert await waiting is None
    assert socket.close_code == code


async def test_a_message_in_parts_is_one() -> None:
    socket, server = await raw(SWITCHED)
    for part in (frame(0x01, "hé".encode()[:2]), frame(0x89, b"?"), frame(0x80, "hé".encode()[2:])):
        for byte in part:
            server.transport.write(bytes([byte]))
            await asyncio.sleep(0.01)
    assert await socket.receive() == "hé"


async def test_what_comes_after_closing_is_left_out() -> None:
    socket, server = await raw(SWITCHED)
    closing = asyncio.ensure_future(socket.close())
    await asyncio.sleep(0)
    server.transport.write(frame(0x81, b"late") + frame(0x88, struct.pack("!H", 1000)))
    await closing
    assert await socket.receive() is None


async def test_the_code_that_came_before_the_end_is_kept() -> None:
    socket, _ = await raw(SWITCHED)
    socket.data_received(frame(0x88, struct.pack("!H", 4001)))
    socket.connection_lost(None)
    assert await socket.receive() is None
    assert socket.close_code == 4001


@pytest.mark.parametrize(
    ("size", "length"),
    [(200, b"\x7e" + struct.pack("!H", 200)), (70_000, b"\x7f" + struct.pack("!Q", 70_000))],
)
async def test_a_length_that_comes_in_pieces_is_waited_for(size: int, length: bytes) -> None:
    socket, _ = await raw(SWITCHED)
    message = frame(0x82, b"x" * size, length)
    for end in range(1, 12):
        socket.data_received(message[end - 1 : end])
    socket.data_received(message[11:])
    assert await socket.receive() == b"x" * size


async def test_a_lost_connection_is_1006() -> None:
    socket, server = await raw(SWITCHED)
    server.transport.abort()
    assert await socket.receive() is None
    assert socket.close_code == 1006


async def test_a_message_that_comes_just_before_the_time_is_over_is_received() -> None:
    socket, _ = await raw(SWITCHED)
    asyncio.get_running_loop().call_later(1, socket.data_received, frame(0x81, b"hi"))
    assert await socket.receive(1) == "hi"


async def test_a_message_that_comes_just_after_the_time_is_over_is_received_next() -> None:
    socket, _ = await raw(SWITCHED)
    receiving = asyncio.ensure_future(socket.receive(1))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(1, socket.data_received, frame(0x81, b"hi"))
    with pytest.raises(TimeoutError):
        await receiving
    assert await socket.receive(0) == "hi"
    assert asyncio.get_running_loop().time() == 1


async def test_reading_goes_on_once_few_enough_bytes_wait_to_be_taken() -> None:
    socket, server = await raw(SWITCHED)
    large = struct.pack("!BBQ", 0x81, 127, 60_000) + b"x" * 60_000
    server.transport.write(4 * large)
    server.transport.write(frame(0x81, b"and more"))
    for _ in range(4):
        assert len(await socket.receive() or "") == 60_000
    assert await socket.receive(1) == "and more"


async def test_a_connection_whose_server_does_not_say_goodbye_is_closed_by_force() -> None:
    socket, _ = await raw(SWITCHED)
    await _close(socket)
    assert socket.close_code == 1006
    assert asyncio.get_running_loop().time() == 0


async def test_what_follows_a_refusal_is_no_frame() -> None:
    class Refusing(Raw):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.write(frame(0x83, b""))

    server = Refusing(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    socket = WebSocket()
    with pytest.raises(Refused):
        await socket.open(lambda: server, contextvars.copy_context(), "/", ())  # type: ignore[arg-type]
    assert socket.close_code == 1006
