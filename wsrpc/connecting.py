"""Opening the connections of a client."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator
from dataclasses import KW_ONLY, dataclass, field
from ssl import SSLContext
from types import TracebackType
from typing import Any, Final, Generic, NoReturn, Protocol, TypeVar

import aiohttp
from aiohttp import ClientWSTimeout, Fingerprint
from aiohttp.typedefs import LooseHeaders, StrOrURL

from .link import CLOSE_TIMEOUT, Link

_WINDOW_BITS: Final = 15

Headers = LooseHeaders | Callable[[], LooseHeaders | Awaitable[LooseHeaders]]
"""Headers of the handshake, or what gives them anew for each, such as with a fresh token."""


class _Client(Protocol):
    async def open(self) -> None:
        """Connect for the first time."""

    async def close(self) -> None: ...


_ClientT = TypeVar("_ClientT", bound=_Client)


class Connecting(Generic[_ClientT]):
    """A client to be: await it, or enter it, as with aiohttp's requests."""

    def __init__(self, cls: type[_ClientT], make: Callable[[], _ClientT]) -> None:
        self._cls = cls
        self._make = make
        self._client: _ClientT | None = None

    def __await__(self) -> Generator[Any, None, _ClientT]:
        return self._connect().__await__()

    async def __aenter__(self) -> _ClientT:
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

    async def _connect(self) -> _ClientT:
        client = self._make()
        await client.open()
        return client


def _not_yet(self: Connecting[Any], name: str) -> NoReturn:
    text = f"{type(self).__name__!r} object has no attribute {name!r}"
    # A private name may be asked for before `__init__` has set what stands below.
    if not name.startswith("_") and hasattr(self._cls, name):
        client = self._cls.__name__
        text += (
            f": it is no client yet, write `async with {client}.connect(url) as client` "
            f"or `client = await {client}.connect(url)`"
        )
    raise AttributeError(text, name=name, obj=self)


# Not in the class: a type checker would take every attribute for one that is there.
Connecting.__getattr__ = _not_yet  # type: ignore[attr-defined]


@dataclass
class Dialer:
    """Where a client connects to, and how; called, it opens a connection."""

    url: StrOrURL
    _: KW_ONLY
    session: aiohttp.ClientSession | None
    """That of the caller; without one, each connection has its own, with the cookies of all."""
    headers: Headers | None
    timeout: float | None
    heartbeat: float | None
    max_message_size: int
    compression: bool
    ssl: SSLContext | Fingerprint | bool
    _cookies: aiohttp.abc.AbstractCookieJar | None = field(default=None, init=False)

    async def __call__(self) -> Link:
        """Connect; raises `TimeoutError`, and what aiohttp and the headers' callable raise."""
        session = self.session or self._own_session()
        try:
            async with asyncio.timeout(self.timeout):
                headers = self.headers
                if callable(headers):
                    made = headers()
                    headers = await made if inspect.isawaitable(made) else made
                websocket = await session.ws_connect(
                    self.url,
                    headers=headers,
                    heartbeat=self.heartbeat,
                    max_msg_size=self.max_message_size,
                    compress=_WINDOW_BITS if self.compression else 0,
                    ssl=self.ssl,
                    timeout=ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                    # The reader answers a close frame after it has told the receiver.
                    autoclose=False,
                    # Bytes go straight to the decoder, and invalid UTF-8 does no harm.
                    decode_text=False,
                )
        except BaseException as error:
            if session is not self.session:
                await session.close()
            if isinstance(error, TimeoutError):
                raise TimeoutError(f"the handshake with {self.url} timed out") from error
            raise
        return Link(websocket, None if session is self.session else session, str(self.url))

    def _own_session(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(cookie_jar=self._cookies)
        self._cookies = session.cookie_jar
        return session
