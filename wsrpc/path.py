"""The websocket endpoint: a view that answers a GET with the upgrade."""

from __future__ import annotations

import inspect
import sys
from base64 import b64decode
from collections.abc import Awaitable, Mapping
from typing import Any, Final, Literal

from aiohttp import hdrs, web

from . import origin
from .connection import Connection
from .manager import SOCKETS_KEY, SocketsManager, Websocket
from .rpc import prepare

SAME_ORIGIN: Final = "same-origin"
"""Browsers may connect from pages of the same host and port."""

_SEED_KEY: Final = "web_sockets"
_KEY_SIZE: Final = 16


class ApiPath(web.View):
    """A view of an aiohttp application."""


class WsPathMixin(Websocket):
    """Make an `aiohttp.web.View` a websocket RPC endpoint.

    Each ``async def ws_rpc_NAME(self, payload)`` is a method of the endpoint. One instance of the
    view serves one connection, so ``self.x`` is the state of that connection.
    """

    SOCKETS_KEY: web.AppKey[Any] | str | None = None
    """Where the application has the manager, if not where `SocketsManager.for_app` puts it."""

    allowed_origins: tuple[str, ...] | Literal["same-origin"] | None = SAME_ORIGIN
    """The origins of web pages that may connect, such as ``("https://example.com",)``.

    None allows any. A client that sends no Origin header is no browser, and may connect.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        allowed = cls.allowed_origins
        if isinstance(allowed, str) and allowed != SAME_ORIGIN:
            raise TypeError(f"allowed_origins must be a tuple of origins, got {allowed!r}")
        for one in allowed if isinstance(allowed, tuple) else ():
            origin.parse(one)
        if inspect.iscoroutinefunction(cls.can_receive):
            raise TypeError(
                f"{cls.__qualname__}.can_receive is asked for each event, so it cannot wait: "
                "write 'def', and decide what takes time in authorize"
            )
        prepare(cls, _names_around())

    def get(self) -> Awaitable[web.StreamResponse]:
        """Answer the handshake, and serve the connection to its end."""
        # no coroutine of its own, which each connection would keep until its end
        request = self.request
        if not _is_handshake(request):
            return _refusal(400, "expected a websocket handshake")
        if not self._is_allowed(request.headers.get(hdrs.ORIGIN)):
            return _refusal(403, "this origin may not connect")
        manager = self._manager(request)
        if manager._closing:
            return _refusal(503, "shutting down")
        self._wsrpc = Connection(self, manager)
        return self._wsrpc.serve()

    def _is_allowed(self, text: str | None) -> bool:
        if text is None or self.allowed_origins is None:
            return True
        if self.allowed_origins == SAME_ORIGIN:
            return origin.is_same(text, self.request.headers.get(hdrs.HOST, ""))
        return origin.is_listed(text, self.allowed_origins)

    def _manager(self, request: web.Request) -> SocketsManager:
        places = (SOCKETS_KEY, _SEED_KEY) if self.SOCKETS_KEY is None else (self.SOCKETS_KEY,)
        for place in places:
            manager: SocketsManager | None = request.config_dict.get(place)
            if manager is not None:
                return manager
        raise RuntimeError(
            f"no SocketsManager for {type(self).__qualname__} in the application under "
            f"{' or '.join(map(repr, places))}: call LocalBroker.for_app(app), or for_app of "
            f"your own manager, when you set the application up"
        )


def _is_handshake(request: web.Request) -> bool:
    """Tell whether a request asks for the upgrade as RFC 6455, section 4.2.1, has it."""
    headers = request.headers
    if headers.get(hdrs.UPGRADE, "").strip().lower() != "websocket":
        return False
    if "upgrade" not in headers.get(hdrs.CONNECTION, "").lower():
        return False
    if headers.get(hdrs.SEC_WEBSOCKET_VERSION) not in ("13", "8", "7"):
        return False
    try:
        return len(b64decode(headers.get(hdrs.SEC_WEBSOCKET_KEY, ""))) == _KEY_SIZE
    except ValueError:
        return False


async def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


def _names_around() -> Mapping[str, Any]:
    """Return the local names where the class statement stands, for annotations that use them."""
    frame = sys._getframe(1)
    # a metaclass, such as the one of aiohttp's views, has its frame in between
    while frame.f_code.co_name in ("__init_subclass__", "__new__") and frame.f_back is not None:
        frame = frame.f_back
    return dict(frame.f_locals)
