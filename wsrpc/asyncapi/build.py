"""An AsyncAPI 3 document of an application."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from aiohttp import web
from yarl import URL

from ..schema.document import JsonSchema
from . import envelope
from .channel import channel, operations
from .endpoints import Endpoint, endpoints_of
from .portable import portable
from .schemas import Place, Schemas

Document: TypeAlias = dict[str, Any]

PROTOCOL: Final = (
    "A client sends requests, JSON objects in websocket text frames: "
    '`{"id": ..., "method": ..., "payload": ...}`. Each gets exactly one reply with the same '
    "`id` and `method`, which has either `response` or `error`; replies come in the order in which "
    'calls end. Events, `{"channel": ..., "event": ..., "data": ...}`, come at any time.'
)


def document(
    app: web.Application,
    *,
    title: str = "Websocket API",
    version: str = "1.0.0",
    description: str = "",
    servers: Mapping[str, str] | None = None,
) -> Document:
    """Return the AsyncAPI 3.0 document of an application: each endpoint, method and type.

    What it says comes from the annotations and docstrings of the views; it is the same for the
    same application. `title`, `version` and `description` are those of the API, `servers` the URLs
    where it is served, each by a name: ``{"production": "wss://api.example.com"}``. Views of
    sub-applications are there too. Raises `TypeError` or `NameError` for a method whose types are
    unusable, and `ValueError` for a server that is no URL.
    """
    endpoints = endpoints_of(app)
    schemas = Schemas(_types(endpoints))
    made: Document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": title,
            "version": version,
            "description": "\n\n".join(filter(None, (description, PROTOCOL))),
        },
        "defaultContentType": "application/json",
    }
    if servers:
        made["servers"] = {name: _server(name, url) for name, url in servers.items()}
    made["channels"] = {endpoint.id: channel(endpoint, schemas) for endpoint in endpoints}
    made["operations"] = {
        id: operation for endpoint in endpoints for id, operation in operations(endpoint).items()
    }
    made["components"] = {
        "messages": envelope.messages(),
        "schemas": schemas.components() | envelope.components(),
    }
    return made


def to_json(document: Document) -> bytes:
    """Return a document as JSON that people can read too, in UTF-8."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _server(name: str, url: str) -> Document:
    parsed = URL(url)
    if parsed.scheme not in ("ws", "wss") or not parsed.host:
        raise ValueError(
            f"server {name!r}: expected a websocket URL, such as wss://api.example.com, got {url!r}"
        )
    server = {"host": parsed.host_port_subcomponent, "protocol": parsed.scheme}
    return server | ({"pathname": parsed.path} if parsed.path != "/" else {})


def _types(endpoints: list[Endpoint]) -> dict[Place, JsonSchema]:
    found: dict[Place, JsonSchema] = {}
    for endpoint in endpoints:
        for name, method in endpoint.methods.items():
            where = f"{endpoint.view.__qualname__}.ws_rpc_{name}"
            payload: JsonSchema = {"type": "object"}
            if method.payload is not None:
                payload = method.payload.json_schema()
            response = {} if method.response is None else method.response.json_schema()
            for role, schema in (("payload", payload), ("response", response)):
                found[Place(endpoint.id, name, role)] = portable(schema, f"{where}, {role}")
    return found
