"""The example applications under the fuzzer; their tests, in ``examples/``, run on their own."""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[1]
OPTIONS = [
    *("-p", "no:cacheprovider", "-p", "no:randomly"),
    # README's first command, which CI runs too, looks at other cases each time
    "--wsrpc-seed=1",
    "--wsrpc-max-examples=20",
    "--wsrpc-fuzz",
]
METHODS = ["cancel_order", "info", "order_book", "place_order"]


class FuzzRun:
    """One run of the fuzzer, as README's first command does it."""

    def __init__(self, target, directory, *options):
        report = directory / "report.xml"
        started = time.monotonic()
        run = subprocess.run(
            [sys.executable, "-m", "pytest", *OPTIONS, target, *options, f"--junit-xml={report}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(directory / "hypothesis")},
        )
        self.seconds = time.monotonic() - started
        self.returncode = run.returncode
        self.output = run.stdout
        self.failed = {}
        self.passed = []
        for case in ElementTree.parse(report).iter("testcase"):
            item = f"{case.get('classname').rpartition('/stream')[2]}.{case.get('name')}"
            if case.find("failure") is not None:
                found = case.iterfind("properties/property[@name='wsrpc_check']")
                self.failed[item] = {one.get("value") for one in found}
            elif case.find("error") is None:
                self.passed.append(item)


def test_every_item_of_the_trading_floor_passes(tmp_path):
    run = FuzzRun("examples.trading:create_app", tmp_path)
    assert run.returncode == 0, run.output
    assert {f".{method}.accepts" for method in METHODS} < set(run.passed)
    assert ".protocol" in run.passed
    for method in METHODS:
        assert re.search(rf"^/stream {method} +\d+ ", run.output, re.M), run.output
    assert not run.failed
    assert "warning" not in run.output.replace("warnings", "")
    assert run.seconds < 60


@pytest.fixture(scope="module")
def buggy(tmp_path_factory):
    return FuzzRun("examples.trading_buggy:create_app", tmp_path_factory.mktemp("buggy"))


def test_the_planted_bugs_are_found_and_nothing_else(buggy):
    run = buggy
    assert run.returncode == 1, run.output
    assert run.failed[".place_order.accepts"] == {"no-internal-error"}
    assert run.failed[".cancel_order.accepts"] == {"conforms"}
    reported = re.findall(r"^check: (.+)$", run.output, re.M)
    assert sorted(reported) == ["conforms", "no-internal-error"], run.output
    # other items may fail in more ways, which are told to be the same
    assert all(found & {*reported} for found in run.failed.values()), run.failed
    assert "ZeroDivisionError" in run.output


@pytest.mark.parametrize("suffix", ["", "-narrow"])
def test_the_picture_of_the_fuzzer_is_of_what_it_prints(buggy, suffix, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    pictures = import_module("pictures")
    drawing = (pictures.PICTURES / f"fuzz{suffix}.svg").read_text()
    missing = pictures.terminal.lacks(drawing, pictures.FUZZ, buggy.output)
    assert not missing, f"run docs/pictures.py fuzz again: {missing}\n{buggy.output}"


@contextmanager
def served(target, directory):
    """Serve an application in a process of its own; give its URL, and its document in a file."""
    run = subprocess.run(
        [sys.executable, "-m", "wsrpc", "describe", target],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    document = directory / "asyncapi.json"
    document.write_bytes(run.stdout)
    module, _, factory = target.partition(":")
    code = (
        f"from aiohttp import web; from {module} import {factory} as create\n"
        "ready = lambda text: print(text.split()[3], flush=True)\n"
        "web.run_app(create(), host='127.0.0.1', port=0, access_log=None, print=ready)"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        host = server.stdout.readline().strip().removeprefix("http://").rstrip("/")
        yield f"ws://{host}/stream", document
    finally:
        server.terminate()
        server.communicate()


def test_the_planted_bugs_are_found_through_a_url_alone(tmp_path):
    with served("examples.trading_buggy:create_app", tmp_path) as (url, document):
        run = FuzzRun(url, tmp_path, f"--wsrpc-schema={document}")
    assert run.returncode == 1, run.output
    assert run.failed[".place_order.accepts"] == {"no-internal-error"}
    assert run.failed[".cancel_order.accepts"] == {"no-internal-error"}
    assert set.union(*run.failed.values()) == {"no-internal-error"}
    assert run.output.count("\ncheck: ") == 2
    for check in ("loop-not-blocked", "serial", "clean-under-faults", "nothing-left"):
        assert re.search(rf"^not run: the checks? .*{check}", run.output, re.M), run.output


@pytest.mark.slow
def test_every_item_of_the_trading_floor_passes_through_a_url(tmp_path):
    with served("examples.trading:create_app", tmp_path) as (url, document):
        run = FuzzRun(url, tmp_path, f"--wsrpc-schema={document}")
    assert run.returncode == 0, run.output
    assert {f".{method}.accepts" for method in METHODS} < set(run.passed)
    assert {".protocol", ".sequence", ".concurrent", ".pubsub"} < set(run.passed)
    assert "warning: " not in run.output
