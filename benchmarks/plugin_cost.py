"""What the plugin costs a test run that does not use it, beside pytest-aiohttp itself.

Runs of a suite without any of the fixtures, with the plugin and with it disabled, one after the
other. Of each run with the plugin are counted the import of its own modules (``-X importtime``) and
the time within its hooks; the minimum of all runs is the figure, as other load only adds to it.

    python benchmarks/plugin_cost.py [RUNS]
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT_MS = 10.0

SUITE = """
import pytest

@pytest.mark.parametrize("n", range(20))
def test_number(n):
    assert n >= 0

async def test_coroutine():
    pass
"""

TIMING = '''
"""Measures the time within the hooks of pytest_wsrpc.plugin."""

import functools
import os
import time

import pytest
from _pytest.config.argparsing import Parser

spent = 0.0


def timed(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        global spent
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent += time.perf_counter() - start

    return call


def timed_wrapper(function):
    """Counts what a wrapper does before and after what it wraps, but not that."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        global spent
        start = time.perf_counter()
        generator = function(*args, **kwargs)
        try:
            next(generator)
            while True:
                spent += time.perf_counter() - start
                try:
                    value = yield
                except BaseException as error:
                    start = time.perf_counter()
                    generator.throw(error)
                else:
                    start = time.perf_counter()
                    generator.send(value)
        except StopIteration as stop:
            return stop.value
        finally:
            spent += time.perf_counter() - start

    return call


@pytest.hookimpl(trylast=True)
def pytest_load_initial_conftests(early_config):
    manager = early_config.pluginmanager
    plugin = manager.get_plugin("wsrpc")
    if plugin is None:
        return
    # It was called before anything could measure it: once more, with a parser of its own.
    timed(plugin.pytest_addoption)(Parser(_ispytest=True))
    for caller in manager.get_hookcallers(plugin):
        for implementation in caller.get_hookimpls():
            if implementation.plugin is plugin:
                wrap = timed_wrapper if implementation.wrapper else timed
                implementation.function = wrap(implementation.function)


def pytest_unconfigure():
    with open(os.environ["HOOK_TIME"], "w") as file:
        file.write(str(spent))
'''


def run(directory: Path, *options: str) -> tuple[float, float, float]:
    """Return seconds of the whole run, of the plugin's imports, of its hooks."""
    times = directory / "hooks.txt"
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pytest", "-q", "-p", "timing", *options],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(directory), "HOOK_TIME": str(times)},
        capture_output=True,
        text=True,
    )
    whole = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"the measured suite failed:\n{done.stdout}\n{done.stderr[-2000:]}")
    own = re.findall(r"import time:\s*(\d+) \|\s*\d+ \| +pytest_wsrpc\b", done.stderr)
    return whole, sum(map(int, own)) / 1e6, float(times.read_text())


def main(runs: int = 20) -> int:
    imports, hooks, on, off = [], [], [], []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "test_suite.py").write_text(SUITE)
        (directory / "timing.py").write_text(TIMING)
        (directory / "pytest.ini").write_text(
            "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        )
        run(directory)  # writes the compiled modules
        for number in range(runs):
            whole, importing, hooking = run(directory)
            on.append(whole)
            imports.append(importing)
            hooks.append(hooking)
            off.append(run(directory, "-p", "no:wsrpc")[0])
            print(f"\rrun {number + 1} of {runs}", end="", file=sys.stderr)
        print(file=sys.stderr)
    together = [sum(pair) for pair in zip(imports, hooks, strict=True)]
    print(f"{'ms':>30}  minimum  median")
    for title, values in (
        ("imports of pytest_wsrpc", imports),
        ("its hooks, 21 tests", hooks),
        ("together", together),
        ("whole run, plugin disabled", off),
        ("whole run, with the plugin", on),
    ):
        print(f"{title:>30}  {min(values) * 1e3:7.2f}  {statistics.median(values) * 1e3:6.2f}")
    cost = min(together) * 1e3
    print(f"\nThe plugin adds {cost:.2f} ms (limit {LIMIT_MS:g} ms).")
    return cost >= LIMIT_MS


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
