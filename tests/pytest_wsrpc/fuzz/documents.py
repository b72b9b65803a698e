"""AsyncAPI documents, and what the fuzzer reads of them."""

from __future__ import annotations

import json
from typing import Any

from yarl import URL

from pytest_wsrpc.fuzz.url.channels import UrlEndpoint, endpoints_at
from pytest_wsrpc.fuzz.url.fetching import BadDocument
from pytest_wsrpc.fuzz.url.references import Documents

BASE = "file:///api/asyncapi.json"


class Files:
    """Stands for what reads files."""

    def __init__(self, files: dict[str, Any]) -> None:
        self.files = files

    def text(self, place: str) -> str:
        if place not in self.files:
            raise BadDocument(f"{place} cannot be read")
        return json.dumps(self.files[place])


def read(
    value: Any, url: str = "ws://localhost/x", base: str = BASE, **files: Any
) -> list[UrlEndpoint]:
    others = {f"file:///api/{name}.json": other for name, other in files.items()}
    documents = Documents(Files({base: value, **others}))  # type: ignore[arg-type]
    return endpoints_at(URL(url), base, documents)


def api(payload: Any = True, response: Any = True, **more: Any) -> dict[str, Any]:
    """Return a document with a channel /x that has one method."""
    return {
        "asyncapi": "3.0.0",
        "channels": {"x": {"address": "/x", "messages": {"r": message("do", payload), "a": {
            "payload": {"properties": {"method": {"const": "do"}, "response": response}}}},
            **more}},
    }  # fmt: skip


def message(method: Any, payload: Any = True) -> dict[str, Any]:
    return {
        "payload": {"properties": {"id": {}, "method": {"const": method}, "payload": payload}},
    }


def method(value: Any, **files: Any) -> Any:
    (endpoint,) = read(value, **files)
    return endpoint.methods["do"]


def schema(payload: Any, **files: Any) -> Any:
    return method(api(payload), **files).payload.json_schema()


def reply(response: Any) -> dict[str, Any]:
    return {"payload": {"properties": {"response": response}}}
