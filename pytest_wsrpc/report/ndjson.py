"""The results as lines of JSON, written while the run goes on; docs/reports.md has the schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import pytest

from .results import FailedTest, FuzzItem, Header, Results, defect_id
from .story import Story

if TYPE_CHECKING:
    from ..fuzz.folding import Shown

VERSION: Final = 1
"""Of the schema; it changes when a reader of an earlier one would go wrong."""


class Lines:
    """A file to which a line is added for each event; each is in it at once."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file
        self._told: set[str] = set()
        """Ids of the items and tests that have their line."""

    @classmethod
    def open(cls, path: Path) -> Lines:
        """Begin a file anew; raises `pytest.UsageError` if that is not possible."""
        try:
            return cls(path, path.open("wb"))
        except OSError as error:
            raise pytest.UsageError(
                f"--wsrpc-ndjson {path}: it cannot be written: {error}"
            ) from None

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def run(self, header: Header) -> None:
        """Write what is known before the first test."""
        self._write(
            "run",
            started=header.started,
            seed={"value": header.seed, "origin": header.origin},
            targets=list(header.targets),
            versions=header.versions,
        )

    def cases(self, item: FuzzItem, cases: Iterable[Mapping[str, Any]]) -> None:
        """Write the cases of an item, in the order in which they were tried."""
        for case in cases:
            fields = dict(case)
            if "story" in fields:
                fields["conversation"] = conversation(Story.from_json(fields.pop("story")))
            self._write("case", item=item.id, phase=item.phase, **fields)

    def item(self, item: FuzzItem) -> None:
        """Write what an item has found, each with its conversation, and then the item itself."""
        self._told.add(item.id)
        for number, one in enumerate(item.found):
            id = f"{item.id}#{number}"
            evidence = one.evidence
            self._write(
                "finding",
                id=id,
                item=item.id,
                defect=defect_id(one.defect),
                check=one.check,
                headline=one.headline,
                **_place(one),
                note=evidence.note,
                expected=evidence.expected,
                got=evidence.got,
                server=evidence.server,
                again=evidence.again,
                test=evidence.test,
            )
            self._write("conversation", of=id, **conversation(Story.from_json(evidence.story)))
        self._write(
            "item",
            id=item.id,
            **_place(item),
            outcome=item.outcome,
            reason=item.reason,
            cases=item.cases,
            findings=len(item.found),
            warnings=item.warnings,
            left_out=item.left_out,
            seconds=_rounded(item.seconds),
        )

    def test(self, test: FailedTest) -> None:
        """Write a failed test of the project's own, with its conversation."""
        self._told.add(test.id)
        self._write(
            "test",
            id=test.id,
            outcome="failed",
            headline=test.headline,
            errors=[{"when": when, "text": text} for when, text in test.errors],
            again=test.again,
            seconds=_rounded(test.seconds),
        )
        if test.story.steps:
            self._write("conversation", of=test.id, **conversation(test.story))

    def summary(self, results: Results) -> None:
        """Write what has no line of its own, as its process has died, and the last line."""
        for item in results.items.values():
            if item.id not in self._told:
                self.item(item)
        for test in results.tests.values():
            if test.id not in self._told:
                self.test(test)
        outcome = results.outcome
        groups = [] if outcome is None else outcome.defects
        rows = {} if outcome is None else outcome.rows
        failures: Mapping[Any, int] = {} if outcome is None else outcome.failures
        self._write(
            "summary",
            exit_status=results.exit_status,
            ended=results.ended,
            seconds=_rounded(results.seconds),
            items=_counted(item.outcome for item in results.items.values()),
            tests=dict(results.counts),
            defects=[
                {
                    "id": defect_id(first.defect),
                    "check": first.check,
                    "headline": first.headline,
                    "items": list(dict.fromkeys(one.nodeid for one in (first, *others))),
                }
                for first, others in groups
            ],
            methods=[
                {
                    "target": key[0],
                    "endpoint": key[1],
                    "method": key[2] or None,
                    "cases": row.counts.cases,
                    "success": row.counts.success,
                    "refused": row.counts.refused,
                    "errors": row.counts.errors,
                    "defects": failures.get(key, 0),
                    "phases": sorted(row.phases),
                }
                for key, row in rows.items()
            ],
            warnings=[] if outcome is None else outcome.warnings,
            not_run=[] if outcome is None else outcome.left_out,
            unreached=results.unreached,
            deselected=results.deselected,
            problems=[{"where": where, "text": text} for where, text in results.problems],
        )

    def _write(self, type: str, **fields: Any) -> None:
        line = json.dumps({"v": VERSION, "type": type, **fields}, ensure_ascii=False)
        self._file.write(line.encode("utf-8", "replace") + b"\n")
        self._file.flush()


def conversation(story: Story) -> dict[str, Any]:
    """Return a story as it stands in a line."""
    frames = []
    for step in story.steps:
        name = None if step.client is None else story.clients[step.client]
        frame = {"time": _rounded(step.time), "what": step.what, "client": name, "text": step.text}
        frames.append(frame | ({"cut": step.cut} if step.cut else {}))
    return {"clients": story.clients, "frames": frames}


def _place(one: FuzzItem | Shown) -> dict[str, str | None]:
    return {
        "target": one.target,
        "endpoint": one.endpoint,
        "method": one.method or None,
        "phase": one.phase,
    }


def _counted(outcomes: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for outcome in outcomes:
        counts[outcome] = counts.get(outcome, 0) + 1
    return counts


def _rounded(seconds: float) -> float:
    return round(seconds, 6)
