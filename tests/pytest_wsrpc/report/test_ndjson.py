"""The lines of JSON are those of the documentation, whatever is in them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_wsrpc.fuzz.folding import Shown
from pytest_wsrpc.fuzz.report import Evidence
from pytest_wsrpc.fuzz.reporting import Outcome
from pytest_wsrpc.fuzz.summary import Row
from pytest_wsrpc.report.ndjson import Lines
from pytest_wsrpc.report.results import FailedTest, FuzzItem, Results
from pytest_wsrpc.report.story import Step, Story

DOCS = Path(__file__).parents[3] / "docs/reports.md"
ODD = 'a\n"\u2028\ud800\x00\U0001f600'


def documented(type: str) -> list[str]:
    """Return the members in the first column of the table of a type."""
    table = DOCS.read_text("utf-8").split(f"\n| {type} |")[1].split("\n\n")[0]
    return [
        name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])
    ]


@pytest.fixture
def written(
    results: Results, failed: Callable[..., FailedTest], tmp_path: Path
) -> list[dict[str, Any]]:
    """Write a line of each type, in which each text is an odd one."""
    story = Story.of([ODD], [Step(0.5, "sent", 0, ODD), Step(1.0, "fault", None, "x" * 10_001)])
    evidence = Evidence(*[ODD] * 5, again=ODD, test=ODD, story=story.as_json())
    found = Shown((ODD,), ODD, ODD, ODD, ODD, ODD, "", ODD, 1, ODD, evidence)
    item = FuzzItem("i", ODD, ODD, ODD, ODD, "failed", ODD, found=[found])
    results.items["i"] = item
    results.outcome = Outcome([(found, [found])], {(ODD, ODD, ""): Row()}, Counter(), [ODD], [ODD])
    results.problems.append((ODD, ODD))
    test = failed(ODD, *story.steps, clients=[ODD], errors=[("call", ODD)])
    path = tmp_path / "a.ndjson"
    lines = Lines.open(path)
    lines.run(results.header)
    answers = {"success": 1}
    case = {"number": 0, "methods": [], "valid": True, "outcome": "passed", "check": None}
    case |= {"answers": answers, "seconds": 0.1, "story": story.as_json()}
    lines.cases(item, [case])
    lines.item(item)
    lines.test(test)
    lines.summary(results)
    lines.close()
    return [json.loads(line) for line in path.read_bytes().decode("utf-8").split("\n")[:-1]]


def test_each_line_has_the_members_of_the_documentation(written: list[dict[str, Any]]) -> None:
    assert [line["type"] for line in written] == [
        "run",
        "case",
        "finding",
        "conversation",
        "item",
        "test",
        "conversation",
        "summary",
    ]
    for line in written:
        assert line.pop("v") == 1
        assert sorted(documented(line.pop("type"))) == sorted(line)


def test_the_objects_within_have_those_of_the_documentation(written: list[dict[str, Any]]) -> None:
    text = DOCS.read_text("utf-8")
    summary, frames = written[-1], written[3]["frames"]
    assert all(f"`{name}`" in text for name in summary["defects"][0] | summary["methods"][0])
    assert [sorted(frame) for frame in frames] == [
        ["client", "text", "time", "what"],
        ["client", "cut", "text", "time", "what"],
    ]
    assert written[1]["conversation"] == {"clients": written[3]["clients"], "frames": frames}


def test_a_line_can_be_read_as_soon_as_it_is_written(results: Results, tmp_path: Path) -> None:
    lines = Lines.open(tmp_path / "a.ndjson")
    lines.run(results.header)
    [line] = (tmp_path / "a.ndjson").read_text("utf-8").splitlines()
    lines.close()
    assert json.loads(line)["type"] == "run"


def test_texts_come_back_as_they_were_but_for_what_no_file_can_hold(
    written: list[dict[str, Any]],
) -> None:
    assert written[2]["test"] == written[3]["frames"][0]["text"] == ODD.replace("\ud800", "?")
    assert written[-1]["methods"][0]["method"] is written[2]["method"] is None
    assert written[3]["frames"][1]["client"] is None
