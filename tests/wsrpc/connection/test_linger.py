"""What a slow client was sent reaches it after the end of the connection, for a while."""

from __future__ import annotations

import asyncio

import pytest

from wsrpc import connection

LARGE = 20_000_000
"""Bytes of an answer: more than the buffers of a socket take."""


@pytest.mark.wsrpc(transport="tcp")
async def test_the_end_of_its_patience_finds_a_client_that_has_read_everything(
    serve, logged, monkeypatch, until
):
    errors: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    monkeypatch.setattr(connection, "CLOSE_TIMEOUT", 0.01)
    server = await serve(logged)
    client = await server.connect_raw()
    view = await server.view()
    transport = view.request.transport
    client.call("large", {"size": LARGE})
    await until(lambda: transport.get_write_buffer_size() > 0)
    await view.close(4000)
    await until(transport.is_closing)
    received = len(await client.ended())
    view._wsrpc._stop_lingering()  # rather than wait for it
    await asyncio.sleep(0)
    assert errors == []
    assert received > LARGE


async def test_a_client_that_reads_nothing_is_dropped_in_the_end(serve, logged, until, ws_clock):
    server = await serve(logged)
    client = await server.connect_raw(limit=1000)
    view = await server.view()
    transport = view.request.transport
    await view.send_event("c", "e", "x" * LARGE)
    await view.close(4000)

    await until(lambda: view.log == ["on_disconnect"])
    assert ws_clock.time == connection.CLOSE_TIMEOUT
    assert transport.get_write_buffer_size()
    await until(lambda: not transport.get_write_buffer_size(), timeout=60)
    assert ws_clock.time == connection.CLOSE_TIMEOUT + connection.LINGER
    assert len(await client.ended()) < LARGE
