"""Logging in on a new connection, as the hook ``pytest_wsrpc_login`` says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from pytest_wsrpc.transcript import Transcript
from wsrpc.errors import ConnectionClosed, from_wire

from . import traces
from .case import parse
from .handshake import HandshakeFailure
from .headers import MASK, SECRET
from .rules import HookError, Rules
from .serving import Connection

LOST = 1006


class LoginFailure(HandshakeFailure):
    """The user's hook could not log in; the message shows what was said."""


class Client:
    """A new connection, for the hook ``pytest_wsrpc_login``."""

    def __init__(self, connection: Connection, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._last = 0
        self.transcript: Transcript = Transcript()

    async def call(self, method: str, payload: Any = None, *, timeout: float | None = None) -> Any:
        """Call a method and return its response; raise `wsrpc.RpcError` where it is refused."""
        reply = await self.request(method, payload, timeout=timeout)
        if "response" in reply:
            return reply["response"]
        raise from_wire(reply.get("error") or {})

    async def request(
        self, method: str, payload: Any = None, *, timeout: float | None = None
    ) -> dict[str, Any]:
        """Call a method and return the reply as it came, be it a response or an error."""
        self._last += 1
        id = f"login-{self._last}"
        plain = msgspec.to_builtins({} if payload is None else payload)
        # before it is answered: a refused login is also to be seen
        self._connection.login.append((method, plain))
        message = {"id": id, "method": method, "payload": plain}
        await self.send_text(msgspec.json.encode(message).decode())
        seconds = self._timeout if timeout is None else timeout
        async with asyncio.timeout(seconds):
            while True:
                reply = await self.receive(seconds)
                if reply.get("id") == id:
                    return reply

    async def send_text(self, text: str) -> None:
        """Send a text frame as it is."""
        self.transcript.record("sent", text)
        await self._connection.send(text)

    async def receive(self, timeout: float | None = None) -> dict[str, Any]:
        """Return the next message, a reply or an event.

        Raises `TimeoutError`, or `wsrpc.ConnectionClosed` with the close code.
        """
        frame = await self._connection.receive(self._timeout if timeout is None else timeout)
        if frame is None:
            code = self._connection.close_code or LOST
            self.transcript.record("closed", str(code))
            raise ConnectionClosed(code)
        self.transcript.record("received", frame)
        value = parse(frame).value
        return value if isinstance(value, dict) else {"": value}


def login_of(
    rules: Rules, endpoint: str, method: str | None, timeout: float, root: Path
) -> Callable[[Connection], Awaitable[None]] | None:
    """Return what logs in on a connection to an endpoint, None where no hook does."""
    if not rules.has_login:
        return None

    async def log_in(connection: Connection) -> None:
        client = Client(connection, timeout)
        try:
            await rules.login(client, endpoint, method)
        except HookError:
            raise
        except Exception as error:  # whatever the user's hook raises
            _fail(rules, client, error, root)

    return log_in


def _fail(rules: Rules, client: Client, error: Exception, root: Path) -> NoReturn:
    parts = [f"{rules.places('pytest_wsrpc_login')} failed\n{traces.render(error, root)}"]
    said = client.transcript.render()
    if said:
        parts.append(said)
    raise LoginFailure("\n\n".join(parts)) from None


def lines(calls: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """Return the lines of a test that log in as the hook did, without what is secret.

    Where that is not filled in the test fails here: refused calls might show nothing of a defect.
    """
    written = []
    for method, payload in calls:
        shown = {name: MASK if SECRET.search(name) else value for name, value in payload.items()}
        names = [name for name in payload if SECRET.search(name)]
        call = f"await client.request({method!r}, {shown!r})"
        if names:
            call = f"assert 'error' not in {call}  # fill in {', '.join(names)}"
        written.append(call)
    return written
