"""Payloads of a method, and those with something wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import Phase as Stage
from msgspec import Meta

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.fuzz.case import Case
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.phases import Phase, Subject, accepts, refuses
from pytest_wsrpc.fuzz.pool import invalid_payloads, payloads
from wsrpc import ApiPath, Limits, Publish, Subscribe, WsPathMixin
from wsrpc.protocol import decode
from wsrpc.rpc import methods_of

QUICK = settings(
    max_examples=100, database=None, deadline=None, phases=[Stage.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
SHRINK = settings(QUICK, max_examples=2000, phases=[Stage.generate, Stage.shrink])


@dataclass
class Cancel:
    order_id: Annotated[int, Meta(ge=1)]
    reason: str = ""


class View(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_cancel_order(self, payload: Cancel) -> bool:
        return payload.reason == "because"


METHODS = methods_of(View)
ENDPOINT = Endpoint("/stream", View, METHODS)


def test_channels_of_the_builtin_methods_are_mostly_usual_ones() -> None:
    drawn = []

    @QUICK
    @given(payloads(ENDPOINT, METHODS["subscribe"]))
    def look(payload: dict[str, Any]) -> None:
        drawn.append(payload["channel"])

    look()
    usual = [channel for channel in drawn if channel and channel == channel.lower()]
    assert len(usual) > len(drawn) * 0.7
    plain = find(payloads(ENDPOINT, METHODS["publish"]), lambda payload: True, settings=SHRINK)
    assert {*plain} == {"channel", "data"}


def test_invalid_payloads_are_those_of_the_methods_type() -> None:
    invalid = find(
        invalid_payloads(ENDPOINT, METHODS["cancel_order"]),
        lambda invalid: invalid.payload.get("reason") == "because",
        settings=SHRINK,
    )
    assert isinstance(invalid, ws.Invalid)
    assert invalid.why.startswith("violates ")


def test_what_the_code_compares_with_is_tried() -> None:
    found = find(
        payloads(ENDPOINT, METHODS["cancel_order"]),
        lambda payload: payload.get("reason") == "because",
        settings=SHRINK,
    )
    assert found == {"order_id": 1, "reason": "because"}


@dataclass
class Deep:
    data: Any
    text: str = ""


class Flat(ApiPath, WsPathMixin):
    limits = Limits(depth=5, message_size=1000)

    async def ws_rpc_store(self, payload: Deep) -> None: ...


@pytest.mark.parametrize("phase", [accepts.PHASE, refuses.PHASE])
def test_cases_stay_within_the_limits_of_their_view(phase: Phase) -> None:
    methods = methods_of(Flat)
    cases = phase.cases(Subject(Endpoint("/stream", Flat, methods), methods["store"]))

    @QUICK
    @given(cases)
    def check(case: Case) -> None:
        decode(case.frame, depth=5)
        assert case.size <= 1000

    check()
