"""Reports of whole runs, however they end, and in whatever processes they ran."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

import pytest_wsrpc.report.page  # noqa: F401 - pytester unloads what an inner run has loaded

from .reading import Node, read

Run = Callable[..., pytest.RunResult]
Reports = Callable[..., tuple[Node, list[dict[str, Any]]]]

APP = """
import asyncio
import pytest
from application import create_app

@pytest.fixture
def ws_app():
    return create_app()
"""

FAILS = (
    APP
    + """
async def test_greet(ws_connect):
    alice = await ws_connect(name="alice")
    bob = await ws_connect(name="bob")
    await bob.call("subscribe", {"channel": "news"})
    await alice.call("publish", {"channel": "news", "event": "x", "data": "</script><img src=x>"})
    await bob.next_event("news")
    await alice.request("fail", {})
    assert False, "</script><img src=x>"

async def test_fine(ws_client):
    assert await ws_client.call("greet", {"name": "x"}) == "hello x"

def test_other():
    assert 0
"""
)


@pytest.fixture
def reports(suite: Run, pytester: pytest.Pytester) -> Reports:
    """Run a module, and return the page and the lines: ``page, lines = reports(source)``."""

    def run(source: str, *options: str, **how: Any) -> tuple[Node, list[dict[str, Any]]]:
        suite(source, "--wsrpc-report=a.html", "--wsrpc-ndjson=a.ndjson", *options, **how)
        page = read((pytester.path / "a.html").read_text("utf-8"))
        written = (pytester.path / "a.ndjson").read_text("utf-8").splitlines()
        lines = [json.loads(line) for line in written]
        assert all(line["v"] == 1 for line in lines)
        assert (lines[0]["type"], lines[-1]["type"]) == ("run", "summary")
        return page, lines

    return run


def test_a_failed_test_has_the_conversations_of_all_clients_in_one_order(reports: Reports) -> None:
    page, lines = reports(FAILS, "--wsrpc-seed=5")
    assert page.one("h1").words == "Failed 1 failed test"
    said = [item.all("p")[0].words for item in page.one("article").one("ol").all("li")]
    assert [re.sub(r"^[0-9.]+ s ", "", words) for words in said] == [
        "alice to server: connects",
        "bob to server: connects",
        "bob to server: call subscribe id 1",
        "server to bob: reply subscribe id 1",
        "alice to server: call publish id 1",
        "server to bob: event x on news",
        "server to alice: reply publish id 1",
        "alice to server: call fail id 2",
        "server: exception",
        "server to alice: error fail id 2",
        "alice to server: closed",
        "bob to server: closed",
    ]
    assert [line["type"] for line in lines] == ["run", "test", "conversation", "summary"]
    _, test, conversation, summary = lines
    assert test["id"] == conversation["of"] == "test_it.py::test_greet"
    assert test["headline"].startswith("AssertionError: </script><img src=x>")
    assert [error["when"] for error in test["errors"]] == ["call"]
    assert test["again"] == "pytest --wsrpc-seed 5 test_it.py::test_greet"
    assert conversation["clients"] == ["alice", "bob"]
    failed = [frame for frame in conversation["frames"] if frame["what"] == "failed"]
    assert failed[0]["text"].splitlines()[0] == "ValueError: why not  (call fail, id 2)"
    assert "application.py:" in failed[0]["text"].splitlines()[1]
    assert summary["tests"] == {"failed": 2, "passed": 1}
    assert summary["unreached"] == []
    assert "not about 1 failed test that used none of the fixtures." in page.one("header").words


def test_with_options_of_the_run_a_test_is_run_again_with_them(reports: Reports) -> None:
    source = APP + "async def test_it(ws_client): assert 0"
    options = ("--wsrpc-transport=memory", "--wsrpc-faults=deliver:latency=1ms", "--wsrpc-seed=5")
    _, lines = reports(source, *options)
    assert lines[1]["again"] == (
        "pytest --wsrpc-transport memory --wsrpc-faults deliver:latency=1ms "
        "--wsrpc-seed 5 test_it.py::test_it"
    )


def test_set_up_call_and_tear_down_of_one_test_are_told_together(reports: Reports) -> None:
    page, lines = reports(
        APP
        + """
@pytest.fixture
async def broken(ws_client):
    yield
    raise RuntimeError("in tear-down")

async def test_it(broken, ws_client):
    assert False, "in call"

@pytest.fixture
async def unable(ws_client):
    raise RuntimeError("in set-up")

async def test_never(unable):
    pass
"""
    )
    tests = {line["id"]: line for line in lines if line["type"] == "test"}
    both = tests["test_it.py::test_it"]
    assert [error["when"] for error in both["errors"]] == ["call", "teardown"]
    assert both["headline"] == "AssertionError: in call"
    assert [error["when"] for error in tests["test_it.py::test_never"]["errors"]] == ["setup"]
    assert lines[-1]["tests"] == {"failed": 1, "error": 2}
    assert len(page.all("article")) == 2


def test_skips_and_expected_failures_are_counted(reports: Reports) -> None:
    page, lines = reports(
        """
