"""How `RpcClient` comes back: attempts, states, calls meanwhile, hooks, and every way to an end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from pytest_wsrpc import internals
from pytest_wsrpc.clock import VirtualClock
from wsrpc import COME_BACK, ClientState, Reconnect, RpcClient
from wsrpc.errors import ConnectionClosed, Forbidden, RpcError

pytestmark = pytest.mark.wsrpc(clock="virtual")


@pytest.fixture(autouse=True)
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each pause be as long as it can be."""
    monkeypatch.setattr("wsrpc.reconnect.random.uniform", lambda low, high: high)


@pytest.fixture(autouse=True)
async def nothing_is_left(scripted: Any) -> AsyncIterator[None]:
    """Hold that no task of a client outlives the test."""
    yield
    assert [task for task in asyncio.all_tasks() if "client" in task.get_name()] == []


def connect(scripted: Any, **options: Any) -> Any:
    return RpcClient.connect(scripted.url, heartbeat=None, **options)


async def test_a_lost_connection_is_replaced(scripted: Any, ws_clock: VirtualClock) -> None:
    states: list[ClientState] = []
    async with connect(scripted, on_state_change=states.append) as client:
        assert client.state is ClientState.CONNECTED
        (await scripted.peer()).abort()
        assert await client.until("waiting") is ClientState.WAITING
        assert not client.closed
        assert client.close_code is None
        assert repr(client) == f"<RpcClient {scripted.url} waiting>"
        assert await client.until("connected") is ClientState.CONNECTED
        assert ws_clock.time == 1
        peer = await scripted.peer()
        call = asyncio.create_task(client.call("echo"))
        await peer.answer("here")
        assert await call == "here"
    assert states == ["connected", "waiting", "connecting", "connected", "closed"]


@pytest.mark.parametrize("code", [1001, 1011, 1012])
async def test_a_close_code_that_passes_is_come_back_from(scripted: Any, code: int) -> None:
    async with connect(scripted) as client:
        await (await scripted.peer()).ws.close(code=code)
        await client.until("waiting")
        await client.until("connected")


