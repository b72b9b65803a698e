"""The cases of one item, one by one, for whoever reads them by machine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from .case import Exchange
from .failure import CheckFailure
from .record import Record
from .story import story_of
from .tally import answer_of


class CaseLog:
    """Keeps a line for each case; what is only tried to shorten a failure is none."""

    def __init__(self, root: Path, *, with_messages: bool) -> None:
        self.lines: list[dict[str, Any]] = []
        self._root = root
        self._with_messages = with_messages

    def add(self, played: Exchange | Record, failure: CheckFailure | None, seconds: float) -> None:
        """Note a case that took so many seconds of real time."""
        calls = played.calls if isinstance(played, Record) else [played]
        answers = Counter(answer_of(call) for call in calls)
        line = {
            "number": len(self.lines),
            "methods": list(dict.fromkeys(call.method for call in calls if call.method)),
            "valid": played.case.is_valid,
            "outcome": "passed" if failure is None else "failed",
            "check": None if failure is None else failure.check,
            "answers": {answer: answers[answer] for answer in sorted(answers)},
            "seconds": round(seconds, 6),
        }
        if self._with_messages:
            line["story"] = story_of(played, self._root).as_json()
        self.lines.append(line)
