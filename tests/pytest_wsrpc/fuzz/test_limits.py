"""What an item may use, what stays of it in the process, and which needs one of its own."""

from __future__ import annotations

import gc
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from hypothesis import strategies as st

from pytest_wsrpc.fuzz import apart, containing, dangers, growth, interrupt, memory, rescue, target
from pytest_wsrpc.fuzz.budget import CONFIRMING_TIME, EVERY, MOST_MEMORY, Budget
from pytest_wsrpc.fuzz.case import Case, Exchange, request
from pytest_wsrpc.fuzz.child import Ended
from pytest_wsrpc.fuzz.containing import ProcessEnded, contained, let_go
from pytest_wsrpc.fuzz.endpoints import Endpoint, endpoints_of
from pytest_wsrpc.fuzz.interrupt import ignore_late
from pytest_wsrpc.fuzz.isolation import Isolation
from pytest_wsrpc.fuzz.item import Job, Run
from pytest_wsrpc.fuzz.phases import Phase, Subject
from pytest_wsrpc.fuzz.phases.phase import fits
from pytest_wsrpc.fuzz.rescue import LastResort, Unfinished
from pytest_wsrpc.fuzz.serving import Host
from pytest_wsrpc.fuzz.settings import Settings
from pytest_wsrpc.seeds import RANDOM, Seed
from pytest_wsrpc.traces import Place
from wsrpc import ApiPath, LocalBroker, WsPathMixin

Run_ = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]


@dataclass
class Numbers:
    many: list[int]
    one: float
    is_good: bool


class Stream(ApiPath, WsPathMixin):
    async def ws_rpc_fine(self, payload: Numbers) -> int:
        return 1

    async def ws_rpc_end(self, payload: Numbers) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 1


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app)
    return app


@pytest.fixture
def endpoint() -> Endpoint:
    return endpoints_of(create_app())[0]


def make() -> Host:
    return Host(target.of_value(create_app, "the test"))


def settings(**changes: Any) -> Settings:
    return Settings((), Seed(1, "the test"), **changes)


# -- time and memory


def test_an_item_has_a_minute_more_where_it_has_many_cases() -> None:
    assert settings().item_time == 60
    assert settings(max_examples=5).item_time == 60
    assert settings(max_examples=2000).item_time == 1200
    assert settings(max_examples=2000, max_item_time=3).item_time == 3


def test_each_item_ends_in_time(write_app: WriteApp, fuzz: Run_) -> None:
    write_app()
    result = fuzz("--wsrpc-max-item-time=3", "--wsrpc-max-examples=1000000", "-k", "accepts")
    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["warning: *: its time was over after * cases"])


def test_failures_are_made_sure_of_a_little_beyond_the_deadline() -> None:
    now = time.monotonic()
    assert Budget().may_confirm
    assert Budget(now).spent() == "its time was over"
    assert Budget(now).may_confirm
    assert not Budget(now - CONFIRMING_TIME - 1).may_confirm


def test_growth_is_looked_at_from_time_to_time() -> None:
    budget = Budget(memory_before=memory.memory() - MOST_MEMORY - (1 << 30))
    told = [budget.spent() for _ in range(EVERY)]
    assert told[:-1] == [None] * (EVERY - 1)
    assert told[-1] == "it was stopped, as the process had grown by 2.0 GiB,"


@pytest.mark.parametrize(("platform", "factor"), [("darwin", 1), ("freebsd", 1024)])
def test_without_proc_the_peak_tells(
    monkeypatch: pytest.MonkeyPatch, platform: str, factor: int
) -> None:
    monkeypatch.setattr(memory, "_STATM", "/nowhere")
    monkeypatch.setattr(memory.sys, "platform", platform)
    usage = SimpleNamespace(ru_maxrss=7)
    monkeypatch.setattr(memory.resource, "getrusage", lambda _: usage)
    assert memory.memory() == 7 * factor
    with memory.bounded():
        pass


def test_memory_is_known_again_where_the_application_has_closed_what_tells() -> None:
    assert memory._bytes(memory._RESIDENT)
    os.close(memory._open(f"/proc/{os.getpid()}/statm"))
    assert memory._bytes(memory._RESIDENT) is None  # so that the peak tells, this once
    assert memory._bytes(memory._RESIDENT)


