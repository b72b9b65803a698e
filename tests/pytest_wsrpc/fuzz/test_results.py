"""What the fuzzer has found, in the reports for people and for machines."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import pytest_wsrpc.report.page  # noqa: F401 - pytester unloads what an inner run has loaded

Run = Callable[..., pytest.RunResult]
Write = Callable[..., None]
Lines = Callable[..., list[dict[str, Any]]]

CRASHES = """
async def ws_rpc_half(self, payload: Number) -> Number:
    return Number(100 // payload.value)
"""


@pytest.fixture
def lines(fuzz: Run, pytester: pytest.Pytester) -> Lines:
    """Run the fuzzer, and return the lines: ``lines("-k", "accepts")``."""

    def run(*arguments: str, **how: Any) -> list[dict[str, Any]]:
        fuzz("--wsrpc-ndjson=a.ndjson", "--wsrpc-report=a.html", *arguments, **how)
        written = (pytester.path / "a.ndjson").read_text("utf-8").splitlines()
        return [json.loads(line) for line in written]

    return run


def test_each_event_has_its_line(write_app: Write, lines: Lines) -> None:
    write_app(CRASHES)
    found = lines("-k", "half or add", phases=["accepts"])
    assert Counter(line["type"] for line in found) == {
        "run": 1,
        "case": sum(line["cases"] for line in found if line["type"] == "item"),
        "finding": 1,
        "conversation": 1,
        "item": 2,
        "summary": 1,
    }
    run, summary = found[0], found[-1]
    assert run["seed"] == {"value": 1, "origin": "--wsrpc-seed"}
    assert run["targets"] == ["myapp:create_app"]
    assert {"Python", "pytest", "aiohttp", "hypothesis"} <= run["versions"].keys()
    assert summary["items"] == {"failed": 1, "passed": 1}
    [defect] = summary["defects"]
    [finding] = [line for line in found if line["type"] == "finding"]
    assert defect["id"] == finding["defect"]
    assert defect["items"] == [finding["item"]] == ["myapp.py::create_app::/stream::half::accepts"]
    assert {row["method"]: row["defects"] for row in summary["methods"]}["half"] == 1


def test_a_finding_has_its_conversation_and_its_test(write_app: Write, lines: Lines) -> None:
    write_app(CRASHES)
    found = lines("-k", "half and accepts")
    *cases, finding, conversation, item, _ = found[1:]
    assert finding["check"] == "no-internal-error"
    assert (finding["endpoint"], finding["method"]) == ("/stream", "half")
    assert "ZeroDivisionError" in finding["server"]
    assert "async def test_half_no_internal_error(ws_connect):" in finding["test"]
    assert conversation["of"] == finding["id"] == f"{item['id']}#0"
    assert [frame["what"] for frame in conversation["frames"]] == ["sent", "failed", "received"]
    assert json.loads(conversation["frames"][0]["text"])["payload"] == {"value": 0}
    assert conversation["frames"][1]["text"].splitlines()[0].startswith("ZeroDivisionError: ")
    assert re.fullmatch(
        r"myapp.py:\d+ in ws_rpc_half", conversation["frames"][1]["text"].splitlines()[1]
    )
    assert (item["outcome"], item["findings"], item["cases"]) == ("failed", 1, len(cases))
    assert [case["outcome"] for case in cases].count("failed") == 1
    failed = cases[-1]
    assert (failed["check"], failed["answers"]) == ("no-internal-error", {"error": 1})
    assert (failed["number"], failed["methods"], failed["valid"]) == (
        len(cases) - 1,
        ["half"],
        True,
    )
    assert all("conversation" not in case for case in cases)


@pytest.mark.parametrize(
    ("option", "story", "cases"),
    [
        ("-q", False, False),
        ("--wsrpc-report=a.html", True, False),
        ("--wsrpc-ndjson=a", True, True),
    ],
)
def test_reports_of_items_carry_only_what_is_asked_for(
    write_app: Write, fuzz: Run, pytester: pytest.Pytester, option: str, story: bool, cases: bool
) -> None:
    write_app(CRASHES)
    pytester.makeconftest(
        """
def pytest_runtest_logreport(report):
    if report.when == "call":
        [found] = report.wsrpc_fuzz["found"]
        print("carries:", bool(found["evidence"]["story"]), bool(report.wsrpc_fuzz["cases"]))
"""
    )
    result = fuzz("-s", option, "-k", "half and accepts")
    result.stdout.fnmatch_lines([f"*carries: {story} {cases}"])


def test_messages_of_passing_cases_are_written_where_asked_for(
    write_app: Write, lines: Lines
) -> None:
    write_app()
    found = lines("-k", "add and refuses", "--wsrpc-ndjson-messages")
    cases = [line for line in found if line["type"] == "case"]
    assert cases
    for case in cases:
        assert not case["valid"]
        assert case["answers"] == {"refused": 1}
        assert [frame["what"] for frame in case["conversation"]["frames"]] == ["sent", "received"]


def test_a_conversation_of_several_calls_is_one_case(write_app: Write, lines: Lines) -> None:
    write_app(CRASHES)
    found = lines("--wsrpc-ndjson-messages", phases=["sequence"])
    cases = [line for line in found if line["type"] == "case"]
    assert any(len(case["methods"]) > 1 for case in cases)
    assert any(sum(case["answers"].values()) > 1 for case in cases)
    finding = next(line for line in found if line["type"] == "finding")
    conversation = next(line for line in found if line["type"] == "conversation")
    assert finding["phase"] == "sequence"
    assert "failed" in [frame["what"] for frame in conversation["frames"]]


def test_an_item_that_is_skipped_and_one_that_breaks_have_their_reason(
    write_app: Write, lines: Lines, pytester: pytest.Pytester
) -> None:
    write_app(
        "async def on_connect(self): raise web.HTTPUnauthorized",
        end="",
    )
    pytester.makeconftest(
        "def pytest_wsrpc_skip(method, phase): return 'not today' if phase == 'refuses' else None"
    )
    items = {line["phase"]: line for line in lines() if line["type"] == "item"}
    assert (items["refuses"]["outcome"], items["refuses"]["reason"]) == ("skipped", "not today")
    assert items["accepts"]["outcome"] == "error"
    assert "was answered with 401" in items["accepts"]["reason"]
    assert items["protocol"]["outcome"] == "skipped"
    html = (pytester.path / "a.html").read_text("utf-8")
    assert "skipped: /stream add refuses: not today" in html
    assert "answered with 401" in html
    assert "pytest --wsrpc-fuzz myapp:create_app --wsrpc-seed 1 " in html


def test_the_page_shows_a_defect_with_its_test(
    write_app: Write, lines: Lines, pytester: pytest.Pytester
) -> None:
    write_app(CRASHES)
    found = lines("-k", "half and accepts")
    html = (pytester.path / "a.html").read_text("utf-8")
    assert "<title>Failed: 1 defect - wsrpc report</title>" in html
    assert "ZeroDivisionError at myapp.py:" in html
    assert "async def test_half_no_internal_error(ws_connect):" in html
    [finding] = [line for line in found if line["type"] == "finding"]
    assert finding["again"] in html


def test_a_test_of_parametrized_cases_has_the_conversation_that_failed(
    write_app: Write, suite: Run, pytester: pytest.Pytester
) -> None:
    write_app(CRASHES)
    source = """
    from pytest_wsrpc import fuzz
    from myapp import create_app

    api = fuzz.load(create_app, include=["half"])

    @api.parametrize(phases=["accepts"])
    async def test_half(case):
        case.check(await case.call())
    """
    suite("".join(f"{line[4:]}\n" for line in source.split("\n")), "--wsrpc-ndjson=a.ndjson")
    written = (pytester.path / "a.ndjson").read_text("utf-8").splitlines()
    _, test, conversation, _ = map(json.loads, written)
    assert test["id"] == conversation["of"] == "test_it.py::test_half[/stream::half]"
    assert [frame["what"] for frame in conversation["frames"]] == ["sent", "failed", "received"]


def test_junit_has_seed_place_phase_cases_and_failed_checks(
    write_app: Write, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app(CRASHES)
    fuzz("-k", "half and accepts or protocol", "--junit-xml=a.xml")
    found = {}
    for case in ET.parse(pytester.path / "a.xml").iter("testcase"):
        properties = {
            one.attrib["name"].removeprefix("wsrpc_"): one.attrib["value"]
            for one in case.iter("property")
        }
        assert int(properties.pop("cases")) > 0
        found[properties.pop("phase")] = properties
    place = {"target": "myapp:create_app", "endpoint": "/stream", "seed": "1"}
    assert found == {
        "accepts": {**place, "method": "half", "check": "no-internal-error"},
        "protocol": place,
    }
