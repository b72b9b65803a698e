"""Requests that the methods of an application must accept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast

from aiohttp import web
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from wsrpc.path import WsPathMixin
from wsrpc.rpc import RpcMethod, methods_of

from .names import ids
from .payloads import payloads

Methods: TypeAlias = "web.Application | Mapping[str, Any] | Iterable[RpcMethod]"


@st.composite
def requests(draw: st.DrawFn, app_or_methods: Methods) -> dict[str, Any]:
    """Return requests that the methods must accept, as far as their types tell.

    Give an application, for the methods of all its websocket endpoints, a mapping from the names
    of methods to the types or JSON Schemas of their payloads (None where any object will do), or
    methods as `wsrpc.rpc.methods_of` gives them.

    >>> ws.requests({"add": Add}).example()
    {'id': 0, 'method': 'add', 'payload': {'a': 0, 'b': 0}}
    """
    table = _payload_types(app_or_methods)
    method = draw(st.sampled_from(sorted(table)))
    request = {"id": draw(ids()), "method": method}
    payload = draw(payloads(table[method]))
    if not payload:  # null or absent means {}
        return request | draw(st.sampled_from([{}, {"payload": {}}, {"payload": None}]))
    return {**request, "payload": payload}


def _payload_types(source: Methods) -> dict[str, Any]:
    found: Mapping[str, Any]
    if isinstance(source, web.Application):
        found = methods_of_app(source)
    elif isinstance(source, Mapping):
        found = cast(Mapping[str, Any], source)
    elif isinstance(source, Iterable) and not isinstance(source, (str, bytes)):
        methods = list(source)
        wrong = [method for method in methods if not isinstance(method, RpcMethod)]
        if wrong:
            raise InvalidArgument(f"expected RpcMethods, got {wrong[0]!r} among them")
        found = {method.name: method for method in methods}
    else:
        raise InvalidArgument(
            "expected an aiohttp application, a mapping of method names or RpcMethods,"
            f" got {source!r}"
        )
    if not found:
        raise InvalidArgument(f"{source!r} has no RPC methods")
    return {
        name: method.payload if isinstance(method, RpcMethod) else method
        for name, method in found.items()
    }


def methods_of_app(app: web.Application) -> dict[str, RpcMethod]:
    return {
        name: method
        for route in app.router.routes()
        if isinstance(route.handler, type) and issubclass(route.handler, WsPathMixin)
        for name, method in methods_of(route.handler).items()
    }
