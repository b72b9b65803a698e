"""What goes with each connection anew: headers, cookies, on_connect."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from pytest_wsrpc.clock import VirtualClock
from wsrpc import ClientState, Reconnect, RpcClient
from wsrpc.errors import ConnectionClosed, Forbidden, RpcError

from .connecting import connect

pytestmark = pytest.mark.wsrpc(clock="virtual")


@pytest.mark.parametrize("is_async", [False, True])
async def test_headers_are_asked_for_before_each_handshake(scripted: Any, is_async: bool) -> None:
    tokens = iter(["first", "second"])

    def headers() -> dict[str, str]:
        return {"Authorization": next(tokens)}

    async def headers_async() -> dict[str, str]:
        await asyncio.sleep(1)
        return headers()

    async with connect(scripted, headers=headers_async if is_async else headers) as client:
        peer = await scripted.peer()
        assert peer.request.headers["Authorization"] == "first"
        peer.abort()
        await client.until("waiting")
        await client.until("connected")
        assert (await scripted.peer()).request.headers["Authorization"] == "second"


async def test_headers_that_fail_for_a_while_are_asked_for_again(scripted: Any) -> None:
    answers = iter([{}, ConnectionRefusedError("the token service is down"), {}])

    def headers() -> dict[str, str]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with connect(scripted, headers=headers) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        await client.until("connected")


async def test_headers_that_fail_for_good_are_the_end(scripted: Any) -> None:
    answers = [{"Authorization": "x"}]

    async with connect(scripted, headers=lambda: answers.pop()) as client:
        (await scripted.peer()).abort()
        await client.until("closed")
        assert client.close_reason == "could not come back: IndexError: pop from empty list"


async def test_cookies_of_one_connection_go_with_the_next(
    scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[aiohttp.ClientSession] = []
    make = aiohttp.ClientSession.__init__

    def record(self: aiohttp.ClientSession, *args: Any, **options: Any) -> None:
        make(self, *args, **options)
        made.append(self)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", record)
    async with connect(scripted) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        await client.until("connected")
        assert [session.closed for session in made] == [True, False]
    assert [session.closed for session in made] == [True, True]
    assert made[0].cookie_jar is made[1].cookie_jar


async def test_a_session_that_the_caller_closed_is_the_end(scripted: Any) -> None:
    async with aiohttp.ClientSession() as session:
        client = await connect(scripted, session=session)
        (await scripted.peer()).abort()
        await client.until("waiting")
    await client.until("closed")
    assert client.close_reason == "could not come back: RuntimeError: Session is closed"
    await client.close()


async def test_on_connect_logs_in_on_each_connection_before_anybody_else(scripted: Any) -> None:
    async def log_in(client: RpcClient) -> None:
        assert client.state is ClientState.CONNECTING
        assert await client.call("login", {"token": "x"}) == "welcome"
        await asyncio.create_task(client.call("settings"))

    connecting = connect(scripted, on_connect=log_in, reconnect=Reconnect(calls="wait"))
    opening = asyncio.ensure_future(connecting._connect())
    peer = await scripted.peer()
    assert (await peer.answer("welcome"))["method"] == "login"
    assert (await peer.answer())["method"] == "settings"
    client = await opening
    peer.abort()
    await client.until("waiting")
    call = asyncio.create_task(client.call("work"))
    peer = await scripted.peer()
    assert (await peer.answer("welcome"))["method"] == "login"
    assert (await peer.answer())["method"] == "settings"
    assert (await peer.answer("done"))["method"] == "work"
    assert await call == "done"
    await client.close()


async def test_others_do_not_call_while_on_connect_runs(scripted: Any) -> None:
    greeted = asyncio.Event()
    greeted.set()

    async def greet(client: RpcClient) -> None:
        await greeted.wait()

    async with connect(scripted, on_connect=greet) as client:
        (await scripted.peer()).abort()
        greeted.clear()
        await client.until("connecting")
        await scripted.peer()
        with pytest.raises(ConnectionClosed) as raised:
            await client.call("work")
        assert (raised.value.code, raised.value.returning) == (1006, True)
        greeted.set()
        await client.until("connected")


async def test_a_task_that_on_connect_left_behind_is_one_of_the_others_later(
    scripted: Any,
) -> None:
    left: list[asyncio.Task[Any]] = []
    lost = asyncio.Event()

    async def greet(client: RpcClient) -> None:
        async def work() -> None:
            await lost.wait()
            await client.call("work")

        if not left:
            left.append(asyncio.create_task(work()))

    async with connect(scripted, on_connect=greet) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        lost.set()
        with pytest.raises(ConnectionClosed, match="coming back"):
            await left[0]


@pytest.mark.parametrize("error", [Forbidden(), RpcError(7, "wrong password"), KeyError("token")])
async def test_on_connect_that_fails_at_first_is_raised(scripted: Any, error: Exception) -> None:
    async def fail(client: RpcClient) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await connect(scripted, on_connect=fail)
    assert raised.value is error
    assert await (await scripted.peer()).closed == 1000


@pytest.mark.parametrize("error", [Forbidden(), KeyError("token")])
async def test_on_connect_that_is_refused_later_is_the_end(scripted: Any, error: Exception) -> None:
    failures: list[Exception] = []

    async def greet(client: RpcClient) -> None:
        for failure in failures:
            raise failure

    async with connect(scripted, on_connect=greet) as client:
        failures.append(error)
        (await scripted.peer()).abort()
        await client.until("closed")
        with pytest.raises(ConnectionClosed, match="could not come back") as raised:
            await client.call("any")
        assert raised.value.__cause__ is error
        assert await (await scripted.peer()).closed == 1000


async def test_on_connect_that_fails_for_a_while_is_tried_on_another_connection(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    timeouts = iter([30.0, 0.5, 30.0])

    async def log_in(client: RpcClient) -> None:
        await client.call("login", timeout=next(timeouts))

    opening = asyncio.ensure_future(connect(scripted, on_connect=log_in)._connect())
    peer = await scripted.peer()
    await peer.answer()
    client = await opening
    peer.abort()
    silent = await scripted.peer()
    await silent.take()
    assert await silent.closed == 1000
    assert ws_clock.time == 1.5
    await (await scripted.peer()).answer()
    await client.until("connected")
    assert ws_clock.time == 3.5
    await client.close()


@pytest.mark.parametrize("code", [1006, 1013, 1008])
async def test_a_connection_lost_in_on_connect_is_treated_by_its_code(
    scripted: Any, ws_clock: VirtualClock, code: int
) -> None:
    async def log_in(client: RpcClient) -> None:
        try:
            await client.call("login")
        except ConnectionClosed:
            await asyncio.sleep(3600)  # it ends with the connection all the same

    opening = asyncio.ensure_future(connect(scripted, on_connect=log_in)._connect())
    peer = await scripted.peer()
    await peer.answer()
    client = await opening
    peer.abort()
    peer = await scripted.peer()
    await peer.take()
    if code == 1006:
        peer.abort()
    else:
        await peer.ws.close(code=code)
    if code == 1008:
        await client.until("closed")
        assert client.close_code == 1008
    else:
        await ws_clock.advance(11)
        await (await scripted.peer()).answer()
        await client.until("connected")
        assert ws_clock.time == (12 if code == 1006 else 13)
    await client.close()


async def test_a_first_connection_lost_in_on_connect_is_raised(scripted: Any) -> None:
    async def log_in(client: RpcClient) -> None:
        await client.call("login")

    opening = asyncio.ensure_future(connect(scripted, on_connect=log_in)._connect())
    peer = await scripted.peer()
    await peer.take()
    await peer.ws.close(code=1001, message=b"not today")
    with pytest.raises(ConnectionClosed, match="code 1001, not today"):
        await opening


async def test_on_connect_that_is_cancelled_by_itself_is_no_cancellation(scripted: Any) -> None:
    async def greet(client: RpcClient) -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="on_connect was cancelled"):
        await connect(scripted, on_connect=greet)


async def test_on_connect_may_close_the_client(scripted: Any) -> None:
    closing = []

    async def greet(client: RpcClient) -> None:
        if closing:
            await client.close(4002, "no use")

    async with connect(scripted, on_connect=greet) as client:
        closing.append(True)
        (await scripted.peer()).abort()
        await client.until("closed")
        assert client.close_code == 4002
        await (await scripted.peer()).closed
    closing.append(True)
    with pytest.raises(ConnectionClosed, match="code 4002, no use"):
        await connect(scripted, on_connect=greet)
