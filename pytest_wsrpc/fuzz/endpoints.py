"""The websocket endpoints of an application and their methods."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from aiohttp import web

from wsrpc import WsPathMixin
from wsrpc.application import views
from wsrpc.rpc import RpcMethod, methods_of

from .target import Target
from .watchdog import Watchdog

if TYPE_CHECKING:
    from .rules import Rules

MAKING = 20.0
"""Seconds that making the application may hold everything up, at collection."""

PARAMETER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Endpoint:
    """A path of the application that speaks the protocol."""

    path: str
    """As the router writes it, with ``{name}`` for a parameter."""
    view: type[WsPathMixin]
    methods: Mapping[str, RpcMethod]
    rules: Rules | None = field(default=None, compare=False, repr=False)
    """What the user's hooks and options say about its methods."""

    tells_depth: bool = True
    """Whether it is known how deep messages may nest."""

    is_remote: ClassVar[bool] = False
    """Whether the server is elsewhere: nothing of it can be seen but what it says."""

    def methods_in(self, phase: str) -> dict[str, RpcMethod]:
        """Return the methods that a phase of many methods may call."""
        return {
            name: method
            for name, method in self.methods.items()
            if self.rules is None or self.rules.may_call(self.path, name, phase)
        }

    @property
    def id(self) -> str:
        """The path as part of a pytest id, where brackets and double colons have a meaning."""
        return self.path.replace("::", ":").replace("[", "(").replace("]", ")")

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the path's parameters."""
        return tuple(PARAMETER.findall(self.path))

    def url(self, values: Mapping[str, str]) -> str:
        """Return the path, percent-encoded, with the values of its parameters filled in."""
        return PARAMETER.sub(lambda match: quote(values[match[1]], safe=""), self.path)


def endpoints_of_target(target: Target) -> list[Endpoint]:
    """Make the application once, to read its endpoints; raises what its own code raises.

    Raises `LoopHeld` where making it takes too long.
    """
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        watchdog = Watchdog(runner.get_loop(), patience=MAKING)
        try:
            with watchdog.watching():
                return endpoints_of(runner.run(target.create()))
        finally:
            watchdog.close()


def endpoints_of(app: web.Application) -> list[Endpoint]:
    """Return the endpoints of the application and its sub-applications, in the router's order.

    Raises `TypeError` for a method whose types are unusable.
    """
    return [Endpoint(resource.canonical, view, methods_of(view)) for resource, view in views(app)]
