"""Requests that the methods of an application must accept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.errors import InvalidArgument

from pytest_wsrpc import strategies as ws
from wsrpc.path import ApiPath, WsPathMixin
from wsrpc.protocol import encode_json, parse_request
from wsrpc.pubsub import Publish
from wsrpc.rpc import methods_of

QUICK = settings(
    max_examples=150, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
THOROUGH = settings(QUICK, max_examples=1000, phases=[Phase.generate, Phase.shrink])


@dataclass
class Add:
    a: int
    b: int


class Stream(ApiPath, WsPathMixin, Publish):
    async def ws_rpc_add(self, payload: Add) -> int:
        return payload.a + payload.b

    async def ws_rpc_info(self, payload):  # type: ignore[no-untyped-def]
        return {}


class Admin(web.View, WsPathMixin):
    async def ws_rpc_stop(self, payload: Any) -> None: ...


async def page(request: web.Request) -> web.Response:
    return web.Response()


def make_app() -> web.Application:
    app, admin = web.Application(), web.Application()
    app.router.add_view("/stream", Stream)
    app.router.add_get("/page", page)
    app.router.add_view("/view", web.View)
    admin.router.add_view("/admin", Admin)
    app.add_subapp("/sub", admin)
    return app


def test_requests_of_an_application_are_valid_for_its_methods() -> None:
    app = make_app()
    methods = {**methods_of(Stream), **methods_of(Admin)}
    seen = set()

    @QUICK
    @given(ws.requests(app))
    def check(message: dict[str, Any]) -> None:
        encode_json(message)
        request = parse_request(message)
        seen.add(request.method)
        payload = methods[request.method].payload
        if payload is not None:
            payload.validate(request.payload)

    check()
    assert seen == {"add", "info", "publish", "stop"}


@pytest.mark.parametrize(
    "methods",
    [
        {"add": Add},
        {"add": methods_of(Stream)["add"]},
        {"add": methods_of(Stream)["add"].payload},
        [methods_of(Stream)["add"]],
        {
            "add": {
                "type": "object",
                "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
                "required": ["a", "b"],
            }
        },
    ],
)
def test_methods_are_given_as_types_schemas_or_methods(methods: Any) -> None:
    request = find(ws.requests(methods), lambda request: True, settings=THOROUGH)
    assert request == {"id": 0, "method": "add", "payload": {"a": 0, "b": 0}}


def test_a_payload_that_may_be_empty_may_be_left_out_or_null() -> None:
    requests = ws.requests({"info": None})
    left_out = find(requests, lambda request: "payload" not in request, settings=THOROUGH)
    assert left_out == {"id": 0, "method": "info"}
    null = find(requests, lambda r: r.get("payload", {}) is None, settings=THOROUGH)
    assert null == {"id": 0, "method": "info", "payload": None}


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (web.Application(), "has no RPC methods"),
        ({}, "has no RPC methods"),
        ("add", "expected an aiohttp application, a mapping"),
        (3, "expected an aiohttp application, a mapping"),
        (["add"], "expected RpcMethods, got 'add' among them"),
    ],
)
def test_what_has_no_methods_is_told_so(wrong: Any, what: str) -> None:
    with pytest.raises(InvalidArgument, match=what):
        find(ws.requests(wrong), lambda request: True)
