"""The example applications under the fuzzer; their tests, in ``examples/``, run on their own."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
OPTIONS = ["-p", "no:cacheprovider", "-p", "no:randomly", "--wsrpc-max-examples=20", "--wsrpc-fuzz"]
METHODS = ["cancel_order", "info", "order_book", "place_order"]


class FuzzRun:
    """One run of the fuzzer, as README's first command does it."""

    def __init__(self, target, directory):
        report = directory / "report.xml"
        started = time.monotonic()
        run = subprocess.run(
            [sys.executable, "-m", "pytest", *OPTIONS, target, f"--junit-xml={report}"],
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
            item = f"{case.get('classname').partition('/stream')[2]}.{case.get('name')}"
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


def test_the_planted_bugs_are_found_and_nothing_else(tmp_path):
    run = FuzzRun("examples.trading_buggy:create_app", tmp_path)
    assert run.returncode == 1, run.output
    assert run.failed[".place_order.accepts"] == {"no-internal-error"}
    assert run.failed[".cancel_order.accepts"] == {"conforms"}
    assert set.union(*run.failed.values()) == {"no-internal-error", "conforms"}
    assert run.output.count("\ncheck: ") == 2
    assert "ZeroDivisionError" in run.output
