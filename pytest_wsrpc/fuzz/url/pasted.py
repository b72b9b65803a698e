"""What a test to paste needs to reach a server on a URL."""

from __future__ import annotations

from collections.abc import Sequence

from ..headers import fill_in
from .address import secrets
from .target import UrlTarget

CONNECT = "connect"
"""The fixture of such a test."""


def imports(target: UrlTarget) -> list[str]:
    """Return the lines that import what the fixture uses, but for pytest's own."""
    lines = ["from contextlib import AsyncExitStack", ""]
    return [*(["import ssl"] if "ssl." in _tls(target) else []), *lines]


def fixture(target: UrlTarget, path: str) -> list[str]:
    """Return the fixture that gives connections to a path of the server."""
    options = ", ".join(filter(None, [_tls(target), "**options"]))
    return [
        f"URL = {target.at(path)!r}{fill_in((), secrets(target.url))}",
        "",
        "",
        "@pytest_asyncio.fixture",
        f"async def {CONNECT}():",
        "    async with AsyncExitStack() as clients:",
        "",
        "        async def connected(**options):",
        f"            client = WsTestClient.connect(URL, {options})",
        "            return await clients.enter_async_context(client)",
        "",
        "        yield connected",
    ]


def told(target: UrlTarget, code: str) -> list[str]:
    """Return the lines of a test with what the document says in place of an application."""
    if "(ws_app, " not in code:
        return code.split("\n")
    first = f"described = fuzz.described({target.schema!r}, {target.at(target.url.raw_path)!r})"
    first += fill_in((), target.schema_secrets)
    return [first, *code.replace("(ws_app, ", "(described, ").split("\n")]


def connecting(headers: Sequence[str]) -> str:
    """Return the call that connects, with these arguments."""
    return f"{CONNECT}({', '.join(headers)})"


def _tls(target: UrlTarget) -> str:
    return target.tls.written() if target.url.scheme == "wss" else ""
