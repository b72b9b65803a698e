"""The fuzzer's parts on their own, for what no run of the whole comes to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from pytest_wsrpc.fuzz import checks, form, item, leaks, phases, traces
from pytest_wsrpc.fuzz.budget import Budget
from pytest_wsrpc.fuzz.case import Case, Exchange, parse, request, type_refuses
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.failure import CheckFailure
from pytest_wsrpc.fuzz.item import Job, Run
from pytest_wsrpc.fuzz.phases import Phase, Subject
from pytest_wsrpc.fuzz.search import NothingToTry, search
from pytest_wsrpc.fuzz.settings import Settings
from pytest_wsrpc.seeds import Seed
from pytest_wsrpc.transcript import Transcript
from wsrpc import ApiPath, WsPathMixin
from wsrpc.failures import Failure
from wsrpc.rpc import methods_of


@dataclass
class Numbers:
    a: int


@dataclass
class Nothing:
    pass


class View(ApiPath, WsPathMixin):
    async def ws_rpc_add(self, payload: Numbers) -> int:
        return payload.a

    async def ws_rpc_any(self, payload: Any) -> Any: ...

    async def ws_rpc_nothing(self, payload: Nothing) -> Any: ...


METHODS = methods_of(View)
ENDPOINT = Endpoint("/stream", View, METHODS)
CASE = request(ENDPOINT, METHODS["add"], 0, {"a": 1})


def answered(case: Case, *frames: str, **outcome: Any) -> Exchange:
    exchange = Exchange(case, Transcript(), 0.1, **outcome)
    for frame in frames:
        message = parse(frame)
        (exchange.events if message.is_event else exchange.answers).append(message)
    return exchange


def failed(exchange: Exchange) -> CheckFailure | None:
    return checks.first_failure(exchange, frozenset(), Path.cwd())


OK = '{"id": 0, "method": "add", "response": 1}'


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ('{"channel": "a", "event": "b", "data": 1}', None),
        ('{"channel": "a", "event": "b", "data": 1, "offset": 3}', None),
        ('{"channel": "a", "data": 1}', "an event without 'event'"),
        ('{"channel": 1, "event": "b", "data": 1}', "an event whose channel is no string"),
        ('{"channel": "a", "event": null, "data": 1}', "an event whose event is no string"),
        (
            '{"channel": "a", "event": "b", "data": 1, "offset": "3"}',
            "an event whose offset is no integer",
        ),
        (
            '{"channel": "a", "event": "b", "data": 1, "time": 3}',
            "an event with the unknown member 'time'",
        ),
    ],
)
def test_the_form_of_an_event(event: str, fault: str | None) -> None:
    assert form.event_fault(parse(event)) == fault
    failure = failed(answered(CASE, event, OK))
    assert (failure and failure.check) == (fault and "well-formed")


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ('{"code": 7, "message": "no"}', None),
        ('{"code": 7, "message": "no", "errors": {"a": "no"}}', None),
        ('{"code": 7, "message": "no", "errors": []}', "an error whose errors are no object"),
        ('{"code": 7, "message": "no", "data": 1}', "an error with the unknown member 'data'"),
        ('{"code": true, "message": "no"}', "an error whose code is no integer"),
    ],
)
def test_the_form_of_an_error(error: str, fault: str | None) -> None:
    reply = parse('{"id": 0, "method": "add", "error": ' + error + "}")
    assert form.reply_fault(reply, CASE) == fault


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("Traceback (most recent call last):\n ...", "a traceback"),
        ('File "app.py", line 3', "a traceback"),
        ("no such file: /srv/app/data.json", "a file path"),
        (r"no such file: C:\app\data.json", "a file path"),
        ("no such file: '/etc/nonexist/0'", "a file path"),
        ("cannot open /etc/passwd.", "a file path"),
        ("failed: KeyError('password')", "the repr of an exception"),
        ("failed: IndexError()", "the repr of an exception"),
        ("Exception(s) and Warning(1) were seen", None),
        ("and/or, n/a, 24/7, 2024/01/02, /0/1 of 1/2/3", None),
        ("ws://localhost:8080/rooms/seven is full, so is /rooms/seven/left", None),
        ("/payload/0 is wrong, </b></i>", None),
        ("<Order object at 0x7f3a5c>", "the repr of an object"),
        ("<function f at 0x7f3a5c>", "the repr of an object"),
        ("order at 0x7f3a5c", "an address in memory"),
        ("table users is locked", "the text of an exception"),
        ("expected an integer, got a string", None),
        ("see https://example.com/errors/7.html", None),
        ("must match ^[a-z]+$ and be < 5 > 3", None),
    ],
)
def test_what_an_error_gives_away(error: str, kind: str | None) -> None:
    raised = [RuntimeError("table users is locked"), KeyError(1), ValueError("elsewhere")]
    for form_of_it in ({"message": error}, {"errors": {"a": [error]}}, {"errors": {error: 1}}):
        found = leaks.leak_in(form_of_it, "", raised, "/rooms/{id}")
        assert (found and found[0]) == kind
        assert leaks.leak_in(form_of_it, f"{error} stands in the request", raised) is None


def test_the_fields_of_the_payloads_type_are_no_leak() -> None:
    told = '{"id": 0, "method": "add", "error": {"code": 7, "message": "see /payload/a"}}'
    assert failed(answered(CASE, told)) is None
    assert failed(answered(request(ENDPOINT, METHODS["add"], 0, {}), told)) is None
    untyped = request(ENDPOINT, METHODS["any"], 0, {})
    failure = failed(answered(untyped, told.replace("add", "any")))
    assert failure is not None
    assert (failure.check, failure.text) == ("no-leak", "/payload/a")


def test_an_exceptions_text_in_an_error_is_a_leak() -> None:
    told = '{"id": 0, "method": "add", "error": {"code": 7, "message": "table is locked"}}'
    failure = failed(answered(CASE, told, failures=[_outage("table is locked")]))
    assert failure is not None
    assert (failure.check, failure.text) == ("no-leak", "table is locked")


def _outage(text: str) -> Failure:
    return Failure(ConnectionError(text), "hook publish")


def test_a_refusal_of_what_the_type_accepts_is_told_from_the_handlers_own() -> None:
    refusal = '{"id": 0, "method": "add", "error": {"code": -32602, "message": "no"}}'
    assert failed(answered(CASE, refusal)) is None
    by_type = request(ENDPOINT, METHODS["add"], 0, {"a": "x"})
    failure = failed(answered(by_type, refusal))
    assert failure is not None
    assert failure.check == "valid-accepted"
    assert type_refuses(request(ENDPOINT, METHODS["any"], 0, {})) is None


def test_an_internal_error_is_no_missing_refusal() -> None:
    case = replace(CASE, code=-32602, path=("a",), why="a is missing")
    reply = '{"id": 0, "method": "add", "error": {"code": -32603, "message": "Internal error"}}'
    excluded = frozenset({"no-internal-error"})
    assert checks.first_failure(answered(case, reply), excluded, Path.cwd()) is None


def test_failures_are_the_same_by_check_method_and_key() -> None:
    def failure(**changed: Any) -> CheckFailure:
        named = {"check": "conforms", "endpoint": "/", "method": "add", "key": "k", **changed}
        return CheckFailure(**named, expected="x", got=str(changed))

    assert failure() == failure()
    assert len({failure(), failure()}) == 1
    for name in ("check", "endpoint", "method", "key"):
        assert failure() != failure(**{name: "other"})


def test_a_long_traceback_is_cut_in_the_middle(tmp_path: Path) -> None:
    def recurse(depth: int) -> None:
        if depth == 0:
            raise LookupError("deep")
        recurse(depth - 1)

    with pytest.raises(LookupError) as raised:
        recurse(50)
    here = Path(__file__).parent
    text = traces.render(raised.value, here)
    assert "  ... 44 frames more\n" in text
    assert text.startswith("test_parts.py:")
    assert text.endswith("LookupError: deep")
    assert traces.place(raised.value, here).startswith("test_parts.py:")
    assert traces.place(raised.value, tmp_path).startswith(str(here))


def test_an_exception_outside_of_the_application_is_shown_without_frames() -> None:
    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads("{")
    error = without_this_frame(raised.value)
    assert traces.render(error, Path.cwd()) == f"json.decoder.JSONDecodeError: {error}"
    assert "json/decoder.py:" in traces.place(error, Path.cwd())
    with pytest.raises(ZeroDivisionError) as generated:
        exec(compile("1 / 0", "<string>", "exec"))
    assert traces.application_frames(without_this_frame(generated.value)) == []
    assert traces.place(LookupError(), Path.cwd()) == "an unknown place"
    with pytest.raises(ZeroDivisionError) as without_source:
        exec(compile("1 / 0", "generated.py", "exec"))
    text = traces.render(without_this_frame(without_source.value), Path.cwd())
    assert text == "generated.py:1: in <module>\nZeroDivisionError: division by zero"


def without_this_frame(error: BaseException) -> BaseException:
    assert error.__traceback__ is not None
    return error.with_traceback(error.__traceback__.tb_next)


def test_phases_say_where_they_do_not_apply() -> None:
    refuses = next(phase for phase in phases.PHASES if phase.name == "refuses")
    reasons = {
        name: refuses.not_applied(Subject(ENDPOINT, method)) for name, method in METHODS.items()
    }
    assert reasons == {
        "add": None,
        "any": "the payload has no type, so that none is invalid",
        "nothing": "the type of the payload refuses no object",
    }


@hypothesis.given(st.data())
@hypothesis.settings(max_examples=20)
def test_a_method_without_a_type_is_called_with_small_objects(data: st.DataObject) -> None:
    accepts = next(phase for phase in phases.PHASES if phase.name == "accepts")
    case = data.draw(accepts.cases(Subject(ENDPOINT, METHODS["any"])))
    assert isinstance(case.payload, dict)
    assert case.size < 10_000


def test_a_strategy_without_cases_is_told() -> None:
    with pytest.raises(NothingToTry):
        search(
            st.integers().filter(lambda _: False), lambda _: None, name="n", seed=1, max_examples=5
        )


def test_what_a_search_is_not_to_raise_is_raised_on() -> None:
    class Odd(Exception):
        pass

    def attempt(number: int) -> str | None:
        if number > 100:
            raise Odd
        return "small" if number < -100 else None

    with pytest.raises(ExceptionGroup) as raised:
        search(st.integers(), attempt, name="n", seed=1, max_examples=200)
    assert [type(error) for error in raised.value.exceptions] == [Odd]


class FakeHost:
    """Answers as a function says, without a server."""

    held = None

    def run(self, exchange: Any) -> Any:
        return exchange


PlayAs = Callable[[Callable[[Case], Exchange]], Run]


@pytest.fixture
def play_as() -> PlayAs:
    def make(answer: Callable[[Case], Exchange]) -> Run:
        def play(host: object, case: Case, *_: object) -> Any:
            return answer(case)

        cases = st.integers(0, 9).map(lambda a: request(ENDPOINT, METHODS["add"], 0, {"a": a}))
        job = Job(
            "name", "target", Subject(ENDPOINT, METHODS["add"]),
            Phase("accepts", "method", lambda _: cases, play=play), "/stream",
            Settings((), Seed(1, ""), max_examples=10, case_timeout=0.1), Path.cwd(), Budget(),
        )  # fmt: skip
        return Run(job, FakeHost())  # type: ignore[arg-type]

    return make


@pytest.mark.parametrize(("name", "value", "cases"), [("CASES", 3, 3), ("TIME", 0.0, 1)])
def test_silence_is_a_warning_where_nothing_is_answered(
    play_as: PlayAs, monkeypatch: pytest.MonkeyPatch, name: str, value: float, cases: int
) -> None:
    monkeypatch.setattr(item, f"SILENT_{name}", value)
    played = []

    def answer(case: Case) -> Exchange:
        played.append(case)
        return answered(case, silent=True)

    run = play_as(answer)
    assert run.findings() == []
    assert run.tally.warnings == ["no call was answered within 0.1 s: it waits for something"]
    assert len(played) == cases


@pytest.mark.parametrize("again", [True, False])
def test_early_silence_is_looked_at_again(play_as: PlayAs, again: bool) -> None:
    played: list[Case] = []

    def answer(case: Case) -> Exchange:
        first = not played
        played.append(case)
        is_silent = case.payload == played[0].payload and (first or again)
        return answered(case, silent=True) if is_silent else answered(case, OK)

    run = play_as(answer)
    assert len(run.findings()) == again
    assert run.tally.warnings == []


def test_no_case_at_all_is_a_warning(play_as: PlayAs) -> None:
    run = play_as(lambda case: answered(case, OK))
    run._phase = replace(run._phase, cases=lambda _: st.nothing())
    assert run.findings() == []
    assert run.tally.warnings == ["no case could be generated"]
