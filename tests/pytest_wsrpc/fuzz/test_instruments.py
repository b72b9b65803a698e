"""What tests take from the fuzzer: what holds the loop, what is left, and checks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from pytest_wsrpc import fuzz
from pytest_wsrpc.fuzz.catalogue import CHECKS
from pytest_wsrpc.fuzz.endpoints import endpoints_of
from pytest_wsrpc.fuzz.phases import Subject
from pytest_wsrpc.fuzz.untyped import is_untyped, reads_payload
from wsrpc import ApiPath, LocalBroker, WsPathMixin


@dataclass
class Sum:
    a: int


class Stream(ApiPath, WsPathMixin):
    async def ws_rpc_add(self, payload: Sum) -> int:
        return payload.a


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app)
    return app


@pytest.fixture
def ws_app() -> web.Application:
    return create_app()


@pytest.fixture(autouse=True)
def own_checks() -> Iterator[None]:
    before = dict(CHECKS)
    yield
    CHECKS.clear()
    CHECKS.update(before)


# The loop


def busy(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def test_a_loop_that_nobody_holds_passes() -> None:
    with fuzz.loop_not_blocked():
        await asyncio.sleep(0.01)


async def test_what_holds_the_loop_is_named() -> None:
    async def hold() -> None:
        busy(0.2)

    with (
        pytest.raises(AssertionError, match=r"held for 0\.\d+ s at (.|\n)* in busy"),
        fuzz.loop_not_blocked(limit=0.05),
    ):
        await asyncio.create_task(hold())


# What is left


async def test_holdings_tell_what_there_is_more_of(ws_app: web.Application) -> None:
    async def waiting() -> None:
        await asyncio.sleep(3600)

    before = fuzz.holdings(ws_app)
    task = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    [(thing, number)] = (fuzz.holdings(ws_app) - before).items()
    assert (thing.kind, number) == ("task", 1)
    task.cancel()
    await asyncio.wait([task])
    assert not fuzz.holdings(ws_app) - before


# Checks


def test_a_check_gets_what_a_test_has_seen(ws_app: web.Application) -> None:
    reply = {"id": 3, "method": "add", "response": "three"}
    exchange = fuzz.exchange_of(ws_app, "/stream", "add", {"a": 1}, reply)
    assert (exchange.method, exchange.payload, exchange.response) == ("add", {"a": 1}, "three")
    with pytest.raises(AssertionError, match="conforms: expected a response of the type int, got"):
        fuzz.verify("conforms", exchange)
    fuzz.verify("well-formed", exchange)
    silent = fuzz.exchange_of(ws_app, "/stream", "add", {"a": 1}, None)
    with pytest.raises(AssertionError, match="one-reply-in-time"):
        fuzz.verify("one-reply-in-time", silent)


def test_a_check_of_a_conversation_gets_calls_and_events(ws_app: web.Application) -> None:
    event = {"channel": "news", "event": "tick", "data": 1}
    record = fuzz.record_of(
        ws_app,
        "/stream",
        [
            (1, "add", {"a": 1}, {"id": 1, "method": "add", "response": 1}),
            (2, "add", {"a": 2}, None),
        ],
        {1: [event, {"id": 9}], 2: []},
    )
    assert [(one.client, one.call, one.response) for one in record.calls] == [
        (1, 0, 1),
        (2, 1, None),
    ]
    assert [message.value for _, message in record.events[1]] == [event]
    assert [one.what for one in record.trace] == ["sent", "answered", "sent", "event"]
    assert record.calls[0].answered == 1
    empty: list[Any] = []
    assert fuzz.record_of(ws_app, "/stream", empty, {}).calls == []


def test_names_that_do_not_exist_are_told(ws_app: web.Application) -> None:
    with pytest.raises(ValueError, match="no endpoint '/strem'; did you mean '/stream'"):
        fuzz.exchange_of(ws_app, "/strem", "add", {}, None)
    with pytest.raises(ValueError, match="/stream has no method 'ad'; did you mean 'add'"):
        fuzz.exchange_of(ws_app, "/stream", "ad", {}, None)
    with pytest.raises(ValueError, match="there is no check 'conform'; did you mean 'conforms'"):
        fuzz.verify("conform", fuzz.exchange_of(ws_app, "/stream", "add", {}, None))


# Payloads without a type


class Loose(ApiPath, WsPathMixin):
    async def ws_rpc_ignores(self, payload):  # type: ignore[no-untyped-def]
        return 1

    async def ws_rpc_reads(self, payload):  # type: ignore[no-untyped-def]
        return payload["a"]

    async def ws_rpc_passes_on(self, payload):  # type: ignore[no-untyped-def]
        return [self, payload]

    async def ws_rpc_in_a_closure(self, payload):  # type: ignore[no-untyped-def]
        return (lambda: payload)()

    async def ws_rpc_typed(self, payload: Sum) -> int:
        return payload.a


def test_only_a_method_that_reads_its_payload_is_to_have_a_type() -> None:
    app = web.Application()
    app.router.add_view("/stream", Loose)
    [endpoint] = endpoints_of(app)
    untyped = {
        name for name, method in endpoint.methods.items() if is_untyped(Subject(endpoint, method))
    }
    assert untyped == {"reads", "passes_on", "in_a_closure"}
    assert not is_untyped(Subject(endpoint))


def test_a_function_that_hides_another_may_read_it() -> None:
    async def any_of_them(*arguments: Any) -> None: ...

    assert reads_payload(any_of_them)
