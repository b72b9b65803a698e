"""Several failures of one race: what goes wrong first makes later answers wrong, too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from .conversation import Conversation
from .failure import Finding
from .orders import overlapping


def by_race(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings, those of one race marked as the same as its shortest one.

    A race of calls that overlap in another finding as well, among more of them, explains that one:
    two calls that are given one id will also remove each other's things.
    """
    raced = [one for one in findings if one.failure.check == "serial"]
    shortest: dict[int, Finding] = {}
    known: list[tuple[Counter[str], Finding]] = []
    for finding in sorted(raced, key=lambda one: one.case.size):
        methods = _overlap(finding)
        same = next((first for fewer, first in known if fewer <= methods), None)
        if same is None:
            known.append((methods, finding))
        else:
            shortest[id(finding)] = same
    return [replace(one, same_as=shortest.get(id(one))) for one in findings]


def _overlap(finding: Finding) -> Counter[str]:
    assert isinstance(finding.case, Conversation)
    calls = finding.case.calls
    return Counter(calls[number].method.name for number in overlapping(finding.case))
