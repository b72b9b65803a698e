"""An endpoint that cannot be connected to: one failure, with what to do about it."""

from __future__ import annotations

from pathlib import Path

from . import traces
from .endpoints import Endpoint
from .play import shake_hands
from .serving import HandshakeRefused, Host, ServerGone
from .settings import Settings


class HandshakeFailure(AssertionError):
    """The endpoint refuses the handshake; the message says which option may help."""


def check_handshake(host: Host, endpoint: Endpoint, settings: Settings, root: Path) -> str:
    """Return the path to connect to; raise `HandshakeFailure` if that is not possible."""
    path = path_of(endpoint, settings)
    try:
        host.run(shake_hands(host, path, settings.headers, settings.case_timeout))
    except HandshakeRefused as refused:
        raise HandshakeFailure(explained(refused, endpoint, path, settings, root)) from None
    except ServerGone as gone:
        raise gone_since(gone, endpoint, path, settings, root) from None
    return path


def gone_since(
    gone: ServerGone, endpoint: Endpoint, path: str, settings: Settings, root: Path, case: str = ""
) -> HandshakeFailure:
    """Return what to say of a server that cannot be connected to any more, after some case."""
    text = explained(gone.refused, endpoint, path, settings, root)
    after = f"\n\nThe last that was said:\n{case}" if case else ""
    return HandshakeFailure(f"the server was there, and is not any more: {text}{after}")


def path_of(endpoint: Endpoint, settings: Settings) -> str:
    """Return the path with its parameters filled in; raise `HandshakeFailure` if one is missing."""
    missing = [name for name in endpoint.parameters if name not in settings.params]
    if missing:
        options = " ".join(f"--wsrpc-param {name}=VALUE" for name in missing)
        raise HandshakeFailure(
            f"the path {endpoint.path} has parameters without a value: give {options}"
        )
    return endpoint.url(settings.params)


def explained(
    refused: HandshakeRefused, endpoint: Endpoint, path: str, settings: Settings, root: Path
) -> str:
    """Return why an endpoint cannot be connected to, and what may help."""
    if refused.text:
        return f"GET {path} was not possible: {refused.text}; is the server running?"
    if refused.status is None:
        text = f"GET {path} was not answered within {settings.case_timeout:g} s"
    else:
        text = f"GET {path} was answered with {refused.status} instead of the websocket handshake"
    if refused.exception is not None:
        return f"{text}\n\nThe server's exception:\n{traces.render(refused.exception, root)}"
    if refused.status in (401, 403) and settings.headers:
        return f"{text}: the headers given are not what it asks for"
    if refused.status in (401, 403):
        return f"{text}: give what it asks for, --wsrpc-header 'Authorization: ...' or another"
    if refused.status in (400, 404, 410, 422) and endpoint.parameters:
        names = " ".join(f"--wsrpc-param {name}=VALUE" for name in endpoint.parameters)
        return f"{text}: give parameters that it knows, {names}"
    return f"{text}: if it needs a header, give --wsrpc-header 'Name: value'"
