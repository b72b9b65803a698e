"""What a transcript keeps, and how it is read."""

from __future__ import annotations

import asyncio
import os
import textwrap
from pathlib import Path

import pytest

from pytest_wsrpc.clock import VirtualLoop
from pytest_wsrpc.transcript import Entry, Transcript, describe, escape


@pytest.fixture
def transcript() -> Transcript:
    """A transcript whose clock goes on by a millisecond with each entry."""
    times = iter(range(10**9))
    return Transcript("ws_client", "ws://127.0.0.1/stream", lambda: 100 + next(times) / 1000)


def raised(source: str, filename: str) -> Exception:
    """Return the exception that code raises, compiled as if it stood in the file."""
    try:
        exec(compile(textwrap.dedent(source), filename, "exec"), {})
    except Exception as error:  # whatever the test wants to see
        traceback = error.__traceback__
        return error.with_traceback(traceback and traceback.tb_next)
    raise AssertionError("nothing was raised")


def test_a_conversation_is_one_line_for_each_entry(transcript: Transcript) -> None:
    transcript.record("connected")
    transcript.record("sent", '{"id":1,"method":"add","payload":{"a":1,"b":2}}')
    transcript.record("received", '{"id":1,"method":"add","response":{"total":3}}')
    transcript.record("sent", b"\x00binary\xff")
    transcript.record("sent", b"x")
    transcript.record("failed", "ValueError: no  (on_disconnect)")
    transcript.record("closed", "1000")
    assert transcript.render() == textwrap.dedent(
        """\
        ws_client  ws://127.0.0.1/stream
          +0.000 s  connected
          +0.001 s  > {"id":1,"method":"add","payload":{"a":1,"b":2}}
          +0.002 s  < {"id":1,"method":"add","response":{"total":3}}
          +0.003 s  > 8 bytes, binary: b'\\x00binary\\xff'
          +0.004 s  > 1 byte, binary: b'x'
          +0.005 s  ! ValueError: no  (on_disconnect)
          +0.006 s  closed 1000"""
    )


def test_entries_are_data(transcript: Transcript) -> None:
    error = ValueError("no")
    transcript.record("connected")
    transcript.record("failed", "ValueError: no", error)
    first, second = transcript.entries
    assert first == Entry(0.0, "connected", "")
    assert second.time == pytest.approx(0.001)
    assert (second.direction, second.text, second.exception) == ("failed", "ValueError: no", error)


def test_a_conversation_without_name_has_no_title() -> None:
    times = iter([3600.0, 7200.5])
    transcript = Transcript(clock=lambda: next(times))
    assert transcript.render() == ""
    transcript.record("connected")
    transcript.record("closed", "1006")
    assert transcript.render() == "  +0.000 s  connected\n  +3600.500 s  closed 1006"


def test_a_long_message_is_cut_in_the_middle(transcript: Transcript) -> None:
    transcript.record("sent", "a" * 100 + "b" * 100)
    transcript.record("sent", "c" * 57)
    transcript.record("sent", "d" * 56)
    assert transcript.render(width=30).splitlines()[1:] == [
        "  +0.000 s  > " + "a" * 20 + " ... 170 characters ... " + "b" * 10,
        "  +0.001 s  > " + "c" * 20 + " ... 27 characters ... " + "c" * 10,
        "  +0.002 s  > " + "d" * 56,
    ]


def test_of_a_huge_message_only_the_ends_are_kept(transcript: Transcript) -> None:
    transcript.record("sent", "a" * 1_000_000 + "b" * 1_000_000)
    (entry,) = transcript.entries
    assert (len(entry.text), entry.cut) == (10_000, 1_990_000)
    for width in (20, 5_000, 50_000):
        line = transcript.render(width=width).splitlines()[1]
        begin, cut, end = line.removeprefix("  +0.000 s  > ").split(" ... ")
        assert set(begin) == {"a"}
        assert set(end) == {"b"}
        assert cut == f"{2_000_000 - len(begin) - len(end):,} characters"


def test_a_long_conversation_is_cut_in_the_middle(transcript: Transcript) -> None:
    for n in range(20):
        transcript.record("received", str(n))
    lines = transcript.render(limit=8).splitlines()[1:]
    assert [line.split()[-1] for line in lines] == ["0", "1", "...", *map(str, range(14, 20))]
    assert lines[2] == "  ... 12 entries left out ..."
    assert transcript.render(limit=19).splitlines()[5] == "  ... 1 entry left out ..."
    assert len(transcript.render(limit=20).splitlines()) == 21


def test_an_endless_conversation_keeps_its_begin_and_its_end(transcript: Transcript) -> None:
    for n in range(1000):
        transcript.record("received", f"{n} " + "x" * 9_000)
    kept = [int(entry.text.split()[0]) for entry in transcript.entries]
    assert kept[:50] == list(range(50))
    assert kept[50:] == list(range(50 + transcript.left_out, 1000))
    assert sum(len(entry.text) for entry in transcript.entries) < 1_500_000
    for limit in (10, 100, 5_000):
        shown = transcript.render(limit=limit).splitlines()[1:]
        gap = next(n for n, line in enumerate(shown) if "left out" in line)
        left_out = int(shown.pop(gap).split()[1].replace(",", ""))
        assert len(shown) + left_out == 1000


def test_nothing_reaches_the_terminal_as_a_command(transcript: Transcript) -> None:
    transcript.record("received", '"\x1b[31m\r\n\x00\x7f\x9b\u202e\u2028é漢 \ud800"')
    assert transcript.render().splitlines()[1:] == [
        '  +0.000 s  < "\\x1b[31m\\r\\n\\x00\\x7f\\x9b\\u202e\\u2028é漢 \\ud800"'
    ]
    assert escape("plain") == "plain"


