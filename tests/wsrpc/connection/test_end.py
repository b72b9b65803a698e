"""The end of a connection: on_disconnect comes once and last."""

from __future__ import annotations

import asyncio
import struct

import pytest

from wsrpc import connection

CLOSE, PING = 8, 9

WAITS = pytest.mark.wsrpc(clock="virtual")  # as the client does not answer the close


@pytest.mark.parametrize(
    "how",
    [
        "close",
        "abort",
        "manager",
        pytest.param("server", marks=WAITS),
        pytest.param("broken", marks=WAITS),
    ],
)
async def test_on_disconnect_comes_once_and_last(serve, logged, until, how):
    server = await serve(logged)
    client = await server.connect_raw()
    view = await server.view()
    for _ in range(3):
        client.call("wait")
    client.call("echo")
    await client.recv()

    if how == "close":
        client.send(struct.pack("!H", 1000), CLOSE)
    elif how == "abort":
        client.abort()
    elif how == "server":
        await view.close()
    elif how == "manager":
        closing = asyncio.ensure_future(server.stop())
        await asyncio.sleep(0)
        client.abort()
        await closing
    else:
        client.send(b"", 11)
    await until(lambda: "on_disconnect" in view.log)
    assert view.log == ["call ended"] * 3 + ["on_disconnect"]
    assert view.closed
    assert not server.broker.sockets
    await server.stop()
    assert view.log.count("on_disconnect") == 1


async def test_a_failing_on_disconnect_is_reported(serve, logged, until, reported):
    class Failing(logged):
        async def on_disconnect(self):
            raise KeyError

    server = await serve(Failing)
    client = await server.connect()
    view = await server.view()
    await client.ws.close()

    await until(lambda: reported)
    (failure,) = reported
    assert type(failure.exception) is KeyError
    assert (failure.where, failure.websocket) == ("on_disconnect", view)
    assert (failure.request_id, failure.method) == (None, None)
    await server.connect()


async def test_a_task_that_someone_cancelled_fails_on_disconnect_as_other_exceptions_do(
    serve, logged, until, reported
):
    class Waiting(logged):
        async def on_disconnect(self):
            task = asyncio.ensure_future(asyncio.Event().wait())
            task.cancel()
            await task

    client = await (await serve(Waiting)).connect()
    await client.ws.close()

    await until(lambda: reported)
    assert (reported[0].where, type(reported[0].exception)) == (
        "on_disconnect",
        asyncio.CancelledError,
    )


async def test_a_client_that_goes_while_a_ping_waits_is_no_failure(serve, logged, until, reported):
    server = await serve(logged)
    client = await server.connect_raw()
    view = await server.view()
    for n in range(40):
        client.call("large", {"size": 1_000_000}, id=n)
    client.send(b"", PING)
    client.abort()

    await until(lambda: view.log == ["on_disconnect"])
    assert reported == []


async def test_an_end_that_is_cancelled_is_no_failure_of_the_application(
    serve, logged, until, reported
):
    class Waiting(logged):
        async def on_disconnect(self):
            self.log.append("on_disconnect")
            await asyncio.Event().wait()

    server = await serve(Waiting)
    client = await server.connect()
    view = await server.view()
    await client.ws.close()
    await until(lambda: view.log)

    (ending,) = connection._endings
    ending.cancel()
    await asyncio.wait([ending])

    assert ending.cancelled()
    assert reported == []
