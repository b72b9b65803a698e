"""Play a case against an application, and record what came back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from pytest_wsrpc.transcript import Transcript
from wsrpc.failures import Failure, listen

from .case import Case, Exchange, parse
from .serving import Connection, Host

PROBE_METHOD = "no-such-method"
"""No Python identifier, so no view has it: the answer to it follows all that came before."""


async def play(
    host: Host, case: Case, path: str, headers: Sequence[tuple[str, str]], timeout: float
) -> Exchange:
    """Send the message of a case on a connection of its own, and return what came back.

    After the answer a call of an unknown method is sent. Its answer shows that the connection
    still serves, and that no second answer came before.
    """
    clock = asyncio.get_running_loop().time
    exchange = Exchange(case, Transcript(clock=clock), timeout)
    heard: list[Failure] = []
    address = None
    with listen(heard.append):
        async with (
            host.application() as server,
            server.connect(path, headers, timeout) as connection,
        ):
            address = connection.name
            exchange.login = connection.login
            await _converse(connection, exchange)
    exchange.failures.extend(failure for failure in heard if _is_of(failure, address))
    return exchange


def _is_of(failure: Failure, address: object) -> bool:
    """Leave out what another connection to a shared application has left behind."""
    return failure.websocket is None or failure.websocket.peername in (None, address)


async def _converse(connection: Connection, exchange: Exchange) -> None:
    case, transcript = exchange.case, exchange.transcript
    raw = isinstance(case.frame, bytes) and not case.binary
    transcript.record("sent", f"{case.frame!r} in a text frame" if raw else case.frame)
    await connection.send(case.frame, binary=case.binary)
    deadline = asyncio.get_running_loop().time() + exchange.timeout
    while not exchange.answers:
        if not await _receive(connection, exchange, deadline, None):
            return
    probe = "probe" if case.id != "probe" else "probe again"
    await connection.send(msgspec.json.encode({"id": probe, "method": PROBE_METHOD}))
    deadline = asyncio.get_running_loop().time() + exchange.timeout
    while await _receive(connection, exchange, deadline, probe):
        pass


async def _receive(
    connection: Connection, exchange: Exchange, deadline: float, probe: str | None
) -> bool:
    """Take one frame; return whether more are to come, that is, no end and no probe's answer."""
    try:
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            raise TimeoutError  # where frames flood in, each comes in time
        frame = await connection.receive(left)
    except TimeoutError:
        if probe is None:
            exchange.silent = True
        else:
            exchange.unserved = exchange.client
            exchange.transcript.record("sent", f'{{"id":"{probe}","method":"{PROBE_METHOD}"}}')
        return False
    if frame is None:
        exchange.close_code = connection.close_code or 1006
        exchange.transcript.record("closed", str(exchange.close_code))
        return False
    message = parse(frame)
    if probe is not None and isinstance(message.value, dict) and message.value.get("id") == probe:
        return False
    exchange.transcript.record("received", frame)
    (exchange.events if message.is_event else exchange.answers).append(message)
    return True


async def shake_hands(
    host: Host, path: str, headers: Sequence[tuple[str, str]], timeout: float
) -> None:
    """Connect once, to see whether the endpoint can be fuzzed; raises `HandshakeRefused`."""
    async with host.application() as server, server.connect(path, headers, timeout):
        await asyncio.sleep(0)