def test_what_a_case_asks_for_is_bounded_within_what_others_allow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with memory.bounded():
        within = resource.getrlimit(resource.RLIMIT_DATA)
        assert within[0] != before[0]
        monkeypatch.setattr(memory, "ALLOWANCE", memory.ALLOWANCE + (1 << 30))
        with memory.bounded():
            assert resource.getrlimit(resource.RLIMIT_DATA) == within
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_a_failure_beyond_all_time_is_told_only(endpoint: Endpoint) -> None:
    def play(host: object, case: Case, *_: object) -> Any:
        exchange = Exchange(case, apart.Transcript(), 1.0)
        exchange.close_code = 1011
        job.budget._deadline = time.monotonic() - CONFIRMING_TIME - 1
        return exchange

    cases = st.just(request(endpoint, endpoint.methods["fine"], 0, {}))
    job = Job(
        "name", "target", Subject(endpoint, endpoint.methods["fine"]),
        Phase("accepts", "method", lambda _: cases, play=play), "/stream",
        settings(max_examples=5), Path.cwd(), Budget(time.monotonic() + 60),
    )  # fmt: skip
    run = Run(job, SimpleNamespace(run=lambda played: played, held=None))  # type: ignore[arg-type]
    assert run.findings() == []
    assert run.tally.warnings[0] == "its time was over after 1 cases"
    assert run.tally.warnings[1].startswith("no time was left to make sure of: stays-open")


# -- what is left in the process


def test_blocks_that_overlap_are_contained_until_the_last_one_ends() -> None:
    with contained():
        with contained():
            pass
        with pytest.raises(ProcessEnded, match=r"os\._exit\(3\)"):
            os._exit(3)
    assert os._exit is containing._exit


def test_a_process_that_was_waited_for_is_let_go() -> None:
    with contained():
        waited, left = os.fork(), os.fork()
        if 0 in (waited, left):  # pragma: no cover - in processes that are not measured
            containing._exit(0)
        os.waitpid(waited, 0)
    let_go()
    for pid in (waited, left):
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def test_a_thread_is_started_once_and_let_go_at_its_end() -> None:
    with contained():
        thread = threading.Thread(target=lambda: None)
        thread.start()
        with pytest.raises(RuntimeError):
            thread.start()
    thread.join()
    assert thread.daemon
    let_go()


def test_the_watch_of_a_fixture_s_loop_ends_with_its_item(
    write_app: WriteApp, pytester: pytest.Pytester, fuzz: Run_
) -> None:
    write_app()
    pytester.makeconftest(
        "import pytest\nfrom myapp import create_app\n"
        "@pytest.fixture\ndef ws_app():\n    return create_app()\n"
    )
    fuzz("--wsrpc-max-examples=3", target="fixture:ws_app").assert_outcomes(passed=3)
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)
    assert signal.getsignal(signal.SIGURG) in (signal.SIG_DFL, ignore_late)


def test_an_alarm_that_nobody_stopped_is_stopped_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = signal.signal(interrupt.ALARM, ignore_late)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, 1000)
        interrupt._disarm()
        assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)
        signal.signal(interrupt.ALARM, lambda *_: None)
        signal.setitimer(signal.ITIMER_VIRTUAL, 1000)
        interrupt._disarm()
        assert signal.getitimer(signal.ITIMER_VIRTUAL)[0] > 0
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(interrupt.ALARM, before)


def test_a_host_that_never_ran_has_nothing_to_leave() -> None:
    host = make()
    host._leave()
    host.close()


def test_a_message_has_to_be_within_the_limits(endpoint: Endpoint) -> None:
    payload: dict[str, Any] = {"many": [1], "one": 1.5, "is_good": True}
    most = endpoint.view.limits.message_size
    assert fits(request(endpoint, endpoint.methods["fine"], 1, payload))
    assert not fits(request(endpoint, endpoint.methods["fine"], 1, {**payload, "x": "x" * most}))


@pytest.mark.slow
def test_what_was_there_before_an_item_is_no_part_of_its_collections(
    write_app: WriteApp, fuzz: Run_, monkeypatch: pytest.MonkeyPatch
) -> None:
    gc.unfreeze()  # what this suite does itself
    monkeypatch.setattr(growth, "_blocks", 0)
    hook = "\nasync def on_connect(self):\n    assert gc.get_freeze_count() > 0\n"
    write_app(hook, end="\nimport gc\n")
    fuzz("-k", "accepts", "--wsrpc-max-examples=3").assert_outcomes(passed=1, deselected=2)
    assert gc.get_freeze_count() == 0


# -- processes of their own


def test_methods_are_tried_with_numbers_that_are_huge(endpoint: Endpoint) -> None:
    payloads = [case.payload or {} for case in dangers.cases_of(endpoint, "fine", 1)]
    huge = payloads[-len(dangers.HUGE) :]
    assert [payload["one"] for payload in huge] == list(dangers.HUGE)
    assert all(isinstance(payload["is_good"], bool) for payload in huge)
    filled = {"many": [1, 2], "one": 1.5, "is_good": True}
    assert dangers._with_numbers(filled, 7) == {"many": [7, 7], "one": 7, "is_good": True}


