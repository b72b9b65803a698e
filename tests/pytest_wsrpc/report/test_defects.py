"""What the fuzzer has found, on the page."""

from __future__ import annotations

from collections import Counter

from pytest_wsrpc.fuzz.folding import Shown
from pytest_wsrpc.fuzz.report import Evidence
from pytest_wsrpc.fuzz.reporting import Outcome
from pytest_wsrpc.fuzz.summary import Row
from pytest_wsrpc.fuzz.tally import Counts
from pytest_wsrpc.report.page import to_html
from pytest_wsrpc.report.results import FuzzItem, Results
from pytest_wsrpc.report.story import Step, Story

from .reading import Node, read

CALL = '{"id":0,"method":"add","payload":{}}'
EVIDENCE = Evidence(
    note="invalid: a is missing",
    said=f"  > {CALL}",
    expected="-32602",
    got="-32603 Internal error",
    server="app.py:3: in add\nKeyError: 'a'",
    again="pytest --wsrpc-fuzz app:make",
    test="import pytest\n\nasync def test_add(): ...",
    story=Story.of(["client"], [Step(0.0, "sent", 0, CALL)]).as_json(),
)


def shown(phase: str, evidence: Evidence = EVIDENCE) -> Shown:
    return Shown(
        ("app:make", "add"),
        "invalid-refused",
        "invalid-refused: KeyError at app.py:3 in add",
        f"app.py::make::/stream::add::{phase}",
        "app:make",
        "/stream",
        "add",
        phase,
        1,
        f"/stream add: {phase}",
        evidence,
    )


def page_of(results: Results, evidence: Evidence = EVIDENCE) -> Node:
    first, other = shown("refuses", evidence), shown("sequence", evidence)
    for one, method in ((first, "add"), (other, "")):
        results.items[one.nodeid] = FuzzItem(
            one.nodeid, "app:make", "/stream", method, one.phase, "failed", cases=3, found=[one]
        )
    key = ("app:make", "/stream", "add")
    results.outcome = Outcome(
        [(first, [other])],
        {key: Row(Counts(4, success=1, refused=1), {"refuses"})},
        Counter([key]),
        ["/stream add: no typed payload"],
        ["not run: accepts of /stream info: it has no type", "left out: serial"],
    )
    return read(to_html(results))


def test_a_defect_is_shown_once_with_all_that_is_needed_to_mend_it(results: Results) -> None:
    root = page_of(results)
    assert root.one("h1").words == "Failed 1 defect"
    article = root.one("article")
    assert article.one("h3").words == "invalid-refused /stream add"
    assert article.one("p", class_="headline").words == "KeyError at app.py:3 in add"
    assert [fact.words for fact in article.one("dl").all("div")] == [
        "expected-32602",
        "got-32603 Internal error",
        "invalida is missing",
        "also in/stream add: sequence",
    ]
    assert [title.words for title in article.all("h4")] == [
        "What was said",
        "On the server",
        "A test that fails in the same way",
        "Run it again",
    ]
    copied = {
        button.words: root.by_id(button.attributes["data-copies"]).text
        for button in article.all("button")
    }
    assert copied == {"Copy the test": EVIDENCE.test, "Copy the command": EVIDENCE.again}


def test_what_holds_the_loop_is_called_so(results: Results) -> None:
    held = Evidence(server="app.py:3: in add", is_held=True, story=Story().as_json())
    article = page_of(results, held).one("article")
    assert [title.words for title in article.all("h4")][:1] == ["What holds the loop"]


def test_the_table_has_each_method_with_its_items(results: Results) -> None:
    skipped = FuzzItem("x", "app:make", "/stream", "info", "accepts", "skipped", "not today")
    results.items["x"] = skipped
    rows = page_of(results).one("tbody").all("tr")
    assert [[cell.words for cell in row.all() if cell.tag in ("th", "td")] for row in rows] == [
        ["/stream", "sequence failed", "0", "-", "-", "-", "0"],
        ["/stream add", "refuses failed", "4", "50 %", "50 %", "0 %", "1"],
        ["/stream info", "accepts skipped", "0", "-", "-", "-", "0"],
    ]


def test_warnings_and_what_was_not_run_are_listed(results: Results) -> None:
    results.items["x"] = FuzzItem("x", "a:b", "/s", "info", "accepts", "skipped", "not today")
    root = page_of(results)
    lists = {
        id: [item.words for item in root.one("section", aria_labelledby=id).all("li")]
        for id in ("warnings", "not-run")
    }
    assert lists == {
        "warnings": ["/stream add: no typed payload"],
        "not-run": [
            "accepts of /stream info: it has no type",
            "left out: serial",
            "skipped: /s info accepts: not today",
        ],
    }


def test_an_item_that_could_not_be_run_is_a_failure_without_a_test(results: Results) -> None:
    reason = "GET /stream was answered with 401: give what it asks for\nmore"
    results.items["x"] = FuzzItem(
        "x", "a:b", "/s", "", "protocol", "error", reason, again="pytest x"
    )
    article = read(to_html(results)).one("article")
    assert article.one("h3").words == "error /s: protocol"
    assert article.one("p", class_="headline").words == reason.splitlines()[0]
    assert [button.words for button in article.all("button")] == ["Copy the command"]
