"""The fuzzer in code: cases, checks, instruments; and the strategies."""

from __future__ import annotations

from typing import Any, assert_type

import pytest
from aiohttp import web
from checks import prices_are_threes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop import Order, create_app

from pytest_wsrpc import WsConnect, WsTestClient, fuzz
from pytest_wsrpc import strategies as ws
from pytest_wsrpc.faults import Spec

few = settings(
    max_examples=3, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
api = fuzz.load(
    create_app,
    include=["order", "price"],
    exclude=["leave"],
    phases=["accepts", "refuses"],
    max_examples=3,
    headers={"Authorization": "Bearer abc"},
    params={"id": "1"},
    exclude_checks=["no-leak"],
)
assert_type(api, fuzz.Api)


@api.parametrize()
async def test_each_method(case: fuzz.LiveCase) -> None:
    reply = await case.call(headers={"Accept-Language": "en"})
    assert_type(reply, fuzz.Exchange)
    assert_type((reply.code, reply.is_success), tuple[int | None, bool])
    assert_type(reply.error, dict[str, Any] | None)
    assert_type((case.endpoint, case.method), tuple[str, str | None])
    assert_type(case.payload, dict[str, Any] | None)
    assert_type((case.message, case.is_valid, case.why), tuple[str | bytes, bool, str])
    case.check(reply, exclude=["no-leak"])


@few
@api.parametrize(phases="protocol", max_examples=2)
async def test_what_is_no_request(case: fuzz.LiveCase, ws_app: web.Application) -> None:
    case.check(await case.call())


async def test_instruments(ws_client: WsTestClient, ws_app: web.Application) -> None:
    payload = {"item": "tea"}
    with fuzz.loop_not_blocked(limit=5):
        reply = await ws_client.request("price", payload)
    before = fuzz.holdings(ws_app)
    assert not fuzz.holdings(ws_app) - before
    exchange = fuzz.exchange_of(ws_app, "/shop", "price", payload, reply)
    assert_type(exchange, fuzz.Exchange)
    fuzz.verify("prices-are-threes", exchange)
    prices_are_threes(exchange)
    record = fuzz.record_of(ws_app, "/shop", [(0, "price", payload, reply)], {0: []})
    assert_type(record, fuzz.Record)
    fuzz.verify("few-calls", record)
    assert issubclass(fuzz.CheckFailed, AssertionError)


@few
@given(
    payload=ws.payloads(Order),
    invalid=ws.invalid_payloads(Order),
    malformed=ws.malformed_messages(["order"]),
    request=ws.requests({"order": Order}),
)
async def test_messages(
    ws_client: WsTestClient,
    payload: dict[str, Any],
    invalid: ws.Invalid,
    malformed: ws.Malformed,
    request: dict[str, Any],
) -> None:
    assert await ws_client.call("price", payload) > 0
    reply = await ws_client.request("price", invalid.payload)
    assert ws.names_field(reply["error"]["errors"], invalid.path), invalid.why
    assert_type((malformed.message, malformed.code), tuple[str | bytes, int])
    assert request["method"] == "order"


@few
@given(
    id=ws.ids(),
    channel=ws.channels(max_length=10),
    event=ws.event_names(min_length=1),
    pattern=ws.patterns(),
    value=ws.json_values(),
    other=ws.from_schema({"type": "integer"}),
    faults=ws.faults(points=["publish", "deliver"], effects=["drop"], max_rules=1),
)
def test_names(
    id: str | int,
    channel: str,
    event: str,
    pattern: ws.PatternExample,
    value: object,
    other: int,
    faults: tuple[Spec, ...],
) -> None:
    assert_type((pattern.pattern, pattern.matching, pattern.other), tuple[str, str, str])
    assert all(spec.point in ("publish", "deliver") for spec in faults)


calls = ws.conversations(
    create_app(), path="/shop", methods=["order", "price", "info"], clients=2, max_calls=3
)


@few
@given(conversation=calls)
async def test_conversations(ws_connect: WsConnect, conversation: ws.Conversation) -> None:
    answers = await conversation.play(ws_connect)
    assert_type(answers, list[ws.Answer])
    assert_type([answer.code for answer in answers], list[int | None])


def test_strategies_know_what_they_draw() -> None:
    assert_type(ws.payloads(Order), st.SearchStrategy[dict[str, Any]])
    assert_type(ws.patterns(), st.SearchStrategy[ws.PatternExample])
    assert_type(ws.faults(), st.SearchStrategy[tuple[Spec, ...]])
    assert_type(ws.can_be_invalid(Order), bool)


def test_a_document_of_a_server_elsewhere() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        fuzz.described("nowhere.json", "ws://localhost/shop")
