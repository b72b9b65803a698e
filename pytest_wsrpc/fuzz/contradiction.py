"""Answers of overlapping calls that no order explains, and the test that shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

from .orders import Order
from .sameness import Answers, Difference, Unstable

_ANSWER: Final = (
    "def answer(reply):",
    '    error = reply.get("error")',
    "    if error is not None:",
    '        return error["code"], error.get("errors")',
)

_STABLE: Final = (
    "def stable(value, *path):",
    "    if path in unstable:",
    "        return None  # it differs from run to run",
    "    if isinstance(value, dict):",
    "        return {key: stable(part, *path, key) for key, part in value.items()}",
    "    if isinstance(value, list):",
    '        return [stable(part, *path, "*") for part in value]',
    "    return value",
    "",
)


@dataclass(frozen=True)
class Contradiction:
    """Answers of overlapping calls that no order of them gives."""

    calls: Order
    """Those that overlap, as they were sent."""
    answers: Answers
    """Of these calls, and of those before and after them."""
    nearest: Order
    """The order that comes nearest."""
    differences: Sequence[Difference]
    """What differs from it."""
    others: Sequence[Answers]
    """What each order gives."""
    unstable: Unstable
    names: Mapping[int, str]


def lines_of_test(found: Contradiction) -> tuple[str, ...]:
    """Return the lines of a test that compare the replies with those that each order gives."""
    calls = [call for call in found.answers if _is_telling(found, call)]
    got = _shown(found, found.answers, calls)
    expected: list[tuple[Any, ...]] = []
    for run in found.others:
        answers = _shown(found, run, calls)
        if answers not in expected:
            expected.append(answers)
    if got in expected:
        return tuple(_identities(found))
    replies = ", ".join(f"answer(reply_{call})" for call in calls)
    return (
        *_helpers(found, calls),
        f"answers = ({replies}{',' if len(calls) == 1 else ''})",
        "assert answers in [",
        *(f"    {answers!r}," for answers in expected),
        "]",
    )


def _is_telling(found: Contradiction, call: int) -> bool:
    """Tell whether a call overlaps, or its answer is another one in every order."""
    return call in found.calls or all(
        found.unstable.differences(found.names, {call: found.answers[call]}, run)
        for run in found.others
    )


def _shown(found: Contradiction, run: Answers, calls: Sequence[int]) -> tuple[Any, ...]:
    return tuple(_value(found, run, call) for call in calls)


def _value(found: Contradiction, run: Answers, call: int) -> Any:
    answer = found.unstable.without(found.names[call], run.get(call))
    if answer is None:
        return None
    if "error" in answer:
        return answer["error"]["code"], answer["error"]["errors"]
    return answer["response"]


def _helpers(found: Contradiction, calls: Sequence[int]) -> Iterator[str]:
    methods = {found.names[call] for call in calls}
    unstable = sorted(
        (method, *path[1:]) for method in methods for path in found.unstable.paths(method)
    )
    if unstable:
        yield ""
        yield f"unstable = {{{', '.join(map(repr, unstable))}}}"
        yield ""
        yield from _STABLE
    else:
        yield ""
    yield from _ANSWER
    response = 'stable(reply["response"], reply["method"])' if unstable else 'reply["response"]'
    yield f"    return {response}"
    yield ""


def _identities(found: Contradiction) -> Iterator[str]:
    """Yield what is wrong about which generated ids are the same."""
    places = list(found.unstable.ids(found.names, found.answers))
    others = [dict(found.unstable.ids(found.names, run)) for run in found.others]
    for (one, text), (other, second) in combinations(places, 2):
        is_same = text == second
        if all(one in run and (run[one] == run.get(other)) != is_same for run in others):
            yield f"assert {_written(one)} {'!=' if is_same else '=='} {_written(other)}"
            return
    yield "# the generated ids stand in other places than in any order"


def _written(place: tuple[Any, ...]) -> str:
    call, *path = place
    return f"reply_{call}" + "".join(f"[{step!r}]" for step in path)
