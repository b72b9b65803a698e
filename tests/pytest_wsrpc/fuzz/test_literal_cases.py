"""Each literal that a method's code compares fields with is tried, whatever the seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

import hypothesis
import pytest
from hypothesis import strategies as st
from msgspec import Meta

from pytest_wsrpc.fuzz import literal_cases as listing
from pytest_wsrpc.fuzz.case import Case
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.literal_cases import literal_cases, payloads_of_several
from pytest_wsrpc.fuzz.phases import Subject, accepts
from pytest_wsrpc.fuzz.rules import Rules
from pytest_wsrpc.fuzz.search import samples
from wsrpc import ApiPath, Limits, Subscribe, WsPathMixin
from wsrpc.rpc import methods_of

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]


@dataclass
class Line:
    article: str
    tags: list[str]


@dataclass
class Order:
    code: Annotated[str, Meta(min_length=4)]
    amount: Annotated[int, Meta(ge=1, le=1000)]
    lines: list[Line]
    note: str = ""


class View(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_order(self, payload: Order) -> bool:
        for line in payload.lines:
            if line.article == "bread" or "sold out" in line.tags:
                return False
        return payload.code == "XK-42" and payload.amount in (77, 5000)

    async def ws_rpc_noted(self, payload: Order) -> bool:
        return payload.note == "gift" and payload.code == 1234

    async def ws_rpc_free(self, payload):  # type: ignore[no-untyped-def]
        return payload.get("mode") == "fast"

    async def ws_rpc_plain(self, payload: Line) -> None: ...


METHODS = methods_of(View)
ENDPOINT = Endpoint("/stream", View, METHODS)


def payloads(name: str, endpoint: Endpoint = ENDPOINT) -> list[Any]:
    return [case.payload for case in literal_cases(endpoint, METHODS[name])]


def test_each_literal_is_listed_where_its_field_accepts_it() -> None:
    listed = payloads("order")
    assert listed[0] == {"code": "XK-42", "amount": 1, "lines": []}
    assert listed[1] == {"code": "0000", "amount": 77, "lines": []}
    assert all(payload["amount"] != 5000 for payload in listed)
    lines = [line for payload in listed for line in payload["lines"]]
    assert "bread" in {line["article"] for line in lines}
    assert any(payload["code"] == "XK-42" and payload["amount"] == 77 for payload in listed)
    assert listed == payloads("order")


def test_a_field_that_may_be_absent_gets_its_literal_too() -> None:
    listed = payloads("noted")
    assert listed[0] == {"code": "1234", "amount": 1, "lines": []}
    assert listed[1] == {"code": "0000", "amount": 1, "lines": [], "note": "gift"}
    assert any(payload.get("note") == "gift" and payload["lines"] for payload in listed)


def test_where_there_is_nothing_to_put_a_literal_into_the_payload_stays() -> None:
    empty = {"line": None, "lines": [], "other": {"lines": [1]}}
    assert listing._put(empty, ("line", "article"), "bread") is empty
    assert listing._put(empty, ("lines", "article"), "bread") is empty
    assert listing._put(empty, ("other", "lines", "article"), "bread") is empty


def test_members_of_an_untyped_payload_get_theirs() -> None:
    assert {"mode": "fast"} in payloads("free")


def test_nothing_is_listed_where_nothing_is_compared() -> None:
    assert payloads("plain") == []
    assert payloads("subscribe") == []


def test_of_a_server_elsewhere_nothing_is_listed() -> None:
    class Remote(Endpoint):
        is_remote = True

    assert payloads("order", Remote("/stream", View, METHODS)) == []


def test_where_no_payload_can_be_drawn_nothing_is_listed() -> None:
    assert payloads("order", guided(lambda field: st.nothing() if field == "code" else None)) == []


def guided(strategy: Callable[[str | None], st.SearchStrategy[Any] | None]) -> Endpoint:
    """Return the endpoint with strategies of a user's hook."""

    class Own:
        def strategy(self, endpoint: str, method: str, field: str | None) -> Any:
            return strategy(field)

    return replace(ENDPOINT, rules=cast(Rules, Own()))


def test_a_users_own_strategy_is_left_alone() -> None:
    own = guided(lambda field: st.just("mine") if field == "code" else None)
    listed = payloads("order", own)
    assert {payload["code"] for payload in listed} == {"mine"}
    assert 77 in {payload["amount"] for payload in listed}
    whole = {"code": "mine", "amount": 1, "lines": []}
    assert payloads("order", guided(lambda field: None if field else st.just(whole))) == []
    assert payloads("free", guided(lambda field: None if field else st.just({}))) == []
    assert payloads("free", guided(lambda field: None))


def test_no_more_are_listed_than_there_is_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST", 2)
    other = replace(ENDPOINT, path="/other")  # what is listed is kept
    assert len(payloads("order", other)) == 2


def test_what_is_over_the_limits_is_not_sent() -> None:
    class Narrow(View):
        limits = Limits(message_size=64)

    listed = accepts.PHASE.listed(
        Subject(Endpoint("/stream", Narrow, METHODS), METHODS["order"]), ()
    )
    assert all(cast(Case, case).size <= 64 for case in listed)
    assert len(listed) < len(payloads("order"))


def test_one_of_several_calls_often_has_a_literal() -> None:
    one = payloads_of_several(ENDPOINT, METHODS["order"])
    rows = samples(st.tuples(one, one, one, one), 50)
    special = payloads("order")
    assert 30 < sum(payload in special for row in rows for payload in row) < 110
    assert rows[0][0] not in special
    plain = samples(payloads_of_several(ENDPOINT, METHODS["plain"]), 20)
    assert plain[0] == {"article": "", "tags": []}


LEAK = """
        keeper = ""

        def heard(self, channel, event, data): ...

        async def ws_rpc_sign_in(self, payload: Numbers) -> Number:
            self.keeper = payload.a == 491223 and "ann"
            return Number(1)

        async def ws_rpc_open(self, payload: Numbers) -> Number:
            if not self.keeper:
                raise RpcError(7, "sign in first")
            self.is_open = True
            return Number(1)

        async def ws_rpc_follow(self, payload: Numbers) -> Number:
            if not getattr(self, "is_open", False):
                raise RpcError(8, "open first")
            await self.channels.register("c", "*", self.heard)
            return Number(1)
        """


def test_what_takes_certain_calls_before_it_is_played_in_rounds_too(
    write_app: WriteApp, fuzz: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_wsrpc.fuzz.item.SHORTENING_TIME", 0.5)
    write_app(LEAK, end="from wsrpc import RpcError\n")
    result = fuzz("-k", "sequence", "--wsrpc-max-examples=40", phases=("sequence",))
    result.stdout.fnmatch_lines(["check: nothing-left"])


HIDDEN = """
        async def ws_rpc_find(self, payload: Numbers) -> Number:
            if payload.a == 123456789:
                return Number(1 // 0)
            return Number(payload.a)
        """


def test_a_bug_behind_a_literal_is_found_and_tried_first_the_next_time(
    write_app: WriteApp, fuzz: Run
) -> None:
    write_app(HIDDEN)
    wanted = ("-k", "find", "--wsrpc-max-examples=24")
    found = fuzz(*wanted, phases=("accepts",))
    found.stdout.fnmatch_lines(["check: no-internal-error"])
    only_replays = hypothesis.settings(phases=[hypothesis.Phase.reuse])
    hypothesis.settings.register_profile("fuzz-tests", only_replays)
    hypothesis.settings.load_profile("fuzz-tests")
    again = fuzz(*wanted, phases=("accepts",))
    again.stdout.fnmatch_lines(["check: no-internal-error"])
