"""Overlapping calls against the same calls one after another."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec import Struct

from pytest_wsrpc import faults
from pytest_wsrpc.fuzz import sameness, serial, target
from pytest_wsrpc.fuzz.conversation import (
    Advance,
    Call,
    Connect,
    Conversation,
    Disconnect,
    Fault,
    Heal,
    Like,
    Ref,
    Settle,
    Step,
    Together,
)
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.failure import CheckFailure
from pytest_wsrpc.fuzz.judging import judge
from pytest_wsrpc.fuzz.orders import one_after_another, orders, overlapping
from pytest_wsrpc.fuzz.playing import play_conversation
from pytest_wsrpc.fuzz.record import Record
from pytest_wsrpc.fuzz.serial import play_against_orders
from pytest_wsrpc.fuzz.serving import Host
from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin
from wsrpc.rpc import methods_of

BUSY = 7


class Amount(Struct):
    value: int = 1


class Which(Struct):
    id: str


class State:
    def __init__(self) -> None:
        self.total = 0
        self.items: dict[str, int] = {}
        self.is_busy = False
        self.screen: Any = None
        self.screens: list[Any] = []
        self.last_id = ""
        self.change = asyncio.Event()
        self.partner: asyncio.Future[str] | None = None


STATE = web.AppKey("state", State)
RUNS = itertools.count()
IDS = itertools.count(1)


class View(ApiPath, WsPathMixin):
    """An account that loses updates, and what overlaps without harm."""

    @property
    def state(self) -> State:
        return self.request.app[STATE]

    async def on_connect(self) -> None:
        self.state.screen = self
        self.state.screens.append(self)

    async def ws_rpc_add(self, payload: Amount) -> int:
        total = self.state.total + payload.value
        await asyncio.sleep(0.01)
        self.state.total = total
        return total

    async def ws_rpc_put(self, payload: Amount) -> None:
        total = self.state.total + payload.value
        await asyncio.sleep(0.01)
        self.state.total = total

    async def ws_rpc_total(self, payload: Any) -> int:
        return self.state.total

    async def ws_rpc_create(self, payload: Amount) -> dict[str, Any]:
        id = str(uuid.uuid4())
        self.state.items[id] = payload.value
        await asyncio.sleep(0.001 * payload.value)
        return {"id": id, "made": time.perf_counter_ns(), "items": dict(self.state.items)}

    async def ws_rpc_create_wrongly(self, payload: Amount) -> dict[str, list[str]]:
        self.state.last_id = str(uuid.uuid4())
        await asyncio.sleep(0.01)
        return {"ids": [self.state.last_id]}

    async def ws_rpc_note(self, payload: Amount) -> dict[str, Any]:
        total = self.state.total + payload.value
        await asyncio.sleep(0.01)
        self.state.total = total
        return {"key": str(uuid.uuid4()), "total": total, "all": [{"key": str(uuid.uuid4())}]}

    async def ws_rpc_remove(self, payload: Which) -> int:
        return self.state.items.pop(payload.id, 0)

    async def ws_rpc_work(self, payload: Amount) -> int:
        if self.state.is_busy:
            raise RpcError(BUSY, "busy")
        self.state.is_busy = True
        await asyncio.sleep(0.01)
        self.state.is_busy = False
        self.state.total += payload.value
        return self.state.total

    async def ws_rpc_status(self, payload: Any) -> dict[str, bool]:
        return {"is_busy": self.state.is_busy}

    async def ws_rpc_state(self, payload: Any) -> str:
        return "busy" if self.state.is_busy else "free"

    async def ws_rpc_refuse(self, payload: Amount) -> int:
        total, self.state.total = self.state.total, self.state.total + payload.value
        await asyncio.sleep(0.01)
        if self.state.total != total + payload.value:
            raise RpcError(BUSY, "busy", {"value": "now"})
        return total

    async def ws_rpc_throw(self, payload: Any) -> int:
        return random.randint(1, 2)

    async def ws_rpc_count(self, payload: Any) -> int:
        return next(RUNS)

    async def ws_rpc_when(self, payload: Any) -> float:
        await asyncio.sleep(0.01)
        return asyncio.get_running_loop().time() // 0.015

    async def ws_rpc_next(self, payload: Amount) -> int | None:
        """Wait for the next total, as a long poll does."""
        try:
            async with asyncio.timeout(payload.value):
                await self.state.change.wait()
        except TimeoutError:
            return None
        return self.state.total

    async def ws_rpc_change(self, payload: Amount) -> int:
        self.state.total += payload.value
        self.state.change.set()
        self.state.change = asyncio.Event()
        return self.state.total

    async def ws_rpc_meet(self, payload: Amount) -> str | None:
        """Wait for another one who calls it."""
        partner, self.state.partner = self.state.partner, None
        if partner is not None and not partner.done():
            partner.set_result("first")
            return "second"
        self.state.partner = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(payload.value):
                return await self.state.partner
        except TimeoutError:
            return None

    async def ws_rpc_token(self, payload: Any) -> str:
        return str(uuid.uuid4())

    async def ws_rpc_leave(self, payload: Any) -> None:
        await self.close()

    async def ws_rpc_show(self, payload: Amount) -> None:
        await self.state.screen.send_event("screen", "value", payload.value)

    async def ws_rpc_show_all(self, payload: Amount) -> None:
        for screen in self.state.screens:
            await screen.send_event("screen", "value", payload.value)

    async def ws_rpc_show_others(self, payload: Amount) -> None:
        for screen in self.state.screens:
            if screen is not self:
                await screen.send_event("screen", "value", payload.value)


METHODS = methods_of(View)
ENDPOINT = Endpoint("/stream", View, METHODS)


def create_app() -> web.Application:
    app = web.Application()
    app[STATE] = State()
    app.router.add_view("/stream", View)
    LocalBroker.for_app(app)
    return app


Play = Callable[..., Record]


@pytest.fixture
def play() -> Iterator[Play]:
    global IDS
    IDS = itertools.count(1)
    host = Host(target.of_value(create_app, "the test"))

    def played(*steps: Step) -> Record:
        conversation = Conversation(ENDPOINT, steps)
        return host.run(play_against_orders(host, conversation, "/stream", (), 5.0))

    yield played
    host.close()


def call(method: str, client: int = 1, *, wait: bool = True, **payload: Any) -> Call:
    return Call(client, next(IDS), METHODS[method], payload, wait=wait)


def failures(record: Record) -> list[CheckFailure]:
    return judge(record, frozenset(), Path.cwd())


def checks(record: Record) -> list[tuple[str, str | None]]:
    return [(failure.check, failure.method) for failure in failures(record)]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"error": {"code": 4, "errors": None}}, "the error 4"),
        ({"error": {"code": 4, "errors": {"a": "no"}}}, "the error 4 {'a': 'no'}"),
        ({"response": [1]}, "[1]"),
        (5, "5"),
    ],
)
def test_an_answer_is_shown_without_the_words_around_it(value: object, shown: str) -> None:
    assert serial._shown(value) == shown


def test_a_lost_update_is_explained_by_no_order(play: Play) -> None:
    record = play(Together((call("add", value=2), call("add", 2, value=3))))
    (failure,) = failures(record)
    assert (failure.check, failure.method, failure.call) == ("serial", "add", 1)
    assert failure.expected == (
        "the answers that these calls give one after another, in some order; the nearest is "
        "add (id 1, client 1), then add (id 2, client 2): there response of the answer to "
        "add (id 2, client 2) is 5"
    )
    assert failure.got == "response of the answer to add (id 2, client 2) is 3"
    assert failure.test[-5:] == (
        "answers = (answer(reply_0), answer(reply_1))",
        "assert answers in [",
        "    (2, 5),",
        "    (5, 3),",
        "]",
    )


def test_what_is_known_to_be_stable_is_not_learnt_again(play: Play) -> None:
    lost = Together((call("add", value=2), call("add", value=3)))
    for _ in range(sameness._LOOKS + 1):
        assert checks(play(lost)) == [("serial", "add")]


def test_calls_after_the_overlap_show_what_the_answers_hide(play: Play) -> None:
    lost = (call("put", value=2), call("put", value=3))
    assert checks(play(Together(lost))) == []
    (failure,) = failures(play(Together(lost), call("total")))
    assert failure.method == "total"
    assert failure.test[-4:] == (
        "answers = (answer(reply_0), answer(reply_1), answer(reply_2))",
        "assert answers in [",
        "    (None, None, 5),",
        "]",
    )


def test_calls_that_do_not_overlap_are_all_right(play: Play) -> None:
    assert checks(play(call("add"), call("add", 2))) == []
    assert checks(play(Together((call("add"),)))) == []


def test_an_overlap_is_brought_about_by_time_and_by_faults(play: Play) -> None:
    late = faults.parse("call:latency=5ms,nth=1")[0]
    record = play(
        Connect(1),
        Advance(1),
        Fault(late),
        call("add", wait=False),
        Advance(0.004),
        call("add", wait=False),
        Settle(),
        Heal(),
        Advance(1),
        call("total"),
    )
    assert checks(record) == [("serial", "add")]
    serial, numbers = one_after_another(record, (1, 0))
    assert [type(step).__name__ for step in serial.steps] == [
        "Connect",
        "Advance",
        "Call",
        "Call",
        "Advance",
        "Call",
    ]
    assert numbers == {1: 0, 0: 1, 2: 2}
    paused, _ = one_after_another(record, (1, 0), 2.0)
    assert paused.steps.count(Advance(2.0)) == 2


def test_orders_that_mostly_explain_come_first(play: Play) -> None:
    record = play(
        call("create", value=9, wait=False),
        call("create", value=3, wait=False),
        call("create", value=6, wait=False),
    )
    found = list(orders(record, overlapping(record.conversation)))
    assert found[:2] == [(0, 1, 2), (1, 2, 0)]
    assert sorted(found) == sorted(itertools.permutations(range(3)))


def test_generated_ids_may_be_others_and_times_are_left_out(play: Play) -> None:
    record = play(
        call("create", value=2),
        Together((call("create", value=9), call("create", 2, value=3))),
        call("remove", id=Like("id", "x")),
    )
    # the list of the one that answers last has the other one, which no order gives
    assert checks(record) == [("serial", "create")]
    assert record.extra["notes"] == (
        "serial: create: made: differs from run to run without any overlap",
    )


def test_ids_that_stand_for_each_other_are_no_difference(play: Play) -> None:
    assert checks(play(Together((call("token"), call("token", 2))))) == []


def test_an_id_in_the_place_of_another_one_is_found(play: Play) -> None:
    (failure,) = failures(play(Together((call("create_wrongly"), call("create_wrongly", 2)))))
    assert failure.test == (
        "assert reply_0['response']['ids'][0] != reply_1['response']['ids'][0]",
    )


def test_a_test_leaves_out_what_differs_from_run_to_run(play: Play) -> None:
    (failure,) = failures(play(Together((call("note"), call("note", 2)))))
    assert failure.test[:2] == ("", "unstable = {('note', 'all', '*', 'key'), ('note', 'key')}")
    assert '    return stable(reply["response"], reply["method"])' in failure.test
    assert failure.test[-3:] == (
        "    ({'key': None, 'total': 1, 'all': [{'key': None}]}, "
        "{'key': None, 'total': 2, 'all': [{'key': None}]}),",
        "    ({'key': None, 'total': 2, 'all': [{'key': None}]}, "
        "{'key': None, 'total': 1, 'all': [{'key': None}]}),",
        "]",
    )


def test_a_call_takes_the_value_it_had_in_whatever_order(play: Play) -> None:
    made = call("create", value=1, wait=False)
    record = play(made, Advance(0.1), call("remove", wait=False, id=Like("id", "x")), Settle())
    assert checks(record) == []
    conversation, numbers = one_after_another(record, (1, 0))
    assert repr(conversation.calls[0].payload) == "{'id': response -1['id']}"
    assert numbers == {1: 0, 0: 1}


def test_a_call_that_an_order_leaves_out_has_no_answer_there(play: Play) -> None:
    record = play(
        call("create", value=1, wait=False),
        Advance(0.1),
        call("remove", wait=False, id=Like("id", "x")),
        call("add", wait=False),
        call("add", wait=False),
        Settle(),
        call("remove", id=Ref(0, ("missing",))),
    )
    (failure,) = failures(record)
    assert failure.method == "add"
    assert any("None, " in line for line in failure.test)


def test_a_refusal_under_overlap_is_no_wrong_answer(play: Play) -> None:
    both = (call("work", value=2), call("work", 2, value=3))
    assert checks(play(Together(both), call("total"))) == []
    # a refusal that has left something behind is one
    both = (call("refuse", value=2), call("refuse", 2, value=3))
    (failure,) = failures(play(Together(both), call("total")))
    assert "    (0, 2)," in failure.test


def test_refusals_are_left_out_before_all_orders_are_tried(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = []

    async def counting(host: Host, case: Conversation, *how: Any) -> Record:
        played.append(case)
        return await play_conversation(host, case, *how)

    monkeypatch.setattr(serial, "play_conversation", counting)
    calls = tuple(call("work", client, value=client) for client in (1, 2, 3, 4))
    assert checks(play(Together(calls), call("total"))) == []
    assert len(played) < 24  # orders of all four


def test_a_reader_may_see_that_work_is_under_way(play: Play) -> None:
    for reader in ("status", "state"):
        assert checks(play(Together((call("work"), call(reader, 2))))) == []


@pytest.mark.slow
def test_what_chance_or_time_decides_is_left_out(play: Play) -> None:
    for method in ("throw", "count", "when"):
        for _ in range(20):
            record = play(Together(tuple(call(method, client) for client in (1, 2, 3))))
            assert checks(record) == []
    assert record.extra["notes"][0] == (
        "serial: count: its answers: differs from run to run without any overlap"
    )


def test_what_has_ended_or_has_no_answer_is_for_other_checks(play: Play) -> None:
    record = play(Together((call("leave"), call("add"), call("add", 2))))
    assert checks(record) == []
    assert "serial" not in record.extra


def test_an_event_that_goes_to_who_connected_last_is_found(play: Play) -> None:
    record = play(
        Connect(1),
        Connect(2),
        Together((call("show", value=5), call("total", 2))),
        call("total"),
        Disconnect(2),
    )
    (failure,) = failures(record)
    assert (failure.check, failure.got) == (
        "right-connection",
        "the event on that of client 2, which has only connected",
    )
    assert failure.test == (
        "assert {'channel': 'screen', 'event': 'value', 'data': 5} in client_1.unread",
    )


@pytest.mark.parametrize("method", ["show_all", "show_others"])
def test_events_for_others_are_all_right(play: Play, method: str) -> None:
    both = Together((call(method, value=5), call(method, 2, value=6)))
    assert checks(play(Connect(1), Connect(2), Connect(3), Fault(SLOW), both, Heal())) == []


SLOW = faults.parse("publish:latency=1ms")[0]


def test_a_call_that_waits_for_what_others_do_is_no_contradiction(play: Play) -> None:
    both = (call("next", value=3), call("change", 2, value=5))
    record = play(Together(both), call("add", value=1))
    assert [exchange.response for exchange in record.calls] == [5, 5, 6]
    assert checks(record) == []


def test_what_is_taken_from_a_call_that_waits_is_no_contradiction(play: Play) -> None:
    both = (call("next", value=3), call("change", 2, value=5))
    record = play(Together(both), call("add", value=Ref(0, ())))
    assert [exchange.response for exchange in record.calls] == [5, 5, 10]
    assert checks(record) == []


def test_calls_that_wait_for_each_other_are_no_contradiction(play: Play) -> None:
    record = play(Together((call("meet", value=3), call("meet", 2, value=9))))
    assert [exchange.response for exchange in record.calls] == ["first", "second"]
    assert checks(record) == []


def test_beside_a_call_that_waits_the_others_are_compared(play: Play) -> None:
    several = (call("next", value=3), call("add"), call("add", 2), call("change", 3, value=5))
    assert [name for name, _ in checks(play(Together(several)))] == ["serial"]


def test_answers_that_came_late_are_not_compared(play: Play) -> None:
    record = play(call("next", value=20), Together((call("add"), call("add", 2))))
    assert record.calls[0].silent
    assert "serial" not in checks(record)
