"""The URL that is fuzzed: its form, what of it may be shown, and which paths fit it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from yarl import URL

from ..endpoints import PARAMETER
from ..headers import SECRET, masked

SCHEMES: Final = ("ws", "wss")
_OTHERS: Final = {"http": "ws", "https": "wss"}


def is_url(spec: str) -> bool:
    """Tell whether what is to be fuzzed, or its document, is given as a URL."""
    return "://" in spec


class BadAddress(ValueError):
    """A URL that no websocket server can be at; the message says what to write instead."""


def parsed(spec: str) -> URL:
    """Return a websocket URL; raises `BadAddress`."""
    try:
        url = URL(spec)
    except ValueError as error:
        raise BadAddress(f"it is no URL: {error}") from None
    if url.scheme in _OTHERS:
        meant = f"{_OTHERS[url.scheme]}{spec[len(url.scheme) :]}"
        raise BadAddress(f"a websocket is at ws:// or wss://, such as {meant}")
    if url.scheme not in SCHEMES or not url.host:
        raise BadAddress("expected the URL of a websocket, such as ws://localhost:8080/stream")
    if url.user is not None or url.password is not None:
        raise BadAddress(
            "a name and password are given by --wsrpc-header 'Authorization: Basic ...', which "
            "reports do not show"
        )
    return url.with_fragment(None)


def shown(url: URL) -> str:
    """Return a URL as reports show it: without the values of the query that may be secret."""
    query = masked(list(url.query.items()))
    plain = without_query(url)
    return plain + ("?" + "&".join(f"{name}={value}" for name, value in query) if query else "")


def without_query(url: URL) -> str:
    """Return a URL up to its path, whose parameters stand in braces."""
    return str(url.with_query(None)).replace("%7B", "{").replace("%7D", "}")


def secrets(url: URL) -> list[str]:
    """Return the names in the query whose values are not shown."""
    return [name for name in dict.fromkeys(url.query) if SECRET.search(name)]


def values_in(path: str, address: str) -> Mapping[str, str] | None:
    """Return the values that a path gives for the parameters of an address, None if it fits not.

    A path that is the address itself, braces and all, fits and gives none.
    """
    if path == address:
        return {}
    parts = PARAMETER.split(address)
    literals, names = parts[::2], parts[1::2]
    pattern = re.escape(literals[0])
    for literal in literals[1:]:
        pattern += "([^/{}]+)" + re.escape(literal)
    found = re.fullmatch(pattern, path)
    return None if found is None else dict(zip(names, found.groups(), strict=True))
