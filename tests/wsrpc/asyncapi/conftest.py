"""What a document is held against: AsyncAPI's own schema, and the messages that it describes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import web

from wsrpc import ApiPath, WsPathMixin
from wsrpc.asyncapi import Document, document

OFFICIAL = jsonschema_rs.Draft7Validator(
    json.loads((Path(__file__).parent / "official" / "asyncapi-3.0.0.json").read_text())
)

Accepting = Callable[[Document, str, Any], list[str]]


@pytest.fixture
def official() -> jsonschema_rs.Draft7Validator:
    """Give the validator of AsyncAPI 3.0 documents."""
    return OFFICIAL


@pytest.fixture
def describe() -> Callable[..., Document]:
    """Give ``describe(method, ..., path="/ws", **views)``: a document that was found valid.

    Its application has one endpoint with these methods, or each view at the path ``/NAME``.
    """

    def describe(*methods: Any, path: str = "/ws", **views: type[web.View]) -> Document:
        if methods:
            members = {f"ws_rpc_{method.__name__}": method for method in methods}
            view = type("View", (ApiPath, WsPathMixin), {"__module__": __name__, **members})
            views = {path: view}
        app = web.Application()
        for place, view in views.items():
            app.router.add_view(place if place.startswith("/") else f"/{place}", view)
        described = document(app)
        OFFICIAL.validate(described)
        assert json.loads(json.dumps(described)) == described
        return described

    return describe


@pytest.fixture
def accepting() -> Accepting:
    """Give ``accepting(document, channel, message)``: the names of the messages that it can be."""

    def accepting(described: Document, channel: str, message: Any) -> list[str]:
        return [
            name
            for name, schema in message_schemas(described, channel).items()
            if jsonschema_rs.Draft7Validator(schema).is_valid(message)
        ]

    return accepting


def message_schemas(described: Document, channel: str) -> dict[str, Any]:
    """Return the payload of each message of a channel, with what its references need."""
    schemas = {}
    for name, message in described["channels"][channel]["messages"].items():
        if "$ref" in message:
            message = described["components"]["messages"][message["$ref"].rpartition("/")[2]]
        schemas[name] = {**message["payload"], "components": described["components"]}
    return schemas
