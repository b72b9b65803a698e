"""The same command again: what failed comes first, and one seed always gives the same."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis
import pytest
from hypothesis.database import InMemoryExampleDatabase

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]

BROKEN = {
    "accepts": (
        """
        async def ws_rpc_bad(self, payload: Numbers) -> Number:
            return Number(1 // (payload.b % 3))
        """,
        "no-internal-error",
    ),
    "sequence": (
        """
        async def ws_rpc_bad(self, payload: Numbers) -> Number:
            self.calls = getattr(self, "calls", 0) + 1
            return Number(1 // (2 - self.calls))
        """,
        "no-internal-error",
    ),
    "nothing-left": (
        """
        async def ws_rpc_bad(self, payload: Numbers) -> Number:
            TASKS.append(asyncio.create_task(asyncio.sleep(10**9)))
            return Number(1)
        """,
        "nothing-left",
    ),
    "concurrent": (
        """
        async def ws_rpc_bad(self, payload: Numbers) -> Number:
            number = COUNTS.get(self.sockets, 0) + 1
            await asyncio.sleep(0.01)
            COUNTS[self.sockets] = number
            return Number(number)
        """,
        "serial",
    ),
}
NAMES = "import asyncio, itertools, weakref\nTASKS = []\nCOUNTS = weakref.WeakKeyDictionary()\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_wsrpc.fuzz.item.SHRINKING_TIME", 1.0)
    monkeypatch.setattr("pytest_wsrpc.fuzz.item.SHORTENING_TIME", 0.5)


def of_phase(name: str) -> dict[str, tuple[str, ...]]:
    return {"phases": ("sequence",) if name == "nothing-left" else (name,)}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_what_failed_is_tried_first(write_app: WriteApp, fuzz: Run, name: str) -> None:
    methods, check = BROKEN[name]
    write_app(methods, end=NAMES)
    wanted = ("-k", "bad or /stream and not add", "--wsrpc-include=bad")
    found = fuzz(*wanted, "--wsrpc-max-examples=10", **of_phase(name))
    found.stdout.fnmatch_lines([f"check: {check}"])
    only_replays = hypothesis.settings(phases=[hypothesis.Phase.reuse])
    hypothesis.settings.register_profile("fuzz-tests", only_replays)
    hypothesis.settings.load_profile("fuzz-tests")
    again = fuzz(*wanted, **of_phase(name))
    again.stdout.fnmatch_lines([f"check: {check}"])


def test_what_failed_by_chance_does_not_hide_what_always_fails(
    write_app: WriteApp, fuzz: Run
) -> None:
    methods, _ = BROKEN["accepts"]
    write_app(methods)
    run = ("-k", "bad", "--wsrpc-include=bad")
    fuzz(*run, **of_phase("accepts")).assert_outcomes(failed=1)
    chance = """
        async def ws_rpc_bad(self, payload: Numbers) -> Number:
            if next(CALLS) == 0:
                raise KeyError("only once")
            return Number(1 // (payload.a % 3))
        """
    write_app(chance, end="import itertools\nCALLS = itertools.count()\n")
    found = fuzz(*run, **of_phase("accepts"))
    found.stdout.fnmatch_lines(["check: no-internal-error"])
    assert "ZeroDivisionError" in found.stdout.str()


def comparable(result: pytest.RunResult) -> list[str]:
    """Return what a run has told, but for times and processes."""
    lines = iter(result.outlines)
    next(line for line in lines if "= FAILURES =" in line)
    return [line for line in lines if not line.startswith("[gw") and " passed" not in line]


def write_all(write_app: WriteApp) -> None:
    named = [code.replace("bad", name.replace("-", "_")) for name, (code, _) in BROKEN.items()]
    write_app("".join(named), end=NAMES)


@pytest.mark.slow
def test_one_seed_gives_the_same_failures_in_the_same_order(
    write_app: WriteApp, fuzz: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # where time ends the search, it decides what is found
    monkeypatch.setattr("pytest_wsrpc.fuzz.item.SHRINKING_TIME", 60.0)
    write_all(write_app)
    seen = []
    for _ in range(2):
        hypothesis.settings.register_profile(
            "fuzz-tests", derandomize=False, database=InMemoryExampleDatabase()
        )
        hypothesis.settings.load_profile("fuzz-tests")
        result = fuzz("--wsrpc-max-examples=6", phases=("accepts", "sequence"))
        seen.append(comparable(result))
    assert seen[0] == seen[1]
    assert "check: no-internal-error" in seen[0]


@pytest.mark.slow
def test_in_ci_and_in_several_processes_too(
    write_app: WriteApp, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "1")
    write_all(write_app)
    seen = []
    for number, options in enumerate(([], ["-n2"])):
        monkeypatch.setenv("PYTHONHASHSEED", str(number))
        result = pytester.runpytest_subprocess(
            *("-p", "no:randomly", "-p", "no:cacheprovider", "--wsrpc-fuzz=myapp:create_app"),
            *("--wsrpc-max-examples=10", "--wsrpc-include=accepts", "--wsrpc-include=sequence"),
            *("-k", "accepts or stream::sequence"),
            *options,
        )
        seen.append(comparable(result))
        result.stdout.fnmatch_lines(["seed 0 (hypothesis' derandomize)"])
    assert seen[0] == seen[1]


@pytest.mark.parametrize("phase", ["accepts", "sequence", "concurrent"])
def test_what_fails_by_chance_is_never_an_error_of_hypothesis_or_pytest(
    write_app: WriteApp, fuzz: Run, phase: str
) -> None:
    write_app(
        """
        async def ws_rpc_bad(self, payload: Numbers) -> Number:
            return Number(1 // (next(CALLS) % 3 and next(CALLS) % 7))
        """,
        end="import itertools\nCALLS = itertools.count(1)\n",
    )
    result = fuzz("--wsrpc-include=bad", "--wsrpc-max-examples=6", phases=(phase,))
    assert set(result.parseoutcomes()) <= {"passed", "failed"}
    text = result.stdout.str()
    assert "Flaky" not in text
    assert "hypothesis.errors" not in text


def test_where_the_profile_tries_nothing_an_item_is_skipped(write_app: WriteApp, fuzz: Run) -> None:
    write_app()
    nothing = hypothesis.settings(phases=[hypothesis.Phase.explicit])
    hypothesis.settings.register_profile("fuzz-tests", nothing)
    hypothesis.settings.load_profile("fuzz-tests")
    fuzz("-k", "accepts", phases=("accepts",)).assert_outcomes(skipped=1)
