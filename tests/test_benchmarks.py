"""``benchmarks/compare.py``, ``growth.py`` and ``compression.py``, small: what they measure."""

from __future__ import annotations

import json
import os
import re
import sys
import xml.etree.ElementTree as ET
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import compare, compression, growth
from benchmarks.comparison import pipeline
from benchmarks.comparison.chart import chart as draw
from benchmarks.comparison.churn import churn
from benchmarks.comparison.goals import GOALS
from benchmarks.comparison.payloads import LARGE
from benchmarks.comparison.peers import PEERS, CannotInstall, Peer
from benchmarks.comparison.pipeline import Ring, fan_out, one_by_one, pipelined
from benchmarks.comparison.processes import ROOT, Server, pinned
from benchmarks.comparison.protocols import Protocol
from benchmarks.comparison.results import METRICS, Results, Spread
from benchmarks.comparison.wire import Connection, Unexpected
from benchmarks.comparison.workloads import WORKLOADS, Measured, check_calls
from benchmarks.curves import CURVES, Curve, Growth, Sizes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and uses epoll")

TINY = [
    *("--rounds=1", "--seconds=0.02", "--no-pin", "--share", "--connections=2", "--depth=4"),
    *("--subscribers=5", "--window=3", "--idle=5", "--loops=2"),
]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    place = tmp_path_factory.mktemp("compare")
    files = place / "figures.json", place / "chart.svg"
    only = ["--only=wsrpc", "--only=aiohttp-raw"]
    compare.main([*TINY, *only, f"--json={files[0]}", f"--chart={files[1]}"])
    return json.loads(files[0].read_text()), files[1]


def test_every_workload_has_its_figures(measured):
    data, _ = measured
    assert data["failures"] == {}
    runs = {(run["server"], run["workload"]): run for run in data["runs"]}
    assert {workload for server, workload in runs if server == "wsrpc"} == {*WORKLOADS}
    assert {workload for server, workload in runs if server == "aiohttp-raw"} == {*WORKLOADS} - {
        "typed"
    }
    for (_, workload), run in runs.items():
        assert run["operations"] > 0, run
        assert run["server_cpu"] > 0, run
        wanted = {metric.key for metric in METRICS[workload]} - {"p50", "p99"}
        assert wanted <= run["figures"].keys(), run
    assert data["versions"]["wsrpc"].keys() == {"aiohttp", "msgspec"}


def test_the_chart_has_a_bar_for_each_server(measured):
    _, chart = measured
    words = [node.text for node in ET.parse(chart).iter("{http://www.w3.org/2000/svg}text")]
    assert words.count("wsrpc") == words.count("aiohttp-raw") == len(WORKLOADS) - 1


def test_the_chart_begins_with_whoever_needs_least():
    costs = {"wsrpc": 2, "aiohttp-raw": 4, "picows": 1}
    runs = [
        {"workload": "fanout", "server": server, "round": 0, "figures": {"cpu": cpu}}
        for server, cpu in costs.items()
    ]
    words = [node.text for node in ET.fromstring(draw(Results(runs), "aiohttp-raw")).iter()]
    names = [word for word in words if word in costs]
    assert names == ["picows", "wsrpc", "aiohttp-raw"]
    assert [word for word in words if re.fullmatch(r"\d\.\d\d", word or "")] == [
        "4.00",
        "2.00",
        "1.00",
    ]


def test_figures_are_told_again(measured, tmp_path, capsys):
    data, chart = measured
    (tmp_path / "figures.json").write_text(json.dumps(data))
    compare.main([f"--read={tmp_path / 'figures.json'}", f"--chart={tmp_path / 'chart.svg'}"])
    assert (tmp_path / "chart.svg").read_text() == chart.read_text()
    shown = capsys.readouterr().out
    assert all(f"## {workload}\n" in shown for workload in WORKLOADS)


