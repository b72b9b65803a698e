"""The document and its page, served by the application itself."""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Mapping

from aiohttp import web

from .build import Document, document, to_json
from .page import SECURITY_POLICY, to_html


def add_asyncapi(
    app: web.Application,
    path: str = "/asyncapi.json",
    *,
    page: str | None = "/asyncapi",
    title: str = "Websocket API",
    version: str = "1.0.0",
    description: str = "",
    servers: Mapping[str, str] | None = None,
) -> None:
    """Serve the document of an application at a path, and a page for people at another.

    The page asks no other host for anything; ``page=None`` leaves it out. The other arguments are
    those of `document`. Endpoints that are added afterwards are described too: the document is
    made when it is first asked for.
    """

    @functools.cache
    def described() -> Document:
        return document(app, title=title, version=version, description=description, servers=servers)

    json = functools.cache(lambda: to_json(described()))

    async def get_json(request: web.Request) -> web.Response:
        return web.Response(body=json(), content_type="application/json", charset="utf-8")

    app.router.add_get(path, get_json)
    if page is None:
        return
    link = posixpath.relpath(path, posixpath.dirname(page))
    html = functools.cache(lambda: to_html(described(), link))

    async def get_page(request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": SECURITY_POLICY}
        return web.Response(text=html(), content_type="text/html", headers=headers)

    app.router.add_get(page, get_page)
