"""Calls of `RpcClient`: replies find their calls, and nothing else disturbs them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import attrs
import msgspec
import pydantic
import pytest

from wsrpc.client import RpcClient
from wsrpc.errors import (
    BrokerUnavailable,
    CallTimeout,
    CannotPublish,
    ConnectionClosed,
    Forbidden,
    InternalError,
    InvalidParams,
    MethodNotFound,
    RpcError,
    ShuttingDown,
    TooManyRequests,
)

PATIENCE = 5.0


@pytest.fixture
async def client(scripted: Any) -> AsyncIterator[RpcClient]:
    async with RpcClient.connect(scripted.url, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
async def peer(scripted: Any, client: RpcClient) -> Any:
    return await scripted.peer()


async def test_a_call_returns_the_response_of_its_reply(client: RpcClient, peer: Any) -> None:
    call = asyncio.create_task(client.call("add", {"a": 1, "b": 2}))
    assert await peer.answer(3) == {"id": 1, "method": "add", "payload": {"a": 1, "b": 2}}
    assert await call == 3


async def test_a_call_without_payload_sends_none(client: RpcClient, peer: Any) -> None:
    call = asyncio.create_task(client.call("info"))
    assert await peer.answer(None) == {"id": 1, "method": "info"}
    assert await call is None


async def test_a_payload_may_be_any_mapping(client: RpcClient, peer: Any) -> None:
    call = asyncio.create_task(client.call("add", MappingProxyType({"a": 1})))
    assert (await peer.answer())["payload"] == {"a": 1}
    await call


async def test_replies_out_of_order_go_to_their_calls(client: RpcClient, peer: Any) -> None:
    calls = [asyncio.create_task(client.call("echo", {"n": n})) for n in range(5)]
    requests = [await peer.take() for _ in calls]
    await peer.send(
        *({"id": r["id"], "response": r["payload"]["n"]} for r in reversed(requests)),
    )
    assert await asyncio.gather(*calls) == [0, 1, 2, 3, 4]


async def test_a_thousand_calls_at_once_are_all_answered_under_ids_of_their_own(
    client: RpcClient, peer: Any
) -> None:
    calls = asyncio.gather(*(client.call("echo", {"n": n}) for n in range(1000)))
    ids = []
    for _ in range(1000):
        request = await peer.take()
        ids.append(request["id"])
        await peer.send({"id": request["id"], "response": request["payload"]["n"]})
    assert await calls == list(range(1000))
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": -32601, "message": "no"}, MethodNotFound),
        ({"code": -32602, "message": "no", "errors": {"a": "required"}}, InvalidParams),
        ({"code": -32603, "message": "no"}, InternalError),
        ({"code": -32001, "message": "no"}, CallTimeout),
        ({"code": -32002, "message": "no"}, TooManyRequests),
        ({"code": -32003, "message": "no"}, Forbidden),
        ({"code": -32004, "message": "no"}, BrokerUnavailable),
        ({"code": -32005, "message": "no"}, ShuttingDown),
        ({"code": 7, "message": "no"}, RpcError),
        (
            {
                "code": -32602,
                "message": "Invalid RPC parameters",
                "errors": {"channel": "Cannot publish to channel"},
            },
            CannotPublish,
        ),
    ],
)
async def test_an_error_reply_raises_the_exception_of_the_server(
    client: RpcClient, peer: Any, error: dict[str, Any], expected: type[RpcError]
) -> None:
    call = asyncio.create_task(client.call("any"))
    await peer.answer(error=error)
    with pytest.raises(RpcError) as raised:
        await call
    assert type(raised.value) is expected
    assert raised.value.code == error["code"]
    assert raised.value.message == error["message"]
    assert raised.value.errors == error.get("errors")


@pytest.mark.parametrize(
    "reply",
    [
        {"neither": 1},
        {"response": 1, "error": {"code": 1, "message": "both"}},
        {"error": None},
        {"error": {}},
        {"error": {"code": "1", "message": "no"}},
    ],
)
async def test_an_answer_that_is_no_reply_of_the_protocol_is_a_value_error(
    client: RpcClient, peer: Any, reply: dict[str, Any]
) -> None:
    call = asyncio.create_task(client.call("any"))
    await peer.answer(**reply)
    with pytest.raises(ValueError, match="expected"):
        await call


@pytest.mark.parametrize(
    "frame",
    [
        "no JSON",
        "",
        "[" * 100_000,
        '{"id": 1, "response": NaN}',
        "null",
        "1",
        "[]",
        "{}",
        '{"response": 1}',
        '{"id": 2, "response": 1}',
        '{"id": 0, "response": 1}',
        '{"id": true, "response": 1}',
        '{"id": 1.0, "response": 1}',
        '{"id": "1", "response": 1}',
        '{"id": null, "response": 1}',
        '{"id": [1], "response": 1}',
        '{"id": {"a": 1}, "response": 1}',
        '{"channel": 1, "event": "a", "data": 1}',
        '{"channel": "a", "event": 1, "data": 1}',
        '{"channel": "a", "event": "b"}',
        b'{"id": 1, "response": 1}',
    ],
)
async def test_a_frame_that_nobody_waits_for_is_logged_once_and_ignored(
    client: RpcClient, peer: Any, frame: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    call = asyncio.create_task(client.call("any"))
    request = await peer.take()
    with caplog.at_level(logging.WARNING, "wsrpc"):
        await peer.send(frame, {"id": request["id"], "response": "the answer"})
        assert await call == "the answer"
    assert [record.name for record in caplog.records] == ["wsrpc.client"]
    assert caplog.messages[0].startswith("ignored a ")


async def test_a_text_frame_that_is_not_utf_8_is_ignored(client: RpcClient, peer: Any) -> None:
    call = asyncio.create_task(client.call("any"))
    await peer.write(b'\x81\x03"\xff"')
    await peer.answer("the answer")
    assert await call == "the answer"


async def test_a_second_reply_is_logged_and_ignored(
    client: RpcClient, peer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = asyncio.create_task(client.call("any"))
    await peer.answer(1, {"id": 1, "response": 2})
    assert await first == 1
    second = asyncio.create_task(client.call("any"))
    await peer.answer(3)
    assert await second == 3
    assert caplog.messages == [f"ignored a reply to id 1 from {client.url}"]


async def test_random_frames_never_end_the_reader(client: RpcClient, peer: Any) -> None:
    generator = random.Random(7)
    pieces = ['"id"', '"response"', '"channel"', '"event"', '"data"', *'{}[]:,1"\x00é', "null"]
    for _ in range(100):
        frames: list[str | bytes] = []
        for _ in range(20):
            text = "".join(generator.choices(pieces, k=generator.randrange(12)))
            frames.append(text.encode() if generator.random() < 0.1 else text)
        await peer.send(*frames)
    call = asyncio.create_task(client.call("any"))
    await peer.answer("alive")
    assert await call == "alive"


async def test_a_cancelled_call_leaves_the_others_alone(client: RpcClient, peer: Any) -> None:
    cancelled = asyncio.create_task(client.call("slow"))
    other = asyncio.create_task(client.call("any"))
    requests = [await peer.take(), await peer.take()]
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await peer.send(*({"id": r["id"], "response": r["id"]} for r in requests))
    assert await other == requests[1]["id"]


async def test_a_call_cancelled_as_its_reply_is_read_is_cancelled(
    client: RpcClient, peer: Any
) -> None:
    call = asyncio.create_task(client.call("any"))
    request = await peer.take()
    call.cancel()
    client.frame_received(b'{"id": %d, "response": 1}' % request["id"], binary=False)
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_calls_in_flight_and_later_ones_raise_the_close_code(
    client: RpcClient, peer: Any
) -> None:
    calls = [asyncio.create_task(client.call("slow")) for _ in range(3)]
    for _ in calls:
        await peer.take()
    calls[0].cancel()
    await peer.ws.close(code=1013, message=b"too slow")
    for result in await asyncio.gather(*calls[1:], return_exceptions=True):
        assert isinstance(result, ConnectionClosed)
        assert (result.code, result.reason) == (1013, "too slow")
    with pytest.raises(ConnectionClosed, match="code 1013, too slow"):
        await client.call("any")
    assert peer.frames.empty()


async def test_a_call_cancelled_as_the_connection_ends_is_cancelled(
    client: RpcClient, peer: Any
) -> None:
    call = asyncio.create_task(client.call("any"))
    await peer.take()
    call.cancel()
    await client.close()
    with pytest.raises(asyncio.CancelledError):
        await call


@pytest.mark.parametrize(
    ("method", "payload"),
    [
        ("any", {"a": object()}),
        ("any", {"a": b"bytes"}),
        ("any", {"a": "\ud800"}),
        ("\ud800", {}),
        (1, {}),
        ("any", [1]),
        ("any", "text"),
    ],
)
async def test_what_has_no_json_form_is_refused_before_anything_is_sent(
    client: RpcClient, peer: Any, method: Any, payload: Any
) -> None:
    with pytest.raises(TypeError):
        await client.call(method, payload)
    await peer.nothing_came()


@dataclass
class Ref:
    id: Any


class StructRef(msgspec.Struct):
    id: Any


class ArrayRef(msgspec.Struct, array_like=True):
    id: int


@attrs.define
class AttrsRef:
    id: int


class Model(pydantic.BaseModel):
    id: Any


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        (Ref(1), 1),
        (StructRef(1), 1),
        (AttrsRef(1), 1),
        (Model(id=1), 1),
        (Ref(Model(id=date(2026, 1, 2))), {"id": "2026-01-02"}),
        (Ref(StructRef([1])), {"id": [1]}),
    ],
)
async def test_a_payload_may_be_an_object_of_a_payload_type(
    client: RpcClient, peer: Any, payload: Any, sent: Any
) -> None:
    call = asyncio.create_task(client.call("get", payload))
    assert (await peer.answer())["payload"] == {"id": sent}
    await call


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (ArrayRef(1), "payload must be a mapping"),
        (object(), "the payload <object .* has no JSON form: object has no JSON form"),
        (Ref(object()), "has no JSON form: object has no JSON form"),
        (Ref, "has no JSON form"),
        (Model, "has no JSON form"),
        (Ref(b"bytes"), "has no JSON form: bytes have no JSON form"),
        (Model(id=b"\xff"), "the payload .* has no JSON form"),
    ],
)
async def test_an_object_that_is_no_payload_is_refused(
    client: RpcClient, peer: Any, payload: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        await client.call("get", payload)
    await peer.nothing_came()


async def test_a_payload_that_contains_itself_is_refused(client: RpcClient, peer: Any) -> None:
    payload: dict[str, Any] = {}
    payload["self"] = payload
    with pytest.raises(TypeError, match="the call of 'any' has no JSON form"):
        await client.call("any", payload)
    await peer.nothing_came()


async def test_publish_calls_the_built_in_method(client: RpcClient, peer: Any) -> None:
    named = asyncio.create_task(client.publish("prices", "tick", {"bid": 1}))
    request = await peer.answer({"channel": "prices", "event": "tick", "data": {"bid": 1}})
    assert request["method"] == "publish"
    assert request["payload"] == {"channel": "prices", "event": "tick", "data": {"bid": 1}}
    assert await named == request["payload"]

    unnamed = asyncio.create_task(client.publish("prices"))
    assert (await peer.answer())["payload"] == {"channel": "prices", "data": None}
    await unnamed