def test_a_peer_without_an_environment_is_reported(monkeypatch, capsys):
    def fail(peer):
        raise CannotInstall("ERROR: No matching distribution found for picows")

    monkeypatch.setattr(Peer, "python", fail)
    compare.main([*TINY, "--only=picows"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "picows" in line]
    assert "cannot be installed: ERROR: No matching distribution found for picows" in line


def test_a_peer_that_does_not_start_is_reported(monkeypatch, capsys):
    broken = Peer("picows", "nothing_of_this_name")
    monkeypatch.setattr(compare, "PEERS", (broken,))
    compare.main([*TINY, "--only=picows", "--workload=rpc-seq"])
    lines = [line for line in capsys.readouterr().out.splitlines() if "picows" in line]
    assert any("cannot start" in line and "nothing_of_this_name" in line for line in lines)


class Asking(Protocol):
    """Asks for something else than it expects."""

    def call(self, number, method, payload):
        return super().call(number, method, payload | {"live": False})


def test_a_wrong_reply_is_reported(monkeypatch, capsys):
    wrong = Peer("aiohttp-raw", "aiohttp_raw", Asking())
    monkeypatch.setattr(compare, "PEERS", (wrong,))
    compare.main([*TINY, "--workload=rpc-seq"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "aiohttp-raw" in line]
    assert "the reply was" in line


@pytest.fixture(params=["one by one", "pipelined", "fan out"])
def timed(request):
    """A loop of the client, and the connection whose frames are counted in it."""
    (peer,) = [peer for peer in PEERS if peer.name == "aiohttp-raw"]
    with (
        Server(Path(sys.executable), peer.module, None) as server,
        Connection(server.port, "/stream") as one,
        Connection(server.port, "/stream") as other,
    ):
        ring = check_calls(peer, one, "echo", LARGE, 1)
        if request.param == "one by one":
            yield one, partial(one_by_one, one, ring, 0.1)
        elif request.param == "pipelined":
            yield one, partial(pipelined, [one], ring, 4, 0.1)
        else:
            one.send(peer.protocol.subscribe(1000))
            one.receive()
            other.send(peer.protocol.publish(1000, LARGE))
            one.receive()
            other.receive()
            ring = Ring([peer.protocol.publish(1000, LARGE)] * 4)
            yield one, partial(fan_out, other, [one], ring, 4, 0.1, None)


def test_whole_replies_and_events_are_counted(timed):
    _, loop = timed
    loop()


def test_a_byte_too_many_is_not_counted(timed):
    connection, loop = timed
    connection.size -= 1
    with pytest.raises(Unexpected, match="bytes came for"):
        loop()


def test_a_byte_too_few_is_not_counted(timed, monkeypatch):
    connection, loop = timed
    connection.size += 1
    connection.socket.settimeout(0.2)
    monkeypatch.setattr(pipeline, "PATIENCE", 0.2)
    with pytest.raises((Unexpected, TimeoutError), match=r"nothing came|bytes came|timed out"):
        loop()


class Run:
    """A comparison whose servers do nothing, and whose host takes as much time as it is told."""

    def __init__(self, monkeypatch, rounds, stolen=()):
        self.order, taken = [], iter(stolen)

        def work(server, peer, sizes, number):
            self.order.append((number, peer.name))
            return Measured(1, 1.0, 1.0, 1.0, {"rate": float(len(self.order))}, next(taken, 0.0))

        monkeypatch.setitem(WORKLOADS, "rpc-seq", work)
        idle = nullcontext(SimpleNamespace(versions={}))
        monkeypatch.setattr(compare.Comparison, "_server", lambda self, *which: idle)
        peers = [Peer(name, name) for name in "abc"]
        self.comparison = compare.Comparison(peers, ["rpc-seq"], rounds, compare.Sizes(), pin=False)
        self.comparison.run()


def test_another_server_is_first_in_each_round(monkeypatch):
    run = Run(monkeypatch, 3)
    assert "".join(name for _, name in run.order) == "abcbcacab"
    assert [number for number, _ in run.order] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_run_whose_time_the_host_took_is_tried_again_a_few_times(monkeypatch):
    run = Run(monkeypatch, 1, [0.0, 0.2, 0.01, 0.2, 0.2, 0.2])
    assert "".join(name for _, name in run.order) == "abbccc"
    kept = [one["figures"]["rate"] for one in run.comparison.runs]
    assert kept == [1, 3, 6]


def test_a_pinned_client_leaves_a_core_to_the_servers():
    before = os.sched_getaffinity(0)
    with pinned(True) as core:
        here = os.sched_getaffinity(0)
        if len(before) > 1:
            assert len(here) == 1
            assert core in before - here
        else:
            assert core is None
    assert os.sched_getaffinity(0) == before
    with pinned(False) as core:
        assert core is None
        assert os.sched_getaffinity(0) == before


def test_a_refused_websocket_is_told():
    class Elsewhere(Protocol):
        path = "/nowhere"

    with Server(Path(sys.executable), "aiohttp_raw", None) as server:
        with pytest.raises(Unexpected, match="refused the websocket"):
            churn(server.port, Elsewhere(), Protocol().call(1000, "echo", {}), 1, 0.1)
        with pytest.raises(Unexpected, match="refused the websocket"):
            Connection(server.port, Elsewhere.path)


def test_every_peer_of_the_comparison_has_a_server():
    for peer in PEERS:
        assert (ROOT / "benchmarks" / "servers" / f"{peer.module}.py").exists(), peer


def test_ratios_are_those_of_the_same_round():
    runs = [
        {"workload": "rpc-pipe", "server": server, "round": number, "figures": {"rate": rate}}
        for server, rates in {"wsrpc": [10, 40, 90], "aiohttp-raw": [10, 20, 30]}.items()
        for number, rate in enumerate(rates)
    ]
    results = Results([*runs, runs[0] | {"round": 3}])  # a round that only one has
    ratio = results.ratio("rpc-pipe", "wsrpc", "aiohttp-raw", "rate")
    assert ratio == Spread(median=2, least=1, most=3)
    (goal,) = [g for g in GOALS if (g.workload, g.other) == ("rpc-pipe", "aiohttp-raw")]
    assert goal.is_met(ratio)
    assert not goal.is_met(Spread(median=1.9, least=1, most=3))
    (cost,) = [g for g in GOALS if (g.workload, g.other) == ("fanout-seq", "aiohttp-raw")]
    assert cost.is_met(Spread(median=cost.value, least=0.1, most=3))
    assert not cost.is_met(Spread(median=cost.value + 0.1, least=0.1, most=3))
    assert results.ratio("rpc-pipe", "wsrpc", "picows", "rate") is None


def test_growth_is_measured_told_and_drawn(tmp_path, capsys):
    files = tmp_path / "growth.json", tmp_path / "growth.svg"
    tiny = [
        "--no-pin",
        "--connections=20",
        "--own=20",
        "--operations=3",
        "--curve=calls",
        "--curve=own",
    ]
    growth.main([*tiny, f"--json={files[0]}", f"--plot={files[1]}"])
    measured = json.loads(files[0].read_text())["curves"]
    assert len(measured) == 3
    table = capsys.readouterr().out
    words = [node.text for node in ET.parse(files[1]).iter("{http://www.w3.org/2000/svg}text")]
    for curve in measured:
        assert [count for count, _ in curve["points"]] == [1, 10, 20]
        assert all(cost > 0 for _, cost in curve["points"])
        assert curve["name"] in table
        assert any(word.startswith(curve["name"]) for word in words)


@pytest.mark.slow
def test_compression_is_measured_beside_that_of_aiohttp(capsys):
    tiny = ["--no-pin", "--subscribers=3", "--events=6", "--size=1500", "--rounds=1"]
    compression.main(tiny)
    rows = capsys.readouterr().out.splitlines()[2:-1]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells] == [*compression.WAYS]
    sent = {row[0]: float(row[2].replace(",", "")) for row in cells}
    assert sent["wsrpc-plain"] == sent["aiohttp-plain"] > 1500
    assert sent["aiohttp-compressed"] < sent["wsrpc-compressed"] < 800
    assert all(float(row[1].replace(",", "")) > 0 for row in cells)


@pytest.mark.parametrize("name", ["publishes", "patterns", "subscribes"])
def test_every_curve_reaches_the_largest_number(name):
    sizes = Sizes(2, 2, 2, 2, 2, operations=1)
    for curve in CURVES[name](Growth(sizes, None)):
        assert [count for count, _ in curve.points] == [1, 2]


@pytest.mark.parametrize(
    ("costs", "verdict"),
    [
        ([5, 5, 6, 6], "flat"),
        ([4, 8, 8, 8], "flat"),  # a step, and level from there on
        ([5, 5, 20, 200], "NOT flat: grows like n^0.80 at the end"),
    ],
)
def test_what_grows_is_called_so(costs, verdict):
    points = list(zip([1, 10, 100, 1000], costs, strict=True))
    assert Curve("call", "call", "connections", points).verdict == verdict
