"""Applications that keep a run from ending: none takes longer than its limits."""

from __future__ import annotations

import os
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]

IMPORTS = "import asyncio, os, queue, re, signal, sys, threading, time\n"
ACCEPTS = ("-k", "bad and accepts", "--wsrpc-max-examples=10")

LIMIT = 60.0
"""Seconds on a machine that is busy with other things."""


@pytest.fixture(autouse=True)
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, seconds in {
        "item.SHRINKING_TIME": 1.0,
        "item.HELD_TIME": 0.5,
        "apart.QUIET": 1.0,
        "child.QUIET": 2.0,
        "endpoints.MAKING": 1.0,
    }.items():
        monkeypatch.setattr(f"pytest_wsrpc.fuzz.{name}", seconds)
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < LIMIT


def method(code: str) -> str:
    body = textwrap.indent(textwrap.dedent(code).strip("\n"), "    ")
    return (
        f"async def ws_rpc_bad(self, payload: Numbers) -> Number:\n{body}\n    return Number(1)\n"
    )


def slow_but(all_of_them: dict[str, str], *quick: str) -> list[Any]:
    """Return the names as parameters, of which all but a few are slow."""
    return [
        pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in all_of_them
    ]


BLOCKING = {
    "for a moment": "time.sleep(0.35)",
    "for ever": "time.sleep(1000)",
    "in a loop": "while True: pass",
    "in a loop that catches everything": """
        while True:
            try:
                time.sleep(1)
            except BaseException:
                pass
    """,
    "in a regular expression": "re.match(r'(a+)+$', 40 * 'a' + 'b')",
    "at a lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
}


@pytest.mark.slow
@pytest.mark.parametrize("how", slow_but(BLOCKING, "for a moment", "in a loop"))
def test_a_handler_that_blocks_the_loop_is_found_with_its_stack(
    write_app: WriteApp, fuzz: Run, how: str
) -> None:
    write_app(method(BLOCKING[how]), end=IMPORTS)
    result = fuzz(*ACCEPTS)
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(
        [
            "check: loop-not-blocked",
            "expected: handlers that give the event loop back within 0.25 s",
            "got: held *",
            "*myapp.py:*: in ws_rpc_bad",
        ]
    )


ODD = {
    "swallows cancellation": """
        while True:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                pass
    """,
    "never answers": "await asyncio.Event().wait()",
    "polls for ever": "while True: await asyncio.sleep(0)",
    "floods for ever": """
        while True:
            await self.send_event('a', 'b', 1)
            await asyncio.sleep(0)
    """,
    "sends more than a client takes": """
        for n in range(20_000):
            await self.send_event('a', 'b', n)
        await asyncio.Event().wait()
    """,
    "starts threads that never end": """
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        await asyncio.Event().wait()
    """,
    "waits for a thread that never ends": "await asyncio.to_thread(threading.Event().wait)",
}


@pytest.mark.parametrize(
    "how", slow_but(ODD, "floods for ever", "waits for a thread that never ends")
)
def test_a_handler_that_never_answers_ends_its_item(
    write_app: WriteApp, fuzz: Run, how: str
) -> None:
    write_app(method(ODD[how]), end=IMPORTS)
    result = fuzz(*ACCEPTS, "--wsrpc-case-timeout=0.3")
    if "passed" in result.parseoutcomes():
        result.stdout.fnmatch_lines(["warning: /stream bad, accepts: *"])
    else:
        result.stdout.fnmatch_lines(["check: *"])


FAILING = {
    "closes": ("await self.close(1011)", "check: stays-open"),
    "raises what ends a process": ("raise SystemExit(3)", "check: no-internal-error"),
    "raises it in a task": (
        "async def leave(): sys.exit(3)\n"
        "task = asyncio.create_task(leave()); await asyncio.sleep(1)",
        "*ProcessEnded: SystemExit(3) ends the process",
    ),
    "ends the process": ("os._exit(0)", "*ProcessEnded: os._exit(0) ends the process"),
    "aborts the process": ("os.abort()", "*ProcessEnded: os.abort() ends the process"),
    "asks for too much memory": ("b'x' * (1 << 40)", "*MemoryError"),
}


@pytest.mark.parametrize("how", FAILING)
def test_a_handler_that_ends_its_connection_is_found(
    write_app: WriteApp, fuzz: Run, how: str
) -> None:
    code, line = FAILING[how]
    write_app(method(code), end=IMPORTS)
    result = fuzz(*ACCEPTS)
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines([line])


@pytest.mark.parametrize(
    ("hook", "code"),
    [
        ("on_startup", "raise RuntimeError('no database')"),
        ("on_cleanup", "raise RuntimeError('no database')"),
        ("on_startup", "time.sleep(1000)"),
        ("on_cleanup", "time.sleep(1000)"),
    ],
)
def test_an_application_that_fails_to_start_or_to_end_is_shown(
    write_app: WriteApp, fuzz: Run, hook: str, code: str
) -> None:
    write_app(
        end=f"""
{IMPORTS}
make = create_app

async def hook(app):
    {code}

def create_app():
    app = make()
    app.{hook}.append(hook)
    return app
"""
    )
    result = fuzz("-k", "add and accepts")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines([f"*{code}*"])


@pytest.mark.slow
def test_making_an_application_may_not_take_for_ever(write_app: WriteApp, fuzz: Run) -> None:
    write_app(end=f"{IMPORTS}\ndef create_app():\n    time.sleep(1000)\n")
    result = fuzz()
    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(["*LoopHeld: *time.sleep(1000)*"])