def test_a_method_without_a_case_is_not_tried(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Phase("accepts", "method", lambda _: st.nothing())
    monkeypatch.setattr(dangers.accepts, "PHASE", nothing)
    assert dangers.cases_of(endpoint, "fine", 1) == []


def test_a_method_that_ends_the_process_is_found(endpoint: Endpoint) -> None:
    assert dangers.dangers(make, endpoint, "/stream", settings()) == {
        "end": "the process was killed by SIGKILL"
    }


def test_where_a_copy_of_the_process_does_not_work_nothing_is_known(endpoint: Endpoint) -> None:
    def broken() -> Host:  # pragma: no cover - in a process that is not measured
        os.kill(os.getpid(), signal.SIGKILL)
        return make()

    assert dangers.dangers(broken, endpoint, "/stream", settings()) == {}


@pytest.fixture
def isolated(pytestconfig: pytest.Config, endpoint: Endpoint) -> Any:
    """Return how an item would be run whose process has ended before."""
    made = Isolation(pytestconfig)

    def how(*, is_factory: bool = True, method: str | None = None, origin: str = RANDOM) -> Any:
        subject = Subject(endpoint, endpoint.methods[method] if method else None)
        item: Any = SimpleNamespace(
            target=SimpleNamespace(is_factory=is_factory, spec="app"),
            applications=None,
            subject=subject,
        )
        own = Settings((), Seed(1, origin))
        return made.of(item, own, make, "/stream", unfinished=7)

    yield how
    made.close()


def test_an_item_that_ended_its_process_is_run_apart_with_the_same_seed(isolated: Any) -> None:
    how = isolated(method="fine")
    assert how.is_apart
    assert how.settings.seed.value == 7
    assert "seed 7" in how.warnings[0]
    assert isolated(method="fine", origin="--wsrpc-seed").settings.seed.value == 1


def test_what_is_of_several_methods_leaves_out_those_that_end_the_process(isolated: Any) -> None:
    how = isolated()
    assert list(how.subject.endpoint.methods) == ["fine"]
    assert how.warnings[1] == (
        "not called here, only in their own items: end (the process was killed by SIGKILL)"
    )


def test_an_application_as_such_stays_in_this_process(isolated: Any) -> None:
    how = isolated(is_factory=False)
    assert not how.is_apart
    assert how.warnings == ()


def test_without_a_cache_nothing_is_noted() -> None:
    config: Any = SimpleNamespace(cache=None)
    with Unfinished(config).noted("item", 1) as before:
        assert before is None


def test_an_item_that_did_not_end_is_known_with_its_seed(pytester: pytest.Pytester) -> None:
    unfinished = Unfinished(pytester.parseconfigure())
    noted = unfinished.noted("item", 1)
    noted.__enter__()  # and no exit: the process has ended
    with unfinished.noted("item", 2) as before:
        assert before == 1
    with unfinished.noted("item", 3) as before:
        assert before is None


def test_without_a_standard_error_there_is_no_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescue.sys, "__stderr__", None)
    last = LastResort()
    with last.armed():
        last.put_off()
    last.close()


def test_a_case_that_takes_too_long_in_its_process_is_not_answered(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(case: object, alive: Callable[[], None]) -> Any:  # pragma: no cover - in a child
        while True:
            alive()
            time.sleep(0.01)

    monkeypatch.setattr(apart, "LIMIT", 0.2)
    case = request(endpoint, endpoint.methods["fine"], 1, {})
    played = apart.play_apart(slow, case, 5.0)
    assert isinstance(played, Exchange)
    assert played.silent


@pytest.mark.parametrize(
    ("how", "doing", "seconds", "found"),
    [
        ("hung", "fine", 1.0, {"fine": "it never returns"}),
        ("hung", "fine", 0.0, {}),
        ("over", "fine", 1.0, {}),
        ("died", "", 1.0, {}),
        ("hung", "", 0.0, {}),
    ],
)
def test_a_child_that_waits_for_what_is_gone_tells_nothing_of_a_method(
    endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
    how: Any,
    doing: str,
    seconds: float,
    found: dict[str, str],
) -> None:
    endings = iter([Ended(how, doing=doing, seconds=seconds), Ended("returned", doing="end")])
    monkeypatch.setattr(dangers, "run_in_child", lambda *_, **__: next(endings))
    assert dangers.dangers(make, endpoint, "/stream", settings()) == found


def test_an_application_that_cannot_be_interrupted_at_its_start_is_told(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place("app.py", 3, "hook")
    ended: Ended[None] = Ended("hung", seconds=1.0, stack=(place,))
    monkeypatch.setattr(dangers, "run_in_child", lambda *_, **__: ended)
    with pytest.raises(dangers.StartHangs, match=r"it never returns from app\.py:3 in hook"):
        dangers.dangers(make, endpoint, "/stream", settings())