def test_a_failure_shows_the_lines_of_the_application(
    transcript: Transcript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = """
        def handler():
            return 1 / 0
        handler()
    """
    path = tmp_path / "app.py"
    path.write_text(textwrap.dedent(source))
    error = raised(source, str(path))
    transcript.record("failed", f"{describe(error)}  (call div, id 2)", error)
    assert transcript.render().splitlines()[1:] == [
        "  +0.000 s  ! ZeroDivisionError: division by zero  (call div, id 2)",
        "              app.py:4 in <module>: handler()",
        "              app.py:3 in handler: return 1 / 0",
    ]


def test_a_failure_shows_the_innermost_lines_only(transcript: Transcript) -> None:
    source = """
        def deeper(n):
            if not n:
                raise KeyError(n)
            deeper(n - 1)
        deeper(100)
    """
    transcript.record("failed", "KeyError: 0", raised(source, "/no/such/file.py"))
    lines = transcript.render().splitlines()[2:]
    assert lines == ["              /no/such/file.py:5 in deeper"] * 4 + [
        "              /no/such/file.py:4 in deeper"
    ]


async def test_a_failure_inside_a_library_shows_where_the_application_called_it(
    transcript: Transcript,
) -> None:
    try:
        await asyncio.wait([])
    except ValueError as error:
        transcript.record("failed", describe(error), error)
    (line,) = transcript.render().splitlines()[2:]
    assert line.endswith("library_shows_where_the_application_called_it: await asyncio.wait([])")


def test_a_failure_without_a_line_of_the_application_shows_the_librarys(
    transcript: Transcript,
) -> None:
    path = os.path.join(os.path.dirname(asyncio.__file__), "nowhere.py")
    transcript.record("failed", "ValueError", raised("raise ValueError", path))
    assert transcript.render().splitlines()[2:] == [
        "              asyncio/nowhere.py:1 in <module>"
    ]


def test_a_failure_is_shown_though_the_working_directory_is_gone(
    transcript: Transcript, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getcwd() -> str:
        raise FileNotFoundError

    transcript.record("failed", "ValueError", raised("raise ValueError", "/app/main.py"))
    monkeypatch.setattr(os, "getcwd", getcwd)
    assert transcript.render().splitlines()[2:] == ["              /app/main.py:1 in <module>"]


def test_any_exception_can_be_described() -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    assert describe(ValueError("a\nb")) == "ValueError: a\nb"
    assert describe(ValueError()) == "ValueError"
    assert describe(Unspeakable()).endswith("Unspeakable: <exception str() failed>")


def test_a_fault_stands_where_it_struck(transcript: Transcript) -> None:
    transcript.record("sent", "1")
    transcript.record("fault", "stalled")
    transcript.record("sent", "2")
    assert transcript.render().splitlines()[1:] == [
        "  +0.000 s  > 1",
        "  +0.001 s  ~ stalled",
        "  +0.002 s  > 2",
    ]


def test_an_exception_stands_below_the_message_that_caused_it(transcript: Transcript) -> None:
    for text in ('{"id":1}', '{"id":"1"}', "not JSON", "[]", '{"id":1.0}', '{"id":2}', '{"id":1}'):
        transcript.record("sent", text)
    transcript.record("received", '{"id":"1"}')
    transcript.record("failed", "first", request_id="1")
    transcript.record("failed", "second", request_id=1)
    transcript.record("failed", "third", request_id="1")
    transcript.record("failed", "nobody's", request_id=3)
    transcript.record("failed", "hook")
    assert [entry.text for entry in transcript.entries[-5:]] == [
        "first",
        "second",
        "third",
        "nobody's",
        "hook",
    ]
    assert [line.partition("s  ")[2] for line in transcript.render().splitlines()[1:]] == [
        '> {"id":1}',
        '> {"id":"1"}',
        "! first",
        "! third",
        "> not JSON",
        "> []",
        '> {"id":1.0}',
        '> {"id":2}',
        '> {"id":1}',
        "! second",
        '< {"id":"1"}',
        "! nobody's",
        "! hook",
    ]


def test_an_exception_whose_message_was_cut_or_is_gone_is_shown(transcript: Transcript) -> None:
    transcript.record("sent", '{"id":"a b","payload":"' + "x" * 20_000 + '"}')
    transcript.record("failed", "cut", request_id="a b")
    assert transcript.entries[1].cause is transcript.entries[0]
    transcript.record("sent", '{"id":"later"}')
    for _ in range(49):
        transcript.record("received", "")
    transcript.record("sent", '{"id":"gone"}')
    for _ in range(90):
        transcript.record("received", "x" * 9_000)
    transcript.record("failed", "without its message", request_id="gone")
    assert transcript.entries[-1].cause is not None
    for _ in range(90):
        transcript.record("received", "x" * 9_000)
    assert all(entry.text != '{"id":"gone"}' for entry in transcript.entries)
    assert "! without its message" in transcript.render(limit=1_000)


def test_virtual_time_is_shown_as_the_clock_has_it() -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(asyncio.sleep(12.5))
        transcript = Transcript.of_loop("bob", "ws://localhost/", loop)
        transcript.record("connected")
        loop.run_until_complete(asyncio.sleep(60))
        transcript.record("closed", "1000")
    finally:
        loop.close()
    assert transcript.render().splitlines() == [
        "bob  ws://localhost/",
        "  12.500 s  connected",
        "  72.500 s  closed 1000",
    ]


async def test_real_time_is_shown_since_the_connection_began() -> None:
    transcript = Transcript.of_loop("bob", "ws://localhost/", asyncio.get_running_loop())
    transcript.record("connected")
    assert transcript.render().splitlines()[1] == "  +0.000 s  connected"
