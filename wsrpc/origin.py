"""Which web pages may connect: the Origin header of a handshake (RFC 6455, section 10.2)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]
"""Scheme, host and port, in lower case and complete."""


def parse(text: str) -> Origin:
    """Return an origin's parts; raise `ValueError` for what is no http or https origin."""
    parts = urlsplit(text)
    scheme = parts.scheme.lower()
    host = parts.hostname
    if (
        scheme not in _DEFAULT_PORTS
        or not host
        or "@" in parts.netloc
        or parts.path
        or parts.query
        or parts.fragment
        or not (text.isascii() and text.isprintable())  # browsers send punycode
        or " " in text
        or text.endswith(("?", "#", ":"))
    ):
        raise ValueError(
            f"expected an origin such as 'https://example.com' or 'http://localhost:8080', "
            f"got {text!r}"
        )
    port = parts.port
    return scheme, host, _DEFAULT_PORTS[scheme] if port is None else port


def is_same(text: str, host_header: str) -> bool:
    """Tell whether an origin has the host and the port of the request's Host header.

    The scheme cannot be compared behind a proxy that ends TLS; a Host header without a port means
    the origin's default port.
    """
    try:
        scheme, host, port = parse(text)
        return parse(f"{scheme}://{host_header}") == (scheme, host, port)
    except ValueError:
        return False


def is_listed(text: str, allowed: Iterable[str]) -> bool:
    """Tell whether an origin is one of those allowed."""
    try:
        origin = parse(text)
    except ValueError:
        return False
    return any(parse(one) == origin for one in allowed)
