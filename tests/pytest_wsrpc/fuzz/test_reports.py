"""Each defect is told once, the worst first, with a test that fails in the same way alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from pytest_wsrpc.fuzz.failure import CheckFailure
from pytest_wsrpc.fuzz.folding import Shown
from pytest_wsrpc.fuzz.report import Evidence

Run = Callable[..., pytest.RunResult]
Write = Callable[..., None]
Paste = Callable[[pytest.RunResult], str]

WORSE_LAST = """
async def ws_rpc_form(self, payload: Numbers) -> Number:
    return {"value": "none"}

async def ws_rpc_other(self, payload: Numbers) -> Number:
    return self.crash()

async def ws_rpc_worst(self, payload: Numbers) -> Number:
    return self.crash()

def crash(self):
    raise LookupError
"""


def test_what_harms_most_is_shown_first(write_app: Write, fuzz: Run) -> None:
    write_app(WORSE_LAST)
    result = fuzz("-k", "accepts")
    result.assert_outcomes(failed=3, passed=1, deselected=5)
    result.stdout.fnmatch_lines(
        [
            "*FAILURES*",
            "check: no-internal-error",
            "also in: /stream worst: accepts",
            "check: conforms",
            "*wsrpc fuzz*",
            "/stream form * 1  accepts",
            "/stream other * 1  accepts",
            "/stream worst * 0  accepts",
            "*short test summary*",
            "FAILED *form::accepts - conforms: *",
            "FAILED *worst::accepts - the same as create_app*",
        ]
    )
    assert result.stdout.str().count("check: ") == 2


def test_each_failure_of_junit_has_the_whole_report(
    write_app: Write, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app(WORSE_LAST)
    fuzz("-k", "accepts", "--junitxml=report.xml")
    tree = ET.parse(pytester.path / "report.xml")
    texts = [failure.text or "" for failure in tree.iter("failure")]
    assert len(texts) == 3
    assert all("as a test:" in text for text in texts)


@pytest.mark.slow
def test_a_defect_that_several_processes_find_is_shown_once(
    write_app: Write, pytester: pytest.Pytester
) -> None:
    write_app(WORSE_LAST)
    result = pytester.runpytest_subprocess(
        "-p", "no:randomly", "-n2", "--wsrpc-fuzz=myapp:create_app", "--wsrpc-max-examples=20",
        "-k", "accepts", "--wsrpc-ndjson=a.ndjson", "--wsrpc-report=a.html",
    )  # fmt: skip
    result.assert_outcomes(failed=3, passed=1)
    text = result.stdout.str()
    assert text.count("check: no-internal-error") == 1
    assert text.count("as a test:") == 2
    result.stdout.fnmatch_lines(["also in: *", "check: conforms", "FAILED * - the same as *"])
    written = (pytester.path / "a.ndjson").read_text("utf-8").splitlines()
    *lines, summary = map(json.loads, written)
    assert summary["items"] == {"failed": 3, "passed": 1}
    assert [defect["check"] for defect in summary["defects"]] == ["no-internal-error", "conforms"]
    counts = Counter(line["type"] for line in lines)
    assert counts["finding"] == counts["conversation"] == 3
    assert counts["case"] == sum(line["cases"] for line in lines if line["type"] == "item")
    page = (pytester.path / "a.html").read_text("utf-8")
    assert "<title>Failed: 2 defects - wsrpc report</title>" in page


def test_failures_of_ordinary_tests_come_first(
    write_app: Write, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app(WORSE_LAST)
    pytester.makepyfile(test_own="def test_own(): assert 1 == 2")
    result = fuzz("-k", "own or worst and accepts", "test_own.py")
    result.assert_outcomes(failed=2, deselected=8)
    result.stdout.fnmatch_lines(["*_ test_own _*", "*_ create_app::/stream::worst::accepts _*"])


def test_a_defect_is_told_as_soon_as_it_is_found_once(write_app: Write, fuzz: Run) -> None:
    write_app("async def ws_rpc_bad(self, payload: Number) -> None:\n    [][0]")
    run = ("-k", "(bad and accepts) or sequence", "--wsrpc-max-examples=5")
    lines = fuzz(*run, phases=("accepts", "sequence")).outlines
    told = [line for line in lines if line.startswith("found: ")]
    assert len(told) == 1
    assert "/stream bad, accepts: no-internal-error: IndexError at myapp.py" in told[0]
    assert lines.index(told[0]) < lines.index("check: no-internal-error")
    assert "found: " not in fuzz(*run, "-q").stdout.str()


def test_what_pytest_shows_briefly_is_brief(write_app: Write, fuzz: Run) -> None:
    write_app(WORSE_LAST)
    result = fuzz("-k", "worst and accepts", "--tb=line")
    result.stdout.fnmatch_lines(["*no-internal-error: LookupError at *in crash"])
    assert "as a test:" not in result.stdout.str()
    assert "as a test:" not in fuzz("-k", "worst and accepts", "--tb=no").stdout.str()


def test_items_without_any_time_left_are_counted(write_app: Write, fuzz: Run) -> None:
    write_app()
    result = fuzz("--wsrpc-max-time=0.000001")
    result.stdout.fnmatch_lines(["not run: * when the time was over: --wsrpc-max-time"])


def shown(endpoint: str, method: str, phase: str, check: str = "serial") -> Shown:
    nodeid = f"app.py::make::{endpoint}::{method}::{phase}"
    evidence = Evidence(said="body")
    return Shown(
        ("x",), check, "", nodeid, "app:make", endpoint, method, phase, 1, "head", evidence
    )


def test_where_else_a_defect_shows_is_told_by_method() -> None:
    first = shown("/a", "get", "accepts")
    others = [
        shown("/a", "put", "sequence"),
        shown("/a", "get", "faults"),
        shown("/a", "get", "sequence"),
        shown("/a", "get", "accepts"),
        shown("/b", "", "pubsub"),
    ]
    assert first.text(others).startswith(
        "head\nalso in: /a get: sequence, faults; /a put: sequence; /b: pubsub\n\nbody\n\n"
    )
    assert first.text().startswith("head\n\nbody\n\n")
    assert Shown.from_json(first.as_json()) == first


def test_a_check_of_the_users_own_stands_between_harm_and_form() -> None:
    checks = ["conforms", "a-users-own", "loop-not-blocked"]
    by_harm = sorted(checks, key=lambda check: shown("/a", "get", "accepts", check).harm)
    assert by_harm == ["loop-not-blocked", "a-users-own", "conforms"]


def test_a_wrong_form_is_one_defect_of_all_methods() -> None:
    def failure(check: str, method: str) -> CheckFailure:
        return CheckFailure(check, "/a", method, expected="", got="", key="another id")

    assert failure("well-formed", "get").defect == failure("well-formed", "put").defect
    assert failure("conforms", "get").defect != failure("conforms", "put").defect


# Tests to paste.

STATE = """
async def ws_rpc_count(self, payload: Numbers) -> Number:
    counts = vars(self.sockets).setdefault("counts", [])
    counts.append(1)
    return Number(len(counts))
