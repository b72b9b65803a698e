"""The page: what a reader finds on it, and that nothing of the application's can harm them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from pytest_wsrpc.fuzz.reporting import Outcome
from pytest_wsrpc.report import page
from pytest_wsrpc.report.page import to_html
from pytest_wsrpc.report.results import FailedTest, FuzzItem, Results
from pytest_wsrpc.report.story import Step

from .reading import read

EVIL = "</script></style><img src=x onerror=alert(1)>\"'&lt;{{ 7 * 7 }}"
CALL = '{"id":1,"method":"add","payload":{"a":1}}'
REPLY = '{"id":1,"method":"add","error":{"code":-32603,"message":"Internal error"}}'

Fail = Callable[..., FailedTest]


def test_a_run_without_failures_says_so(results: Results) -> None:
    results.counts["passed"] = 2
    root = read(to_html(results))
    assert root.one("title").words == "Passed: No failure - wsrpc report"
    assert root.one("h1").words == "Passed No failure"
    assert [section.words for section in root.all("h2")] == ["The run"]
    assert "Tests: 2 passed." in root.one("header").words
    assert "seed 7 (random)" in root.one("header").words
    assert root.one("header").one("time").words == "2026-01-02 03:04"
    assert "Python3.14.0" in root.by_id("content").words
    assert not root.all("button")


def test_a_failed_test_is_shown_with_its_conversation_and_how_to_run_it(
    results: Results, failed: Fail
) -> None:
    failed(
        "test_it.py::test_add",
        Step(0.0, "sent", 0, CALL),
        Step(0.0, "failed", 0, "KeyError: 1"),
        Step(0.5, "received", 0, REPLY),
        headline="KeyError: 1",
        errors=[("call", "E   KeyError: 1")],
        sections={
            "Conversation of a": "> add",
            "Captured log call": "a line",
            "Faults": "deliver:drop",
        },
    )
    root = read(to_html(results))
    assert root.one("h1").words == "Failed 1 failed test"
    link = root.one("nav").one("li").one("a")
    assert link.words == "test_it.py::test_add"
    article = root.by_id("content").one("article")
    assert article.one("h3").attributes["id"] == link.attributes["href"][1:]
    drawn = article.one("ol")
    assert drawn.attributes["aria-label"] == (
        "The conversation of test_it.py::test_add, between ws_client, server"
    )
    assert [item.words for item in drawn.all("li")] == [
        '0.000 s ws_client to server: call add id 1 {"a":1}',
        "server: exception KeyError: 1",
        "time 0.5 s pass",
        "0.500 s server to ws_client: error add id 1 -32603 Internal error",
    ]
    assert [block.words for block in article.all("h4")] == [
        "What was said",
        "What pytest shows (call)",
        "Faults",
        "Run it again",
    ]
    assert [summary.words for summary in article.all("summary")] == [
        "The conversation as text",
        "Captured log call",
    ]
    button = article.one("button")
    assert button.words == "Copy the command"
    assert root.by_id(button.attributes["data-copies"]).text == "pytest test_it.py::test_add"


def test_a_failure_before_anything_was_said_has_no_diagram(results: Results, failed: Fail) -> None:
    failed("test_it.py::test_add", headline="no", errors=[("setup", "E   no")])
    article = read(to_html(results)).one("article")
    assert not article.all("ol")
    assert article.one("h3").words == "setup test_it.py::test_add"


def test_nothing_that_is_shown_can_do_anything(results: Results, failed: Fail) -> None:
    failed(
        f"test_it.py::test_add[{EVIL}]",
        Step(0.0, "sent", 0, EVIL),
        Step(0.0, "sent", 0, '{"id":1,"method":"<b>","payload":{"a":"</script><img>"}}'),
        Step(0.0, "received", 1, '{"channel":"<i>","event":"<u>","data":"</style>"}'),
        Step(0.0, "failed", 0, f"{EVIL}\n{EVIL}"),
        Step(0.0, "fault", None, f"publish:{EVIL}"),
        clients=[EVIL, f"{EVIL}2"],
        headline=EVIL,
        errors=[(EVIL, EVIL)],
        sections={f"Captured {EVIL}": EVIL, EVIL: EVIL, "Conversation of x": EVIL},
    )
    item = FuzzItem("id", EVIL, f"/{EVIL}", EVIL, EVIL, outcome="error", reason=EVIL, again=EVIL)
    results.items["id"] = item
    results.problems.append((EVIL, EVIL))
    results.collected[EVIL] = None
    results.ended = EVIL
    results.outcome = Outcome([], {}, Counter(), [EVIL], [EVIL])
    html = to_html(results)
    root = read(html)  # which knows of no image, no handler, and of one script
    known = {"a", "b", "br", "i", "p", "span", "li", "ol", "pre", "code", "div", "button"}
    below = {node.tag for node in root.one("article", aria_labelledby="test-1").walk()}
    assert below <= known | {"article", "details", "summary", "h3", "h4"}
    assert html.count("<script>") == html.count("</script>") == 1
    assert EVIL in root.by_id("test-1").text
    assert "49" not in html


def test_the_page_may_run_its_own_script_and_ask_for_nothing(results: Results) -> None:
    root = read(to_html(results))
    [policy] = [
        node.attributes["content"]
        for node in root.all("meta")
        if node.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    for tag in ("style", "script"):
        assert f"-src '{page._hash(root.one(tag).text)}'" in policy


def test_what_would_turn_the_text_around_is_escaped_line_by_line(
    results: Results, failed: Fail
) -> None:
    failed("test_it.py::test_add", headline="a\u202eb", errors=[("call", "one\n\ttwo\u2066")])
    article = read(to_html(results)).one("article")
    assert article.one("p", class_="headline").words == "a\\u202eb"
    assert article.all("pre")[0].text == "one\n        two\\u2066"


def test_no_text_of_the_application_turns_the_page_around(results: Results, failed: Fail) -> None:
    odd = "a\u202eb\x1b[31m\ud800"
    failed(
        odd,
        Step(0.0, "sent", 0, f'{{"id":"{odd}","method":"{odd}","payload":{{"{odd}":"{odd}"}}}}'),
        Step(0.0, "fault", None, odd),
        Step(0.0, "closed", 0, odd),
        clients=[odd],
        headline=odd,
        errors=[("call", odd)],
        sections={f"Captured {odd}": odd, odd: odd, "Conversation of x": odd},
    )
    results.tests[odd].again = "pytest"
    results.items["x"] = FuzzItem("x", odd, odd, odd, odd, outcome="error", reason=odd)
    results.items["y"] = FuzzItem("y", odd, odd, odd, odd, outcome="skipped", reason=odd)
    results.problems.append((odd, f"{odd}\n\t{odd}"))
    results.collected[odd] = None
    results.ended = odd
    results.outcome = Outcome([], {}, Counter(), [odd], [odd])
    html = to_html(results)
    assert not {char for char in html if not char.isprintable()} - {"\n"}
    shown = "a\\u202eb\\x1b[31m\\ud800"
    assert f">{shown}</h3>" in html
    assert f"<code>{shown}\n        {shown}</code>" in html


def test_what_is_copied_is_as_it_was(results: Results, failed: Fail) -> None:
    failed("x", headline="no", errors=[("call", "no")])
    results.tests["x"].again = "pytest 'a\tb\u202e<i>'"
    root = read(to_html(results))
    assert root.by_id("test-1-again").text == "pytest 'a\tb\u202e<i>'"


def test_what_is_cut_already_is_not_cut_again(results: Results, failed: Fail) -> None:
    note = "... 1,000,000 characters left out ...\n"
    failed("x", headline="no", errors=[("call", note + "E" * page.KEPT_TEXT)])
    assert to_html(results).count("left out ...") == 1


def test_long_texts_are_cut_with_a_note(results: Results, failed: Fail) -> None:
    failed(
        "test_it.py::test_add",
        Step(0.0, "sent", 0, "x" * 5000),
        headline="no",
        errors=[("call", "E" * (page.KEPT_TEXT + 123))],
    )
    html = to_html(results)
    assert "... 123 characters left out ..." in html
    assert "... 4,000 characters ..." in html


def test_of_very_many_failures_the_last_ones_are_only_named(
    results: Results, failed: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "SHOWN", 2)
    for number in range(4):
        failed(f"test_it.py::test_{number}", headline="no", errors=[("call", "no")])
    root = read(to_html(results))
    assert len(root.all("article")) == 2
    assert "2 more, which are not shown in full:" in root.by_id("content").words
    assert root.by_id("test-4").words == "test_it.py::test_3: call: no"
    assert len(root.one("nav").one("ol").all("li")) == 2
    assert "2 more are named below." in root.one("nav").words


def test_what_could_not_be_run_comes_first(results: Results) -> None:
    results.problems.append(("bad/test_it.py", "ModuleNotFoundError: nothing"))
    results.ended = "It was ended early: 1 error during collection."
    root = read(to_html(results))
    assert root.one("h1").words == "Failed 1 collection error"
    assert root.one("h3").words == "bad/test_it.py"
    assert "ModuleNotFoundError: nothing" in root.one("pre").text
    assert "1 error during collection." in root.one("header").words


def test_tests_that_were_not_reached_are_named(results: Results) -> None:
    results.collected.update(dict.fromkeys(("a", "b", "c")))
    results.reported.add("a")
    results.deselected = 1200
    root = read(to_html(results))
    assert root.one("h1").words == "Incomplete No failure, but not all went well"
    assert "2 tests were not reached, or not finished." in root.one("header").words
    assert [item.words for item in root.one("section", aria_labelledby="not-run").all("li")] == [
        "2 tests were not reached, or not finished, as the run ended before: b, c",
        "deselected: 1,200",
    ]


def test_of_very_many_unreached_tests_the_first_are_named(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_wsrpc.report.overview.NAMED", 1)
    results.collected["a"] = None
    assert "1 test was not reached, or not finished, as the run ended before: a<" in to_html(
        results
    )
    results.collected["b"] = None
    assert ", or not finished, as the run ended before: a, ...<" in to_html(results)