import pytest

@pytest.mark.skip(reason="no")
def test_skipped(): pass

@pytest.mark.xfail
def test_expected(): assert 0
"""
    )
    assert lines[-1]["tests"] == {"skipped": 1, "xfailed": 1}
    assert "Tests: 1 skipped, 1 xfailed." in page.one("header").words


def test_a_run_that_stops_at_the_first_failure_names_what_it_did_not_reach(
    reports: Reports,
) -> None:
    page, lines = reports(FAILS, "-x", "--deselect=test_it.py::test_other")
    assert lines[-1]["ended"] == "It was ended early: stopping after 1 failures."
    assert lines[-1]["unreached"] == ["test_it.py::test_fine"]
    assert lines[-1]["deselected"] == 1
    assert "1 test was not reached" in page.one("section", aria_labelledby="not-run").words


def test_an_interrupted_run_has_reports_too(reports: Reports) -> None:
    page, lines = reports(
        "def test_one(): pass\ndef test_two(): raise KeyboardInterrupt\ndef test_three(): pass",
        subprocess=True,
    )
    assert lines[-1]["ended"] == "It was interrupted from the keyboard."
    assert lines[-1]["unreached"] == ["test_it.py::test_two", "test_it.py::test_three"]
    assert page.one("h1").words.startswith("Incomplete")


def test_a_module_that_cannot_be_imported_is_told(reports: Reports) -> None:
    page, lines = reports("import nothing_like_this")
    [problem] = lines[-1]["problems"]
    assert problem["where"] == "test_it.py"
    assert "No module named 'nothing_like_this'" in problem["text"]
    assert lines[-1]["ended"] == "It was ended early: 1 error during collection."
    assert page.one("h1").words == "Failed 1 collection error"


def test_an_internal_error_is_told(reports: Reports) -> None:
    conftest = "def pytest_runtest_setup(item): pass\ndef pytest_runtest_logstart(): raise OSError"
    _, lines = reports("def test_it(): pass", conftest=conftest)
    assert lines[-1]["exit_status"] == 3
    assert lines[-1]["ended"] == "It was ended by an internal error of pytest, or of a plugin."


def test_workers_hand_their_conversations_to_the_process_that_started_them(
    reports: Reports,
) -> None:
    page, lines = reports(FAILS, "-n1")
    assert page.one("h1").words == "Failed 1 failed test"
    assert "event x on news" in page.one("article").one("ol").words
    assert [line["type"] for line in lines] == ["run", "test", "conversation", "summary"]
    assert lines[-1]["tests"] == {"failed": 2, "passed": 1}
    assert lines[-1]["unreached"] == []


def test_a_worker_that_dies_is_told(reports: Reports) -> None:
    page, lines = reports(
        APP + "import os\nasync def test_it(ws_client): os._exit(1)",
        "-n1",
        "--max-worker-restart=0",
    )
    assert [problem["where"] for problem in lines[-1]["problems"]] == ["test_it.py::test_it"]
    assert "crashed" in page.one("pre").text


def test_a_block_that_serves_an_application_is_a_conversation_too(reports: Reports) -> None:
    _, lines = reports(
        APP
        + """
from pytest_wsrpc import serve

async def test_it():
    async with serve(create_app()) as connect:
        client = await connect()
        await client.call("greet", {"name": "x"})
        assert 0
"""
    )
    conversation = next(line for line in lines if line["type"] == "conversation")
    assert [frame["what"] for frame in conversation["frames"]] == [
        "connected",
        "sent",
        "received",
        "closed",
    ]


def test_faults_of_the_broker_are_told_once_and_time_is_that_of_the_clock(
    reports: Reports,
) -> None:
    page, lines = reports(
        APP
        + """
async def test_it(ws_connect, ws_faults, ws_clock):
    alice, bob = await ws_connect(name="alice"), await ws_connect(name="bob")
    await bob.call("subscribe", {"channel": "news"})
    ws_faults.latency("deliver", 2)
    bob.link.latency(0)
    await alice.call("publish", {"channel": "news", "event": "x", "data": 1})
    await bob.next_event("news", timeout=5)
    assert 0
"""
    )
    frames = lines[2]["frames"]
    faults = [(frame["client"], frame["text"]) for frame in frames if frame["what"] == "fault"]
    assert [client for client, _ in faults] == ["bob", None]
    assert faults[1][1].startswith("deliver:latency=2s")
    assert [frame["time"] for frame in frames if frame["what"] == "received"][-1] == 2.0
    assert page.one("ol", aria_label="broker").attributes["aria-label"].endswith("server, broker")
