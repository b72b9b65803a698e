"""Whether two runs of the same calls gave the same answers, but for what differs each time."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from .case import Exchange

Answer: TypeAlias = Any
"""``{"response": ...}``, or ``{"error": ...}`` with code and errors; None is no answer."""
Answers: TypeAlias = Mapping[int, Answer]
"""The answers by the numbers of their calls."""
Path: TypeAlias = tuple[str, ...]
"""The way to a value within an answer; of all items of a list it is the same."""

ITEM: Final = "*"

_GUESSABLE: Final = 8
"""Text of fewer characters is not taken for a generated id: it may be equal by chance."""

_LOOKS: Final = 10

_GENERATED: Final = re.compile(r"[0-9a-fA-F]{8}-?[0-9a-fA-F-]{8,}|(?=.*[0-9])[\w-]{16,}")


def answer_of(exchange: Exchange | None) -> Answer:
    """Return what two runs are compared by: the response, or the error without its message."""
    if exchange is None or exchange.reply is None:
        return None
    if exchange.error is not None:
        return {"error": {"code": exchange.code, "errors": exchange.error.get("errors")}}
    return {"response": exchange.response}


@dataclass(frozen=True)
class Difference:
    """One value of an answer that is another one in another run."""

    call: int
    path: Path
    left: Any
    right: Any


@dataclass
class Unstable:
    """What differs between runs that should be the same, by method: learned as they are played."""

    masked: dict[str, set[Path]] = field(default_factory=dict)
    """Values that differ without a rule, such as times and random numbers."""
    renamed: dict[str, set[Path]] = field(default_factory=dict)
    """Texts that differ, but each stands for the same text wherever it is: generated ids."""

    looks: Counter[frozenset[str]] = field(default_factory=Counter)
    """How often it was looked for what differs in the answers of these methods."""

    def is_news(self, methods: Iterable[str]) -> bool:
        """Count a look at what differs in the answers of methods; tell whether it may be news."""
        key = frozenset(methods)
        self.looks[key] += 1
        return self.looks[key] <= _LOOKS

    def learn(
        self, names: Mapping[int, str], left: Answers, right: Answers, *, by_time: bool = False
    ) -> None:
        """Take note of what differs between two runs; `by_time` if only in when they were.

        Values with a rule of their own are text in both; with `by_time` they are not looked for,
        as what is random is known by then.
        """
        ids: list[Difference] = []
        for found in self.differences(names, left, right):
            method = names[found.call]
            if by_time or not (_is_long_text(found.left) and _is_long_text(found.right)):
                self.masked.setdefault(method, set()).add(found.path)
            else:
                self.renamed.setdefault(method, set()).add(found.path)
                ids.append(found)
        if ids:
            # now that they are taken for ids, what is left differs in which id stands where
            for found in self.differences(names, left, right):
                self.masked.setdefault(names[found.call], set()).add(found.path)

    def differences(
        self, names: Mapping[int, str], left: Answers, right: Answers
    ) -> list[Difference]:
        """Return where the answers to the calls of `left` are others in `right`."""
        there: dict[str, str] = {}
        back: dict[str, str] = {}
        found = []
        for call, one in left.items():
            masked = self.masked.get(names[call], set())
            renamed = self.renamed.get(names[call], set())
            for path, mine, other in _pairs(one, right.get(call), (), masked):
                if path in renamed and isinstance(mine, str) and isinstance(other, str):
                    is_same = (
                        there.setdefault(mine, other) == other
                        and back.setdefault(other, mine) == mine
                    )
                else:
                    is_same = _is_same(mine, other)
                if not is_same:
                    found.append(Difference(call, path, mine, other))
        return found

    def paths(self, method: str) -> set[Path]:
        """Return where in the answers of a method the values differ each time."""
        return self.masked.get(method, set()) | self.renamed.get(method, set())

    def without(self, method: str, value: Any, path: Path = ()) -> Any:
        """Return an answer without the values that differ each time."""
        if path in self.paths(method):
            return None
        if isinstance(value, dict):
            return {key: self.without(method, part, (*path, key)) for key, part in value.items()}
        if isinstance(value, list):
            return [self.without(method, part, (*path, ITEM)) for part in value]
        return value

    def ids(
        self, names: Mapping[int, str], answers: Answers
    ) -> Iterator[tuple[tuple[Any, ...], str]]:
        """Yield the generated ids in answers, each with its call and the way to it."""
        for call, answer in answers.items():
            renamed = self.renamed.get(names[call], set())
            for path, value in _texts(answer, ()):
                if tuple(step if isinstance(step, str) else ITEM for step in path) in renamed:
                    yield (call, *path), value

    def notes(self) -> Iterator[str]:
        """Yield for a person what is not compared."""
        for method, paths in sorted(self.masked.items()):
            shown = sorted(
                ".".join(path[1:])
                for path in paths
                if not any(path[:length] in paths for length in range(len(path)))
            )
            what = ", ".join(shown) if all(shown) else "its answers"
            yield f"serial: {method}: {what}: differs from run to run without any overlap"


def _texts(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _texts(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _texts(part, (*path, index))


def _pairs(left: Any, right: Any, path: Path, masked: set[Path]) -> Iterator[tuple[Path, Any, Any]]:
    """Yield the values of two answers that stand at the same place; unlike parts as they are."""
    if path in masked:
        return
    left, right = _plain(left), _plain(right)
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        for key, part in left.items():
            yield from _pairs(part, right[key], (*path, key), masked)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for mine, other in zip(left, right, strict=True):
            yield from _pairs(mine, other, (*path, ITEM), masked)
    else:
        yield path, left, right


def _plain(value: Any) -> Any:
    """Return a mapping with generated keys as a list, in which they are values."""
    if isinstance(value, dict) and any(_GENERATED.fullmatch(key) for key in value):
        return [{"key": key, "value": part} for key, part in value.items()]
    return value


def _is_same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        # sums depend on the order in their last digits
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    return type(left) is type(right) and bool(left == right)


def _is_long_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= _GUESSABLE
