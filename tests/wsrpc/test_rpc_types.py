"""Typed payloads and responses, over a connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, NamedTuple, TypedDict

import attrs
import msgspec
import pydantic
import pytest
from aiohttp import web

from wsrpc import ApiPath, Publish, Subscribe, WsPathMixin, ws_rpc

Positive = Annotated[int, msgspec.Meta(ge=1)]


@dataclass
class Add:
    a: int
    b: int = 0
    tags: list[Positive] = field(default_factory=list)


@dataclass
class Sum:
    total: int


class AddStruct(msgspec.Struct):
    a: int
    b: int = 0
    tags: list[Positive] = []


class AddDict(TypedDict):
    a: int
    b: int
    tags: list[Positive]


@attrs.define
class AddAttrs:
    a: int
    b: int = 0
    tags: list[Positive] = attrs.Factory(list)


class AddTuple(NamedTuple):
    a: int
    b: int = 0
    tags: list[Positive] = []


class AddModel(pydantic.BaseModel):
    a: int
    b: int = 0
    tags: list[Annotated[int, pydantic.Field(ge=1)]] = []


class View(ApiPath, WsPathMixin):
    pass


class Typed(View):
    async def ws_rpc_dataclass(self, payload: Add) -> Sum:
        assert type(payload) is Add
        return Sum(payload.a + payload.b)

    async def ws_rpc_struct(self, payload: AddStruct) -> Sum:
        assert type(payload) is AddStruct
        return Sum(payload.a + payload.b)

    async def ws_rpc_typeddict(self, payload: AddDict) -> Sum:
        assert type(payload) is dict
        return Sum(payload["a"] + payload["b"])

    async def ws_rpc_attrs(self, payload: AddAttrs) -> Sum:
        assert type(payload) is AddAttrs
        return Sum(payload.a + payload.b)

    async def ws_rpc_namedtuple(self, payload: AddTuple) -> Sum:
        assert type(payload) is AddTuple
        return Sum(payload.a + payload.b)

    async def ws_rpc_pydantic(self, payload: AddModel) -> Sum:
        assert type(payload) is AddModel
        return Sum(payload.a + payload.b)

    async def ws_rpc_ints(self, payload: dict[str, int]) -> int:
        assert type(payload) is dict
        return sum(payload.values())

    async def ws_rpc_untyped(self, payload):
        return [type(payload).__name__, payload]

    async def ws_rpc_wrong(self, payload) -> Sum:
        return {"total": payload.get("total")}

    async def ws_rpc_nan(self, payload) -> float:
        return float("nan")

    async def ws_rpc_nothing(self, payload): ...


TYPES = ["dataclass", "struct", "typeddict", "attrs", "namedtuple", "pydantic"]


@pytest.mark.parametrize("method", TYPES)
async def test_the_handler_gets_an_instance_of_its_type(serve, method):
    client = await (await serve(Typed)).connect()

    assert await client.call(method, {"a": 1, "b": 2, "tags": [1]}) == {
        "id": 1,
        "method": method,
        "response": {"total": 3},
    }


@pytest.mark.parametrize("method", TYPES)
async def test_a_payload_that_fails_its_type_is_refused_with_every_field_at_once(serve, method):
    client = await (await serve(Typed)).connect()

    reply = await client.call(method, {"b": "x", "tags": [1, 0, "y"]})

    assert reply["error"]["code"] == -32602
    assert reply["error"]["message"] == "Invalid RPC parameters"
    errors = reply["error"]["errors"]
    assert errors.keys() == {"a", "b", "tags"}
    assert errors["a"] == "required"
    assert errors["tags"].keys() == {"1", "2"}


async def test_an_untyped_payload_is_the_dict_as_it_came(serve):
    client = await (await serve(Typed)).connect()

    for payload in ({}, {"a": None}, {"a": "NULL", "": [1.0, 1]}):
        reply = await client.call("untyped", payload)
        assert repr(reply["response"]) == repr(["dict", payload])
    assert (await client.call("untyped"))["response"] == ["dict", {}]
    await client.send('{"id":"x","method":"untyped"}')
    assert (await client.recv())["response"] == ["dict", {}]


async def test_plain_types_are_checked_too(serve):
    client = await (await serve(Typed)).connect()

    assert (await client.call("ints", {"a": 1, "b": 2}))["response"] == 3
    assert (await client.call("ints", {"a": 1, "b": "2"}))["error"]["errors"].keys() == {"b"}


async def test_a_response_that_is_not_of_its_type_is_an_internal_error(serve, reported):
    client = await (await serve(Typed)).connect()
    invalid = {"code": -32603, "message": "Invalid response"}

    assert (await client.call("wrong", {"total": 1}))["response"] == {"total": 1}
    assert (await client.call("wrong", {"total": "secret"}))["error"] == invalid
    assert (await client.call("nan"))["error"] == invalid
    assert len(reported) == 2
    assert "Typed.ws_rpc_wrong" in str(reported[0].exception)


async def test_a_handler_that_returns_nothing_answers_null(serve):
    client = await (await serve(Typed)).connect()

    assert await client.call("nothing", id="") == {"id": "", "method": "nothing", "response": None}


async def test_the_contract_does_not_depend_on_the_base_classes(serve):
    class First(WsPathMixin, web.View):
        @ws_rpc(response_schema=Sum)
        async def ws_rpc_sum(self, payload):
            return Sum(1)

    class Last(web.View, WsPathMixin):
        ws_rpc_sum = First.ws_rpc_sum

    class All(Publish, Subscribe, WsPathMixin, ApiPath):
        ws_rpc_sum = First.ws_rpc_sum

    for view in (First, Last, All):
        client = await (await serve(view)).connect()
        assert (await client.call("sum"))["response"] == {"total": 1}
