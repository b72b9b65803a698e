"""``benchmarks/steps.py`` and its servers, small: what they measure and say, and what they do."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from benchmarks import steps
from benchmarks.servers.steps import naive
from wsrpc import ParseError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and uses epoll")

TINY = [
    *("--rounds=1", "--seconds=0.02", "--no-pin", "--share", "--connections=2", "--depth=4"),
    *("--subscribers=5", "--window=3"),
]
OWN = [step.name for step in steps.STEPS if step.name != "wsrpc"]


@pytest.fixture(params=OWN)
async def stream(request):
    return importlib.import_module(f"benchmarks.servers.steps.{request.param}").Stream


@pytest.fixture
async def connect(stream):
    async with TestServer(naive.make_app(stream)) as server, aiohttp.ClientSession() as session:
        yield lambda: session.ws_connect(server.make_url("/stream"))


def call(number, method, payload):
    return {"id": number, "method": method, "payload": payload}


async def test_a_step_answers_calls(connect):
    async with connect() as websocket:
        for number in range(5):
            await websocket.send_json(call(number, "echo", {"a": [number]}))
        replies = [await websocket.receive_json(timeout=5) for _ in range(5)]
    assert sorted(replies, key=lambda reply: reply["id"]) == [
        {"id": number, "method": "echo", "response": {"a": [number]}} for number in range(5)
    ]


async def test_a_step_delivers_events(connect):
    event = {"channel": "news", "event": "tick", "data": [1]}
    async with connect() as one, connect() as other:
        for websocket in (one, other):
            await websocket.send_json(call(1, "subscribe", {"channel": "news"}))
            await websocket.receive_json(timeout=5)
        await one.send_json(call(2, "publish", event))
        got = [await one.receive_json(timeout=5) for _ in range(2)]
        assert event in got
        assert {"id": 2, "method": "publish", "response": {"published": "news"}} in got
        assert await other.receive_json(timeout=5) == event


async def test_a_call_that_waits_holds_up_no_other_one(stream):
    class Waiting(stream):
        async def echo(self, payload):
            if payload.get("waits"):
                await go_on.wait()
            else:
                await asyncio.sleep(0)
            return payload

    go_on = asyncio.Event()
    async with (
        TestServer(naive.make_app(Waiting)) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.make_url("/stream")) as websocket,
    ):
        await websocket.send_json(call(1, "echo", {"waits": True}))
        for number in (2, 3):
            await websocket.send_json(call(number, "echo", {}))
        first = [await websocket.receive_json(timeout=5) for _ in range(2)]
        assert sorted(reply["id"] for reply in first) == [2, 3]
        go_on.set()
        assert (await websocket.receive_json(timeout=5))["id"] == 1


@pytest.mark.parametrize("name", ["checks", "cheap_checks"])
def test_both_steps_with_checks_refuse_the_same(name):
    stream = importlib.import_module(f"benchmarks.servers.steps.{name}").Stream
    self = stream.__new__(stream)
    nested = b'{"id":1,"method":"echo","payload":{"a":%b}}'
    for depth, is_refused in ((62, False), (63, True)):
        text = nested % (b"[" * depth + b"]" * depth)
        if is_refused:
            with pytest.raises((ValueError, ParseError)):
                self.call_in(text)
        else:
            found = self.call_in(text)
            assert json.loads(self.reply(found, found.payload))["response"] == found.payload
    for value in (b"", {"a": [b""]}, {b"": 1}, (bytearray(),)):
        with pytest.raises(TypeError, match="bytes"):
            self.reply(found, value)


def test_steps_are_measured_compared_and_told_again(tmp_path, capsys):
    file = tmp_path / "figures.json"
    only = [f"--only={name}" for name in ("naive", "no_tasks", "heartbeat", "wsrpc")]
    steps.main([*TINY, *only, "--workload=rpc-pipe", "--workload=fanout", f"--json={file}"])
    data = json.loads(file.read_text())
    assert data["failures"] == {}
    assert {(run["workload"], run["server"]) for run in data["runs"]} == {
        *(("rpc-pipe", name) for name in ("naive", "heartbeat", "wsrpc")),
        *(("fanout", name) for name in ("naive", "no_tasks", "wsrpc")),
    }
    assert all(run["figures"]["cpu"] > 0 for run in data["runs"])
    shown = capsys.readouterr().out
    steps.main([f"--read={file}"])
    assert capsys.readouterr().out == shown


def test_ratios_are_to_the_step_before_that_was_measured():
    cpus = {"naive": [8, 80], "types_once": [4, 40], "hand_over": [1, 10]}
    data = {
        "runs": [
            {"workload": "rpc-pipe", "server": name, "round": number, "figures": {"cpu": cpu}}
            for name, costs in cpus.items()
            for number, cpu in enumerate(costs)
        ],
        "failures": {"fast_json rpc-pipe": "cannot start"},
        "load": [0.5, 1.5],
        "seconds": 3.2,
    }
    lines = list(steps.report(data))
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if "hand_over" in line]
    assert cells[0][3:5] == ["0.25 [0.25..0.25]", "0.12 [0.12..0.12]"]
    assert cells[1][2] == "5.50 (× 0.25)"
    assert any("fast_json rpc-pipe | cannot start" in line for line in lines)
    assert lines[-1].endswith("load average 0.5 to 1.5")


def test_what_each_workload_gave_is_kept(monkeypatch, tmp_path, capsys):
    def run(self):
        (workload,) = self._workloads
        self.versions[workload] = {"aiohttp": "3"}
        self.failures[f"naive {workload}"] = "cannot start"

    monkeypatch.setattr(steps.Comparison, "run", run)
    file = tmp_path / "figures.json"
    steps.main([*TINY, f"--json={file}"])
    shown = capsys.readouterr().out
    data = json.loads(file.read_text())
    for workload in steps.ALL:
        assert data["versions"][workload] == {"aiohttp": "3"}
        assert f"naive {workload} " in shown


def test_an_interrupted_run_tells_what_there_is(monkeypatch, capsys):
    runs = []

    def run(self):
        runs.append(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(steps.Comparison, "run", run)
    steps.main(TINY)
    shown = capsys.readouterr()
    assert len(runs) == 1
    assert "interrupted" in shown.err
    assert "| step |" in shown.out