def test_what_c_code_does_is_seen_in_a_process_of_its_own(write_app: WriteApp, fuzz: Run) -> None:
    methods = method("sum(range(10**12))") + method("os.kill(os.getpid(), signal.SIGKILL)").replace(
        "bad", "worse"
    )
    write_app(methods, end=IMPORTS)
    result = fuzz(
        "-k", "accepts or sequence", "--wsrpc-max-examples=5", phases=("accepts", "sequence")
    )
    assert result.parseoutcomes() == {"passed": 2, "failed": 2}
    result.stdout.fnmatch_lines(
        [
            "/stream bad: accepts",
            "check: loop-not-blocked",
            "got: held until it was interrupted after * s at myapp.py:*: sum(range(10*12))",
            "/stream worse: accepts",
            "check: no-internal-error",
            "*ProcessEnded: the process was killed by SIGKILL",
            "warning: /stream, sequence: not called here, only in their own items: "
            "bad (it never returns from *); worse (the process was killed by SIGKILL)",
        ]
    )


def test_an_application_that_never_starts_is_shown(write_app: WriteApp, fuzz: Run) -> None:
    write_app(
        end="""
        make = create_app

        async def hook(app):
            sum(range(10**12))

        def create_app():
            app = make()
            app.on_startup.append(hook)
            return app
        """
    )
    result = fuzz("-k", "add and accepts")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["*StartHangs: it never returns from myapp.py:* in hook: *"])


def test_a_copy_of_the_process_ends_and_is_not_left_behind(write_app: WriteApp, fuzz: Run) -> None:
    write_app(method("if os.fork() == 0 and payload.a: time.sleep(1000)"), end=IMPORTS)
    before = children()
    result = fuzz(*ACCEPTS)
    assert result.parseoutcomes()["passed"] == 1
    assert children() <= before


def children() -> set[int]:
    """The processes that this one has started, but for the one that tells."""
    told = subprocess.run(["ps", "-A", "-o", "ppid=,pid=,comm="], stdout=subprocess.PIPE, text=True)
    rows = [line.split(maxsplit=2) for line in told.stdout.splitlines()]
    return {int(pid) for parent, pid, name in rows if int(parent) == os.getpid() and name != "ps"}


def test_what_eats_memory_is_stopped(
    write_app: WriteApp, fuzz: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_wsrpc.fuzz.budget.MOST_MEMORY", 20_000_000)
    write_app(method("KEPT.append(b'x' * 10_000_000)"), end="KEPT = []\n")
    result = fuzz("-k", "bad and accepts")
    result.stdout.fnmatch_lines(
        ["warning: *it was stopped, as the process had grown by 0.? GiB, after ? cases"]
    )


LEFT_BEHIND = """
    async def ws_rpc_thread(self, payload: Numbers) -> Number:
        threading.Thread(target=threading.Event().wait).start()
        return Number(1)

    async def ws_rpc_pool(self, payload: Numbers) -> Number:
        ThreadPoolExecutor().submit(threading.Event().wait)
        return Number(1)

    async def ws_rpc_job(self, payload: Numbers) -> Number:
        asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
        return Number(1)

    async def ws_rpc_process(self, payload: Numbers) -> Number:
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(1000,)).start()
        return Number(1)
"""


@pytest.mark.slow
def test_what_is_left_behind_does_not_keep_pytest_from_ending(
    write_app: WriteApp, pytester: pytest.Pytester
) -> None:
    imports = "import multiprocessing\nfrom concurrent.futures import ThreadPoolExecutor\n"
    write_app(LEFT_BEHIND, end=IMPORTS + imports)
    result = pytester.runpytest_subprocess(
        "-p", "no:randomly", "--wsrpc-fuzz=myapp:create_app", "-k", "accepts",
        "--wsrpc-max-examples=3", timeout=LIMIT,
    )  # fmt: skip
    result.assert_outcomes(passed=5, deselected=result.parseoutcomes()["deselected"])


def test_where_every_method_ends_the_process_there_is_nothing_to_do_under_faults(
    write_app: WriteApp, fuzz: Run
) -> None:
    write_app(method("os.kill(os.getpid(), signal.SIGKILL)"), end=IMPORTS)
    result = fuzz("--wsrpc-include=bad", "--wsrpc-max-examples=2", "-rs", phases=("faults",))
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["*there is no method; not called here, only in their own items: bad (*killed by SIGKILL)*"]
    )


@pytest.mark.slow
def test_what_hangs_in_spite_of_all_ends_the_run_and_is_found_by_the_next(
    write_app: WriteApp, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        "from pytest_wsrpc.fuzz import apart, isolation, item, rescue\n"
        "rescue.LAST, apart.QUIET, item.HELD_TIME = 2.0, 1.5, 0.5\n"
        "isolation.dangers = lambda *_: {}  # as if the first few cases did not show it"
    )
    write_app(method("if payload.a > 1000: sum(range(10**12))"), end=IMPORTS)
    run = ["-p", "no:randomly", "--wsrpc-fuzz=myapp:create_app", "-k", "bad and accepts"]
    ended = pytester.runpytest_subprocess(*run, timeout=LIMIT)
    assert ended.ret == 1
    ended.stderr.fnmatch_lines(["Timeout *", "*myapp.py*in ws_rpc_bad"])
    again = pytester.runpytest_subprocess(*run, timeout=LIMIT)
    again.stdout.fnmatch_lines(
        [
            "check: loop-not-blocked",
            "warning: /stream bad, accepts: its process ended or hung in the last run (seed *), *",
        ]
    )
    assert not any(pytester.path.glob(".pytest_cache/d/wsrpc-unfinished/*"))
