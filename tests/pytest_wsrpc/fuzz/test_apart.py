"""Cases played in processes of their own, which a handler may hang, end or crash."""

from __future__ import annotations

import io
import os
import signal
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pytest_wsrpc.fuzz import apart
from pytest_wsrpc.fuzz.apart import ServerError, play_apart
from pytest_wsrpc.fuzz.case import Case, Exchange, request
from pytest_wsrpc.fuzz.checks import first_failure
from pytest_wsrpc.fuzz.containing import ProcessEnded
from pytest_wsrpc.fuzz.conversation import Advance, Call, Conversation
from pytest_wsrpc.fuzz.endpoints import Endpoint, endpoints_of
from pytest_wsrpc.fuzz.held import Held
from pytest_wsrpc.fuzz.judging import judge
from pytest_wsrpc.fuzz.play import play
from pytest_wsrpc.fuzz.playing import play_conversation
from pytest_wsrpc.fuzz.record import Record
from pytest_wsrpc.fuzz.serving import Host
from pytest_wsrpc.fuzz.target import Target
from pytest_wsrpc.fuzz.traces import place
from wsrpc import ApiPath, LocalBroker, WsPathMixin


@dataclass
class Nothing:
    pass


class Stream(ApiPath, WsPathMixin):
    async def ws_rpc_fine(self, payload: Nothing) -> int:
        return 1

    async def ws_rpc_crash(self, payload: Nothing) -> int:
        raise LookupError("not there")

    async def ws_rpc_add_up(self, payload: Nothing) -> int:
        return sum(range(10**12))

    async def ws_rpc_end(self, payload: Nothing) -> int:
        os.kill(os.getpid(), signal.SIGKILL)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app)
    return app


@pytest.fixture
def endpoint() -> Endpoint:
    return endpoints_of(create_app())[0]


def on_new_host(case: Case | Conversation, alive: Callable[[], None] = lambda: None) -> Any:
    target = Target("app:create_app", types.ModuleType("app"), "create_app", create_app, Path())
    host = Host(target)
    host.alive = alive
    try:
        played = play if isinstance(case, Case) else play_conversation
        return host.run(played(host, case, "/stream", (), 5.0))  # type: ignore[arg-type]
    finally:
        host.close()


def one(endpoint: Endpoint, name: str) -> Case:
    return request(endpoint, endpoint.methods[name], 1, {})


def exchange_of(endpoint: Endpoint, name: str) -> Exchange:
    played = play_apart(on_new_host, one(endpoint, name), 5.0, quiet=0.5)
    assert isinstance(played, Exchange)
    return played


def test_what_came_back_passes_from_one_process_to_the_other(endpoint: Endpoint) -> None:
    case = one(endpoint, "fine")
    played = play_apart(on_new_host, case, 5.0)
    assert isinstance(played, Exchange)
    assert played.case is case
    assert played.response == 1
    assert '"response":1' in played.transcript.render()
    assert first_failure(played, frozenset(), Path()) is None


def test_the_server_s_exception_is_told_by_its_name_text_and_place(endpoint: Endpoint) -> None:
    played = exchange_of(endpoint, "crash")
    error = played.exception
    assert isinstance(error, ServerError)
    assert type(error).__name__ == "LookupError"
    assert str(error) == "not there"
    assert "test_apart.py" in place(error, Path())
    assert "in ws_rpc_crash" in place(error, Path())


def test_a_conversation_passes_too(endpoint: Endpoint) -> None:
    method = endpoint.methods["fine"]
    conversation = Conversation(
        endpoint, (Call(0, 1, method, {}), Advance(1), Call(1, 1, method, {}))
    )
    record = play_apart(on_new_host, conversation, 5.0)
    assert isinstance(record, Record)
    assert record.conversation is conversation
    assert [call.response for call in record.calls] == [1, 1]
    assert "client 1 > " in record.render()


def test_a_record_is_the_same_on_both_sides(endpoint: Endpoint) -> None:
    conversation = Conversation(endpoint, (Advance(1), Call(0, 1, endpoint.methods["crash"], {})))
    shared = apart._shared(conversation)
    record = on_new_host(conversation)
    dumped = apart._dumped(record, shared)
    loaded = apart._Unpickler(io.BytesIO(dumped), shared).load()
    assert loaded.conversation is conversation
    assert loaded.render() == record.render()
    assert loaded.failures[0].websocket is None
    assert loaded.calls[0].case.method is endpoint.methods["crash"]


def test_a_handler_in_c_code_is_killed_and_reported_with_its_stack(endpoint: Endpoint) -> None:
    failure = first_failure(exchange_of(endpoint, "add_up"), frozenset(), Path())
    assert failure is not None
    assert failure.check == "loop-not-blocked"
    assert "in ws_rpc_add_up: return sum(range(10**12))" in failure.got
    assert failure.exception is not None
    assert "in ws_rpc_add_up" in place(failure.exception, Path())


def test_in_a_conversation_the_call_that_hangs_is_blamed(endpoint: Endpoint) -> None:
    calls = [
        Call(0, number, endpoint.methods[name], {})
        for number, name in enumerate(("add_up", "fine"))
    ]
    conversation = Conversation(endpoint, tuple(calls))
    record = play_apart(on_new_host, conversation, 5.0, quiet=0.5)
    assert isinstance(record, Record)
    assert [call.held is not None for call in record.calls] == [True, False]
    assert '"method":"add_up"' in record.render()


def test_a_handler_that_ends_the_process_is_told(endpoint: Endpoint) -> None:
    failure = first_failure(exchange_of(endpoint, "end"), frozenset(), Path())
    assert failure is not None
    assert failure.check == "no-internal-error"
    assert isinstance(failure.exception, ProcessEnded)
    assert "killed by SIGKILL" in str(failure.exception)
    assert failure.place is None


def test_what_play_itself_raises_is_raised(endpoint: Endpoint) -> None:
    def broken(case: object, alive: object) -> Exchange:
        raise RuntimeError("no application")

    with pytest.raises(ServerError, match="no application"):
        play_apart(broken, one(endpoint, "fine"), 5.0)


def test_a_hold_of_no_method_that_was_called_is_that_of_the_last_call(endpoint: Endpoint) -> None:
    from pytest_wsrpc.fuzz.blocking import blame

    record = on_new_host(Conversation(endpoint, (Call(0, 1, endpoint.methods["fine"], {}),)))
    blame(record, None)
    assert record.calls[0].held is None
    blame(record, Held(1.0, (), True))
    assert record.calls[0].held is not None
    empty = on_new_host(Conversation(endpoint, ()))
    blame(empty, Held(1.0, (), True))


@pytest.mark.parametrize("is_over", [True, False])
def test_a_hold_explains_other_failures_only_where_it_had_to_be_interrupted(
    endpoint: Endpoint, is_over: bool
) -> None:
    calls = [
        Call(0, number, endpoint.methods[name], {}) for number, name in enumerate(("crash", "fine"))
    ]
    record = on_new_host(Conversation(endpoint, tuple(calls)))
    record.calls[1].held = Held(1.0, (), True, is_over)
    found = [failure.check for failure in judge(record, frozenset(), Path())]
    assert found == ["no-internal-error"] * is_over + ["loop-not-blocked"]
