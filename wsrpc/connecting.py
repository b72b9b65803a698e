"""Opening the connection of a client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from ssl import SSLContext
from types import TracebackType
from typing import Any, Generic, NoReturn, Protocol, TypeVar

import aiohttp
from aiohttp import ClientWSTimeout, Fingerprint
from aiohttp.typedefs import LooseHeaders, StrOrURL

from .link import CLOSE_TIMEOUT, Link


class _Closable(Protocol):
    async def close(self) -> None: ...


_Client = TypeVar("_Client", bound=_Closable)


class Connecting(Generic[_Client]):
    """A client to be: await it, or enter it, as with aiohttp's requests."""

    def __init__(
        self, opening: Callable[[], Coroutine[Any, Any, Link]], client: partial[_Client]
    ) -> None:
        self._opening = opening
        self._make = client
        self._client: _Client | None = None

    def __await__(self) -> Generator[Any, None, _Client]:
        return self._connect().__await__()

    async def __aenter__(self) -> _Client:
        self._client = await self._connect()
        return self._client

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._client is not None
        await self._client.close()

    async def _connect(self) -> _Client:
        return self._make(await self._opening())


def _not_yet(self: Connecting[Any], name: str) -> NoReturn:
    text = f"{type(self).__name__!r} object has no attribute {name!r}"
    # A private name may be asked for before `__init__` has set what stands below.
    if not name.startswith("_") and hasattr(self._make.func, name):
        client = self._make.func.__name__
        text += (
            f": it is no client yet, write `async with {client}.connect(url) as client` "
            f"or `client = await {client}.connect(url)`"
        )
    raise AttributeError(text, name=name, obj=self)


# Not in the class: a type checker would take every attribute for one that is there.
Connecting.__getattr__ = _not_yet  # type: ignore[attr-defined]


async def open_link(
    url: StrOrURL,
    *,
    session: aiohttp.ClientSession | None,
    headers: LooseHeaders | None,
    timeout: float | None,
    heartbeat: float | None,
    max_message_size: int,
    ssl: SSLContext | Fingerprint | bool,
) -> Link:
    """Connect, in a session of its own if none is given."""
    own = None
    if session is None:
        session = own = aiohttp.ClientSession()
    try:
        async with asyncio.timeout(timeout):
            websocket = await session.ws_connect(
                url,
                headers=headers,
                heartbeat=heartbeat,
                max_msg_size=max_message_size,
                ssl=ssl,
                timeout=ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                # The reader answers a close frame after it has told the receiver.
                autoclose=False,
                # Bytes go straight to the decoder, and invalid UTF-8 does not end the connection.
                decode_text=False,
            )
    except BaseException as error:
        if own is not None:
            await own.close()
        if isinstance(error, TimeoutError):
            raise TimeoutError(f"the handshake with {url} timed out") from error
        raise
    return Link(websocket, own, str(url))
