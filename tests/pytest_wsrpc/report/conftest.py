"""Results as a run would give them, with as little in them as a test needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_wsrpc.report.results import FailedTest, Header, Results
from pytest_wsrpc.report.story import Step, Story


@pytest.fixture
def results() -> Results:
    header = Header("2026-01-02T03:04:05+00:00", 7, "random", (), {"Python": "3.14.0"})
    return Results(header)


@pytest.fixture
def failed(results: Results) -> Callable[..., FailedTest]:
    """Add a failed test with a conversation: ``failed("test_it.py::test_it", *steps)``."""

    def add(id: str, *steps: Step, clients: list[str] | None = None, **fields: Any) -> FailedTest:
        story = Story.of(clients or ["ws_client"], steps)
        test = FailedTest(id, f"pytest {id}", story=story, **fields)
        results.tests[id] = test
        results.failed.add(id)
        results.counts["failed"] += 1
        return test

    return add
