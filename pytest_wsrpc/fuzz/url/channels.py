"""An AsyncAPI 3 document as the endpoints of a server that the fuzzer knows only by its URL."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

from yarl import URL

from wsrpc import Limits, Publish, Subscribe, WsPathMixin
from wsrpc.rpc import RpcMethod

from ..endpoints import Endpoint
from .address import values_in
from .fetching import BadDocument
from .messages import Messages
from .references import Documents, Node

LIMITS: Final = "x-wsrpc-limits"
"""Where a channel tells of limits, as `wsrpc.asyncapi` writes it."""

CAUTIOUS: Final = 32 * 1024
"""Bytes of a message to a server that does not tell its limit."""


@dataclasses.dataclass(frozen=True)
class UrlEndpoint(Endpoint):
    """A channel of a document, at a URL."""

    prefix: str = ""
    """The path of the server, before that of the channel."""
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Values of parameters that stand in the URL."""
    query: str = ""
    """Of the URL, with its question mark."""

    is_remote = True

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the path's parameters that have no value yet."""
        return tuple(name for name in super().parameters if name not in self.values)

    def url(self, values: Mapping[str, str]) -> str:
        """Return path and query, percent-encoded, with the values of parameters filled in."""
        return self.prefix + super().url({**values, **self.values}) + self.query


def endpoints_at(url: URL, base: str, documents: Documents) -> list[UrlEndpoint]:
    """Return the channels of a document whose address fits a URL.

    Raises `BadDocument` where there is none, or where one cannot be understood.
    """
    document = documents.root(base)
    _check_version(document)
    channels = [documents.follow(channel) for channel in document.children("channels")]
    if not channels:
        raise BadDocument("it has no channels")
    found, addresses = [], []
    for channel in channels:
        fitting = None
        for prefix, address in _addresses(document, channel, documents):
            addresses.append(prefix + address)
            fitting = fitting or _fitting(url, prefix, address)
        if fitting is not None:
            found.append(_endpoint(document, channel, documents, *fitting, url))
    if not found:
        known = ", ".join(dict.fromkeys(addresses))
        raise BadDocument(
            f"no channel's address fits the path {url.path!r} of the URL; there are {known}"
        )
    return found


def _check_version(document: Node) -> None:
    value = document.value
    version = value.get("asyncapi") if isinstance(value, dict) else None
    if isinstance(version, str) and version.startswith("3."):
        return
    expected = "expected an AsyncAPI 3 document"
    if version is not None:
        raise BadDocument(f"{expected}, got AsyncAPI {version}")
    for other in ("openapi", "swagger", "openrpc"):
        if isinstance(value, dict) and other in value:
            raise BadDocument(f"{expected}, got one of {other} {value[other]}")
    raise BadDocument(f"{expected}, got {'an object' if isinstance(value, dict) else 'something'} "
                      "without the member 'asyncapi'")  # fmt: skip


def _addresses(document: Node, channel: Node, documents: Documents) -> Iterator[tuple[str, str]]:
    """Yield the addresses of a channel, each with the path of a server before it."""
    address = channel.get("address")
    if address is None or address.value is None:
        return
    text = "/" + str(address.value).removeprefix("/")
    yield "", text
    servers = list(channel.children("servers")) or list(document.children("servers"))
    for server in map(documents.follow, servers):
        path = server.get("pathname")
        prefix = "" if path is None else str(path.value).rstrip("/")
        if prefix:
            yield prefix, text


def _fitting(url: URL, prefix: str, address: str) -> tuple[str, str, Mapping[str, str]] | None:
    path = url.path or "/"
    if not path.startswith(prefix):
        return None
    values = values_in(path[len(prefix) :] or "/", address)
    return None if values is None else (prefix, address, values)


def _endpoint(
    document: Node,
    channel: Node,
    documents: Documents,
    prefix: str,
    address: str,
    values: Mapping[str, str],
    url: URL,
) -> UrlEndpoint:
    methods = Messages(document, channel, documents).methods()
    if not methods:
        raise BadDocument(
            f"the channel {address} has no requests: messages whose payload has a member 'method' "
            "with one constant value"
        )
    told = _told_limits(channel)
    return UrlEndpoint(
        address,
        _view(methods, _limits(channel, told)),
        methods,
        prefix=prefix,
        values=values,
        query=f"?{url.raw_query_string}" if url.raw_query_string else "",
        tells_depth="depth" in told,
    )


def _told_limits(channel: Node) -> dict[str, Any]:
    told = channel.get(LIMITS)
    known = {field.name for field in dataclasses.fields(Limits)}
    if told is None or not isinstance(told.value, dict):
        return {}
    return {name: value for name, value in told.value.items() if name in known}


def _limits(channel: Node, told: Mapping[str, Any]) -> Limits:
    try:
        return Limits(**{"message_size": CAUTIOUS, **told})
    except (TypeError, ValueError) as error:
        raise BadDocument(f"{channel}/{LIMITS}: {error}") from None


def _view(methods: Mapping[str, RpcMethod], limits: Limits) -> type[WsPathMixin]:
    """Return a view class like the server's, as far as it can be known."""
    mixins: list[type] = []
    for name, mixin in (("subscribe", Subscribe), ("publish", Publish)):
        if name in methods and methods[name].channel_call:
            mixins.append(mixin)
    members: dict[str, Any] = {"limits": limits}
    members |= {
        f"ws_rpc_{name}": method.function
        for name, method in methods.items()
        if method.channel_call and not method.builtin
    }
    return type("Described", (WsPathMixin, *mixins), members)
