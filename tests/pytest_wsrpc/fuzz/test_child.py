"""What runs in a child process can be killed, whatever it does."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable

import pytest

from pytest_wsrpc.fuzz import child
from pytest_wsrpc.fuzz.child import Note, run_in_child, stack_of


def test_a_child_returns_a_value_and_changes_nothing_here() -> None:
    kept: list[int] = []

    def function(note: Note) -> dict[str, object]:
        kept.append(1)
        note("appended")
        return {"kept": kept, "text": 1_000_000 * "x"}

    ended = run_in_child(function)
    assert ended.how == "returned"
    assert ended.value == {"kept": [1], "text": 1_000_000 * "x"}
    assert ended.doing == "appended"
    assert kept == []


def test_what_a_child_raises_is_told_with_its_traceback() -> None:
    def function(note: Note) -> None:
        raise SystemExit("no more")

    ended = run_in_child(function)
    assert ended.how == "raised"
    assert "SystemExit: no more" in ended.detail
    assert "test_child.py" in ended.detail


def test_code_in_c_that_never_returns_is_killed_and_told_with_its_stack() -> None:
    def function(note: Note) -> int:
        note("adding up")
        return sum(range(10**12))

    begin = time.monotonic()
    ended = run_in_child(function, quiet=0.3)
    assert ended.how == "hung"
    assert ended.doing == "adding up"
    assert ended.stack[-1].function == "function"
    assert ended.stack[-1].filename.endswith("test_child.py")
    assert time.monotonic() - begin < 20


def test_a_child_that_always_has_a_word_is_stopped_when_its_time_is_over() -> None:
    def function(note: Note) -> None:
        while True:
            note("still here")
            time.sleep(0.02)

    ended = run_in_child(function, limit=0.3)
    assert ended.how == "over"
    assert ended.stack


@pytest.mark.parametrize(
    ("function", "detail"),
    [
        (lambda note: os._exit(5), "exit code 5"),
        (lambda note: os.kill(os.getpid(), signal.SIGKILL), "killed by SIGKILL"),
    ],
)
def test_a_child_that_ends_its_process_is_told(
    function: Callable[[Note], None], detail: str
) -> None:
    ended = run_in_child(function)
    assert ended.how == "died"
    assert detail in ended.detail


def test_processes_and_threads_that_a_child_has_started_end_with_it() -> None:
    def function(note: Note) -> int:
        threading.Thread(target=time.sleep, args=(1000,)).start()
        pid = os.fork()
        if pid == 0:
            time.sleep(1000)
        return pid

    begin = time.monotonic()
    ended = run_in_child(function)
    assert ended.how == "returned"
    assert ended.value is not None
    for _ in range(500):
        try:
            os.kill(ended.value, 0)
        except ProcessLookupError:
            break
        if _is_zombie(ended.value):
            break
        time.sleep(0.01)
    else:
        pytest.fail("the process of the child still runs")
    assert time.monotonic() - begin < 20


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def test_one_whose_own_child_keeps_its_pipe_open_is_seen_to_die_all_the_same() -> None:
    def function(note: Note) -> None:
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(3)

    ended = run_in_child(function, quiet=20)
    assert ended.how == "died"
    assert "exit code 3" in ended.detail


def test_a_child_that_does_not_tell_where_it_is_has_no_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child, "_DUMPING", 0.1)

    def function(note: Note) -> None:
        signal.signal(child._DUMP, signal.SIG_IGN)
        note("hidden")
        time.sleep(1000)

    ended = run_in_child(function, quiet=0.2)
    assert ended.how == "hung"
    assert ended.stack == ()


def test_of_a_dump_the_lines_below_the_loop_are_taken() -> None:
    dump = (
        "Thread 0x1 (most recent call first):\n"
        '  File "/app/other.py", line 1 in other\n\n'
        "Current thread 0x2 (most recent call first):\n"
        '  File "/app/myapp.py", line 9 in ws_rpc_bad\n'
        f'  File "{re.__file__}", line 3 in match\n'
        '  File "/python/asyncio/events.py", line 80 in _run\n'
        '  File "/app/runner.py", line 4 in main\n'
    )
    assert [place.function for place in stack_of(dump)] == ["ws_rpc_bad"]
    assert stack_of("") == ()


def test_what_a_child_says_comes_whole_with_the_time_it_has_used() -> None:
    reading, writing = os.pipe()
    child._send(writing, b"n", child._noted("h\u00e9"))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    kind, size = child._HEAD.unpack_from(said)
    used, _, text = said[child._HEAD.size :].decode().partition(" ")
    assert (kind, size, text) == (b"n", len(said) - child._HEAD.size, "h\u00e9")
    assert 0 < float(used) <= time.process_time()
