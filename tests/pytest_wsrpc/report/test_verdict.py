"""The first line of the page is true."""

from __future__ import annotations

import pytest

from pytest_wsrpc.report.results import FuzzItem, Results
from pytest_wsrpc.report.verdict import verdict


def test_defects_failed_tests_and_collection_errors_are_counted(results: Results) -> None:
    results.problems.append(("x", "y"))
    told = verdict(results, 1, 2)
    assert (told.mark, told.title) == (
        "Failed",
        "1 defect and 2 failed tests and 1 collection error",
    )


def test_failures_that_are_not_on_the_page_make_no_run_pass(results: Results) -> None:
    results.failed = {"test_other"}
    results.counts["failed"] = 1
    results.exit_status = 1
    told = verdict(results, 0, 0)
    assert (told.mark, told.title) == ("Failed", "1 test without the fixtures")
    assert told.sentences == [
        "Tests: 1 failed.",
        "This page is not about 1 failed test that used none of the fixtures.",
    ]


@pytest.mark.parametrize(
    ("status", "ended", "title", "sentence"),
    [
        (5, "", "No test was run", "pytest ended with the exit status 5."),
        (1, "", "No failure, but not all went well", "pytest ended with the exit status 1."),
        (2, "It was interrupted.", "No failure, but not all went well", "It was interrupted."),
    ],
)
def test_a_run_that_ended_in_another_way_is_incomplete(
    results: Results, status: int, ended: str, title: str, sentence: str
) -> None:
    results.exit_status, results.ended = status, ended
    told = verdict(results, 0, 0)
    assert (told.mark, told.title, told.sentences) == ("Incomplete", title, [sentence])


def test_items_of_the_fuzzer_and_tests_are_told_apart(results: Results) -> None:
    for number, outcome in enumerate(("passed", "passed", "error")):
        item = FuzzItem(str(number), "app:make", "/a", "", "protocol", outcome, cases=600)
        results.items[item.id] = item
    results.counts.update(passed=1, xfailed=1)
    assert verdict(results, 1, 0).sentences == [
        "The fuzzer ran 3 items with 1,800 cases: 1 in error, 2 passed.",
        "Of the other tests: 1 passed, 1 xfailed.",
    ]