async def test_a_busy_server_is_left_alone_for_longer(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    async with connect(scripted) as client:
        await (await scripted.peer()).ws.close(code=1013)
        await client.until("waiting")
        await client.until("connected")
        assert ws_clock.time == 11


@pytest.mark.parametrize("code", [1000, 1008, 4000])
async def test_a_close_code_that_is_meant_is_the_end(scripted: Any, code: int) -> None:
    async with connect(scripted) as client:
        call = asyncio.create_task(client.call("slow"))
        peer = await scripted.peer()
        await peer.take()
        await peer.ws.close(code=code, message=b"go away")
        with pytest.raises(ConnectionClosed) as raised:
            await call
        assert (raised.value.code, raised.value.sent, raised.value.returning) == (code, True, False)
        assert (client.closed, client.close_code, client.close_reason) == (True, code, "go away")
        with pytest.raises(ConnectionClosed, match=f"code {code}, go away"):
            await client.until("connected")


async def test_an_application_has_codes_of_its_own_to_come_back_from(scripted: Any) -> None:
    async with connect(scripted, reconnect=Reconnect(codes=COME_BACK | {4000})) as client:
        await (await scripted.peer()).ws.close(code=4000)
        await client.until("waiting")
        await client.until("connected")


async def test_a_frame_that_breaks_the_protocol_is_the_end(scripted: Any) -> None:
    async with connect(scripted) as client:
        await (await scripted.peer()).write(b"\x83\x00")
        await client.until("closed")
        assert client.close_code == 1002


async def test_a_message_too_big_for_the_client_is_the_end(scripted: Any) -> None:
    async with connect(scripted, max_message_size=1000) as client:
        await (await scripted.peer()).send("x" * 2000)
        await client.until("closed")
        assert client.close_code == 1009


async def test_a_server_without_pongs_is_left_for_another_connection(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    scripted.reading = False
    async with RpcClient.connect(scripted.url, heartbeat=20) as client:
        await client.until("waiting")
        assert ws_clock.time == 30
        scripted.reading = True
        await client.until("connected")


async def test_without_reconnect_the_client_ends_with_its_connection(scripted: Any) -> None:
    async with connect(scripted, reconnect=False) as client:
        (await scripted.peer()).abort()
        await client.until("closed")
        assert client.close_code == 1006


# Calls.


async def test_calls_in_flight_fail_and_are_not_repeated(scripted: Any) -> None:
    async with connect(scripted) as client:
        calls = [asyncio.create_task(client.call("charge", timeout=None)) for _ in range(3)]
        peer = await scripted.peer()
        for _ in calls:
            await peer.take()
        peer.abort()
        for error in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(error, ConnectionClosed)
            assert (error.code, error.sent, error.returning) == (1006, True, True)
            assert str(error).endswith(
                "; the call was sent, and may have been carried out; the client is coming back"
            )
        await client.until("connected")
        await (await scripted.peer()).nothing_came()


async def test_a_call_while_the_connection_is_down_fails_at_once(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    async with connect(scripted) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        with pytest.raises(ConnectionClosed) as raised:
            await client.call("add")
        assert ws_clock.time == 0
        assert (raised.value.code, raised.value.sent, raised.value.returning) == (1006, False, True)
        with pytest.raises(ConnectionClosed, match="the client is coming back"):
            await client.publish("prices")
        with pytest.raises(ConnectionClosed, match="the client is coming back"):
            await client.subscribe("prices").__aenter__()
        await client.until("connected")
        await (await scripted.peer()).nothing_came()


async def test_a_call_while_the_connection_is_down_waits_if_it_is_to(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    async with connect(scripted, reconnect=Reconnect(calls="wait")) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        call = asyncio.create_task(client.call("add"))
        subscribing = asyncio.create_task(client.subscribe("prices").__aenter__())
        peer = await scripted.peer()
        assert (await peer.answer(3))["method"] == "add"
        assert (await peer.answer({}))["method"] == "subscribe"
        assert await call == 3
        await subscribing
        assert ws_clock.time == 1


async def test_a_call_that_waits_for_a_connection_times_out(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    async with connect(scripted, reconnect=Reconnect(calls="wait")) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        scripted.status = 503
        with pytest.raises(TimeoutError) as raised:
            await client.call("add", timeout=0.5)
        assert str(raised.value) == (
            "'add' (id 1) could not be sent within 0.5 s: the client is waiting"
        )
        assert ws_clock.time == 0.5


async def test_calls_that_wait_end_with_the_client(scripted: Any) -> None:
    async with connect(scripted, reconnect=Reconnect(calls="wait")) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        call = asyncio.create_task(client.call("add"))
        waiting = asyncio.create_task(client.until("connected"))
        await asyncio.sleep(0.1)
        await client.close(4001, "enough")
        for task in (call, waiting):
            with pytest.raises(ConnectionClosed, match="code 4001, enough"):
                await task


async def test_a_wait_that_is_cancelled_or_times_out_is_forgotten(scripted: Any) -> None:
    async with connect(scripted) as client:
        with pytest.raises(TimeoutError) as raised:
            await client.until("waiting", "connecting", timeout=3)
        assert str(raised.value) == (
            "the client is connected, and was not connecting or waiting within 3 s"
        )
        cancelled = asyncio.create_task(client.until("waiting"))
        waiting = asyncio.create_task(client.until("waiting"))
        await asyncio.sleep(0)
        (await scripted.peer()).abort()
        cancelled.cancel()
        assert await waiting is ClientState.WAITING
        with pytest.raises(ValueError, match="'open' is not a valid ClientState"):
            await client.until("open")


async def test_a_wait_cancelled_as_the_state_comes_harms_no_other(scripted: Any) -> None:
    async with connect(scripted) as client:
        peer = await scripted.peer()
        waiting = [asyncio.create_task(client.until("waiting")) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0]._fut_waiter.cancel()  # type: ignore[attr-defined]
        client._link.drop("lost")
        assert await waiting[1] is ClientState.WAITING
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        del peer


async def test_a_callback_that_fails_is_logged(
    scripted: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(state: ClientState) -> None:
        raise ZeroDivisionError

    async with connect(scripted, on_state_change=fail):
        pass
    assert caplog.messages == [
        "on_state_change failed for 'connected'",
        "on_state_change failed for 'closed'",
    ]


# Attempts.


async def test_attempts_go_on_with_longer_pauses_until_one_succeeds(
    scripted: Any, ws_clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(scripted) as client:
        await ws_clock.advance(60)
        scripted.status = 503
        with caplog.at_level(logging.INFO, "wsrpc"):
            (await scripted.peer()).abort()
            await client.until("waiting")
            await ws_clock.advance(14.5)
        scripted.status = 101
        await client.until("connected")
        assert ws_clock.time == 60 + 1 + 2 + 4 + 8
        assert len(caplog.messages) == 4
        assert caplog.messages[-1].startswith(f"{scripted.url}: 503, message=")
        assert caplog.messages[-1].endswith("trying to connect in 8.0 s")


async def test_a_server_that_is_silent_is_given_up_after_the_timeout(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    async with connect(scripted, timeout=10) as client:
        scripted.silent = True
        (await scripted.peer()).abort()
        await client.until("waiting")
        await client.until("connecting")
        await client.until("waiting")
        assert ws_clock.time == 1 + 10
        scripted.silent = False
        scripted.release.set()
        await client.until("connected")


async def test_the_client_gives_up_after_so_many_attempts(
    scripted: Any, ws_clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(scripted, reconnect=Reconnect(attempts=3)) as client:
        peer = await scripted.peer()
        events = await peer.accept(client.subscribe("prices"))
        scripted.status = 503
        peer.abort()
        with pytest.raises(ConnectionClosed) as raised:
            await anext(events)
        assert ws_clock.time == 1 + 2 + 4
        assert raised.value.code == client.close_code == 1006
        assert raised.value.reason.startswith("gave up after 3 attempts to come back: 503")
        assert isinstance(raised.value.__cause__, aiohttp.WSServerHandshakeError)
        assert caplog.messages == [f"{scripted.url}: {raised.value.reason}"]
        with pytest.raises(ConnectionClosed, match="gave up after 3 attempts"):
            await client.call("any")


async def test_the_client_gives_up_after_so_long(scripted: Any, ws_clock: VirtualClock) -> None:
    async with connect(scripted, reconnect=Reconnect(delay=5, within=5)) as client:
        scripted.status = 503
        (await scripted.peer()).abort()
        await client.until("closed")
        assert ws_clock.time == 5
        assert "gave up after 1 attempt to come back" in (client.close_reason or "")


async def test_a_refused_handshake_that_blames_the_client_is_the_end(scripted: Any) -> None:
    async with connect(scripted) as client:
        scripted.status = 401
        (await scripted.peer()).abort()
        await client.until("closed")
        assert client.close_code == 1006
        reason = client.close_reason or ""
        assert reason.startswith("could not come back: WSServerHandshakeError: 401")


async def test_the_first_connection_is_not_tried_again(scripted: Any) -> None:
    scripted.status = 503
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await connect(scripted)


# Headers and sessions.


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


# on_connect.


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


# The end.


@pytest.mark.parametrize("when", ["waiting", "connecting", "on_connect"])
async def test_closing_ends_an_attempt_wherever_it_is(
    scripted: Any, ws_clock: VirtualClock, when: str
) -> None:
    greetings = 0

    async def greet(client: RpcClient) -> None:
        nonlocal greetings
        greetings += 1
        if greetings > 1:
            await asyncio.sleep(3600)

    client = await connect(scripted, on_connect=greet)
    peer = await scripted.peer()
    scripted.silent = when == "connecting"
    peer.abort()
    await client.until("waiting")
    if when != "waiting":
        await client.until("connecting")
    if when == "on_connect":
        peer = await scripted.peer()
    now = ws_clock.time
    await client.close(4000, "enough")
    assert (client.close_code, client.close_reason) == (4000, "enough")
    assert ws_clock.time == now
    assert [task for task in asyncio.all_tasks() if "client" in task.get_name()] == []
    assert internals.timers(asyncio.get_running_loop()) == []
    await client.close()


async def test_a_cancelled_close_ends_the_attempt(scripted: Any) -> None:
    hold, held = asyncio.Event(), asyncio.Event()

    async def greet(client: RpcClient) -> None:
        try:
            held.set()
            await hold.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(1)  # in no hurry
            raise

    hold.set()
    client = await connect(scripted, on_connect=greet)
    hold.clear()
    held.clear()
    (await scripted.peer()).abort()
    await held.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await client.close()
    assert client.closed
    await asyncio.sleep(1)


async def test_a_cancelled_connect_leaves_nothing(scripted: Any) -> None:
    async def greet(client: RpcClient) -> None:
        await asyncio.sleep(3600)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await connect(scripted, on_connect=greet)
    assert await (await scripted.peer()).closed == 1000


async def test_closing_refuses_what_no_close_frame_can_carry_while_it_comes_back(
    scripted: Any,
) -> None:
    async with connect(scripted) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        with pytest.raises(ValueError, match="a close code is between 1000 and 4999"):
            await client.close(1)
        await client.until("connected")


async def test_a_client_that_never_connected_can_be_closed() -> None:
    states: list[ClientState] = []
    connecting = RpcClient.connect("ws://app/", on_state_change=states.append)
    client = connecting._make()
    await client.close()
    assert states == ["closed"]
    assert (client.closed, client.close_code) == (True, 1000)