"""
OWN = """
from pytest_wsrpc import fuzz

@fuzz.check("own-rule"OF)
def own_rule(played):
    '''A rule of ours.'''
    BODY
"""
SLOW = """
async def ws_rpc_slow(self, payload: Numbers) -> Number:
    until = time.thread_time() + 0.4 * (payload.a > 5)
    while time.thread_time() < until:
        pass
    return Number(1)
"""
LEAK = """
async def ws_rpc_watch(self, payload: Numbers) -> Number:
    await self.channels.register("news", None, self.heard)
    return Number(1)

def heard(self, channel, event, data): ...
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("methods", "phase", "said"),
    [
        (SLOW, "accepts", "AssertionError: the event loop was held for 0.*"),
        (LEAK, "sequence", "assert not (Counter({Thing(kind='callback', *"),
    ],
)
def test_a_pasted_test_uses_the_instruments_of_the_fuzzer(
    write_app: Write, fuzz: Run, paste: Paste, suite: Run, methods: str, phase: str, said: str
) -> None:
    write_app(methods, end="import time\n")
    result = fuzz("-k", f"{phase} and not add", "--wsrpc-max-examples=20", phases=[phase])
    assert result.parseoutcomes()["failed"] == 1
    pasted = suite(paste(result))
    pasted.assert_outcomes(failed=1)
    pasted.stdout.fnmatch_lines([f"E *{said}"])


@pytest.mark.parametrize(
    ("phase", "of", "body", "said"),
    [
        ("accepts", "", "assert played.method != 'count' or played.response['value'] < 1", "*"),
        (
            "sequence",
            "",
            "assert played.method != 'count' or played.response in (None, {'value': 1})",
            "*",
        ),
        (
            "sequence",
            ", of='record'",
            "if len(played.calls) > 1: raise fuzz.Violation(expected='one', got='more')",
            "AssertionError: own-rule: expected one, got more",
        ),
        (
            "sequence",
            ", of='record'",
            "assert [one.response for one in played.calls if one.method == 'count'] != "
            "[{'value': 1}, {'value': 2}]",
            "AssertionError*",
        ),
    ],
)
def test_a_pasted_test_makes_a_check_of_the_users_own(
    write_app: Write,
    fuzz: Run,
    paste: Paste,
    suite: Run,
    pytester: pytest.Pytester,
    phase: str,
    of: str,
    body: str,
    said: str,
) -> None:
    write_app(STATE)
    pytester.makeconftest(OWN.replace("OF", of).replace("BODY", body))
    result = fuzz("-k", f"{phase} and not add", "--wsrpc-max-examples=20", phases=[phase])
    assert result.parseoutcomes()["failed"] == 1
    source = paste(result)
    assert "fuzz.verify('own-rule', " in source
    pasted = suite(source)
    pasted.assert_outcomes(failed=1)
    pasted.stdout.fnmatch_lines([f"E *{said}"])


def test_a_check_of_the_users_own_may_be_about_a_reply_that_never_comes(
    write_app: Write, fuzz: Run, paste: Paste, suite: Run, pytester: pytest.Pytester
) -> None:
    write_app(
        """
        async def ws_rpc_wait(self, payload: Numbers) -> Number:
            if payload.a > 5:
                await asyncio.sleep(3600)
            return Number(1)
        """,
        end="import asyncio\n",
    )
    pytester.makeconftest(OWN.replace("OF", "").replace("BODY", "assert played.answers"))
    chosen = ["--wsrpc-exclude-checks=one-reply-in-time", "--wsrpc-case-timeout=0.2"]
    result = fuzz("-k", "wait and accepts", *chosen)
    assert result.parseoutcomes()["failed"] == 1
    source = paste(result)
    assert "payload, None)" in source
    pasted = suite(source)
    pasted.assert_outcomes(failed=1)
    pasted.stdout.fnmatch_lines(["E *assert*"])
