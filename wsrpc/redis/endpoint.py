"""Where Redis is, and single connections to it that never heal by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    RedisError,
    ResponseError,
)

FAILURES: Final = (RedisError, OSError)
"""What operations on a connection raise: redis-py's own, and those of sockets and timeouts."""

REFUSALS: Final = (ResponseError, AuthenticationError, AuthorizationError)
"""What no waiting helps against: a wrong password, or a command that the user may not run."""

Command = Sequence[bytes | str | int]


class Link:
    """One connection to Redis; once broken it stays so.

    What `send` and `read` raise is one of `FAILURES`.
    """

    def __init__(self, connection: AbstractConnection, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout

    async def send(self, commands: Sequence[Command]) -> None:
        """Send commands, whose replies come in the same order."""
        # redis-py would open another connection in place of a broken one
        if not self._connection.is_connected:
            raise ConnectionError("the connection to Redis is closed")
        packed = self._connection.pack_commands(commands)
        async with asyncio.timeout(self._timeout):
            await self._connection.send_packed_command(packed, check_health=False)

    async def read(self) -> Any:
        """Return the next reply, however long it takes."""
        return await self._connection.read_response()

    async def answer(self) -> Any:
        """Return the next reply, which must not take longer than the timeout."""
        async with asyncio.timeout(self._timeout):
            return await self._connection.read_response()

    async def is_usable(self) -> bool:
        """Tell whether the connection is open and silent, as between commands it has to be."""
        try:
            return self._connection.is_connected and not await self._connection.can_read()
        except FAILURES:
            return False

    async def close(self) -> None:
        """Close the connection at once."""
        await self._connection.disconnect(nowait=True)


class Endpoint:
    """How to reach one Redis.

    `url` is redis-py's: ``redis://``, ``rediss://`` for TLS, or ``unix://``, with user, password
    and database; options of redis-py's connections stand in its query or in `options`.
    """

    def __init__(self, url: str, options: Mapping[str, Any], *, name: str, timeout: float) -> None:
        given: dict[str, Any] = {**options, **parse_url(url)}
        self.prefix: str | None = given.pop("prefix", None)
        """The ``prefix`` in the query of the url."""
        self._class: type[AbstractConnection] = given.pop("connection_class", Connection)
        # RESP2, whose messages come in one order with the acknowledgements
        self._options: dict[str, Any] = {
            **given,
            "protocol": 2,
            "decode_responses": False,
            "health_check_interval": 0,
            # redis-py's own would lose a cancellation now and then (asyncio.wait_for, Python 3.11)
            "socket_timeout": None,
            "socket_connect_timeout": timeout,
            "client_name": name,
        }
        self._timeout = timeout
        # an option that redis-py does not know is a mistake that the first line should tell
        self._class(**self._options)

    async def connect(self) -> Link:
        """Open a connection, in the endpoint's timeout; raises one of `FAILURES`."""
        connection = self._class(**self._options)
        try:
            async with asyncio.timeout(self._timeout):
                await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if isinstance(error.__cause__, REFUSALS):
                raise error.__cause__ from None  # which redis-py takes for a broken connection
            raise
        return Link(connection, self._timeout)
