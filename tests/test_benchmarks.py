"""``benchmarks/compare.py``, small: that it measures everything, and what it writes."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET

import pytest

from benchmarks import compare
from benchmarks.comparison.peers import PEERS, CannotInstall, Peer
from benchmarks.comparison.processes import ROOT
from benchmarks.comparison.results import METRICS
from benchmarks.comparison.workloads import WORKLOADS

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


def test_every_peer_of_the_comparison_has_a_server():
    for peer in PEERS:
        assert (ROOT / "benchmarks" / "servers" / f"{peer.module}.py").exists(), peer
