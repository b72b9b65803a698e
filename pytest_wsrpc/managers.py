"""The managers that an application holds: what its connections and its broker belong to."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from wsrpc import SOCKETS_KEY, SocketsManager


def managers_of(app: web.Application) -> dict[str, SocketsManager]:
    """Give the managers of an application and its sub-applications, by what gets at them."""
    return dict(_managers(app))


def _managers(app: web.Application) -> Iterator[tuple[str, SocketsManager]]:
    for key, value in app.items():
        if isinstance(value, SocketsManager):
            yield ("ws_app[SOCKETS_KEY]" if key is SOCKETS_KEY else f"ws_app[{key!r}]"), value
    for resource in app.router.resources():
        part = resource.get_info().get("app")
        if part is not None:
            for _, manager in _managers(part):
                yield f"...  # that of the sub-application {resource.canonical}", manager
