"""The check ``serial``: what overlapping calls answer, some order of the same calls answers too."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import combinations, islice
from typing import Any, Final
from weakref import WeakKeyDictionary

from .astray import event_astray
from .case import Exchange
from .contradiction import Contradiction, lines_of_test
from .conversation import Conversation
from .failure import Violation
from .orders import Order, one_after_another, orders, overlapping
from .playing import play_conversation
from .reading import is_progress, tells
from .record import Record
from .registry import check
from .sameness import ITEM, Answers, Difference, Unstable, answer_of
from .serving import Host

PAUSE: Final = 1.0
"""Seconds between calls in runs that show which answers depend on time."""

_REPEATS: Final = 3
_MORE_REPEATS: Final = 6
"""Where something is random: it may be the same a few times in a row."""

_PAUSED: Final = 6
"""Orders played with pauses, too."""

_LIKELY: Final = 2
"""Orders that mostly explain what came back: as sent, and as answered."""

_INSTANT: Final = 1e-6

_RESERVED: Final = range(-32768, -31999)
_TOO_MANY: Final = -32002
_INTERNAL_ERROR: Final = -32603

_UNSTABLE: Final[WeakKeyDictionary[Host, Unstable]] = WeakKeyDictionary()


async def play_against_orders(
    host: Host,
    case: Conversation,
    path: str,
    headers: Sequence[tuple[str, str]],
    timeout: float,
) -> Record:
    """Play a conversation, and as much of it one after another as its answers need explaining."""
    record = await play_conversation(host, case, path, headers, timeout)
    record.extra["astray"] = await event_astray(
        record, lambda other: play_conversation(host, other, path, headers, timeout)
    )
    group = [number for number in overlapping(case) if record.of(number) is not None]
    if len(group) > 1 and _is_comparable(record):
        unstable = _UNSTABLE.setdefault(host, Unstable())
        trial = _Trial(record, group, unstable, (host, path, headers, timeout))
        record.extra["serial"] = await trial.contradiction()
        record.extra["notes"] = tuple(unstable.notes())
    return record


def _is_comparable(record: Record) -> bool:
    """Tell whether each call has one answer; what has gone wrong else is for other checks.

    One that came late may have changed what others did while it waited.
    """
    return not record.closed and all(
        len(exchange.answers) == 1 and not exchange.silent and exchange.code != _INTERNAL_ERROR
        for exchange in record.calls
    )


@check("serial", of="record")
def serial(record: Record) -> None:
    """Overlapping calls answer what some one-after-another order of the same calls answers."""
    found = record.extra.get("serial")
    if found is None:
        return
    first = found.differences[0]
    order = ", then ".join(_called(record, call) for call in found.nearest)
    where = ".".join(map(str, first.path))
    what = f"{where} of the answer" if where else "the answer"
    raise Violation(
        expected="the answers that these calls give one after another, in some order; the nearest "
        f"is {order}: there {what} to {_called(record, first.call)} is {_shown(first.right)}",
        got=f"{what} to {_called(record, first.call)} is {_shown(first.left)}",
        key="",
        call=first.call,
        test=lines_of_test(found),
    )


def _shown(value: Any) -> str:
    """Return what differs, a whole answer without the words around it."""
    match value:
        case {"error": {"code": code, "errors": errors}}:
            return f"the error {code}" + (f" {errors!r:.200}" if errors else "")
        case {"response": response}:
            return f"{response!r:.200}"
        case _:
            return f"{value!r:.200}"


def _called(record: Record, call: int) -> str:
    """Return what a call is called in the conversation that is shown."""
    exchange = record.of(call)
    assert exchange is not None
    several = len({one.client for one in record.calls}) > 1
    by = f", client {exchange.client}" if several else ""
    return f"{exchange.method} (id {exchange.case.id!r}{by})"


class _Trial:
    """Runs of the same calls one after another, each played once."""

    def __init__(
        self, record: Record, group: Sequence[int], unstable: Unstable, how: tuple[Any, ...]
    ) -> None:
        self._record = record
        self._group = group
        self._unstable = unstable
        self._how = how
        self._runs: dict[tuple[Order, float], Answers] = {}
        self._names = {exchange.call: exchange.method or "" for exchange in record.calls}
        self._answers = {exchange.call: answer_of(exchange) for exchange in record.calls}
        self._shortest: dict[int, float] = {}

    async def contradiction(self) -> Contradiction | None:
        """Return what no order explains, None if one does."""
        # what mostly explains comes first: there are up to 24 orders
        if await self._is_explained(_LIKELY) or await self._is_explained():
            return None
        if self._unstable.is_news(self._names.values()):
            await self._learn()
        if any(self._explains(run) for run in self._runs.values()):
            return None
        waiting = self._waiting()
        if waiting and any(self._explains(run, waiting) for run in self._runs.values()):
            return None
        return None if self._is_work_under_way() else self._nearest()

    async def _is_explained(self, most: int | None = None) -> bool:
        """Tell whether one of the first orders does it, with all calls or without some refused."""
        for some in (self._group, *self._without_refused()):
            for order in islice(orders(self._record, some), most):
                if self._explains(await self._run(order)):
                    return True
        return False

    def _waiting(self) -> Set[int]:
        """Return the calls that are there to wait for what others do, as a long poll is.

        In no order are they answered as soon as they were while others ran. With them are the
        other calls of these methods, and those that take a value from their answers.
        """
        calls = self._record.calls
        methods = {one.method for one in calls if one.call in self._group and self._is_early(one)}
        found: set[int] = set()
        for one in calls:
            origins = {call for call, _ in one.origins.values()}
            if one.method in methods or origins & found:
                found.add(one.call)
        return found

    def _is_early(self, exchange: Exchange) -> bool:
        shortest = self._shortest.get(exchange.call, 0.0)
        return _duration(self._record, exchange) + _INSTANT < shortest

    def _is_work_under_way(self) -> bool:
        """Tell whether some order leaves only what a reader sees of calls that have not ended."""
        return any(
            all(
                tells(self._names[found.call]) and is_progress(self._field(found))
                for found in self._unstable.differences(self._names, self._answers, run)
            )
            for run in self._runs.values()
            if run.keys() == self._answers.keys()
        )

    def _field(self, found: Difference) -> str:
        """Return the name of what differs; where the whole response does, that of the method."""
        fields = [step for step in found.path[1:] if step != ITEM]
        return fields[-1] if fields else self._names[found.call]

    def _explains(self, run: Answers, left_out: Set[int] = frozenset()) -> bool:
        compared = run.keys() - left_out
        answers = {call: answer for call, answer in self._answers.items() if call in compared}
        return not self._unstable.differences(self._names, answers, run)

    async def _run(self, order: Order, pause: float = 0.0) -> Answers:
        known = self._runs.get((order, pause))
        if known is None:
            known = self._runs[order, pause] = await self._play(order, pause)
        return known

    async def _play(self, order: Order, pause: float = 0.0) -> Answers:
        """Play the calls in this order; a call that cannot be made there has the answer None."""
        host, *rest = self._how
        conversation, numbers = one_after_another(self._record, order, pause)
        played = await play_conversation(host, conversation, *rest)
        self._note_durations(played, numbers)
        return {call: answer_of(played.of(number)) for call, number in numbers.items()}

    def _note_durations(self, played: Record, numbers: Mapping[int, int]) -> None:
        for call, number in numbers.items():
            exchange = played.of(number)
            if exchange is None:
                continue
            known = self._shortest.get(call, math.inf)
            self._shortest[call] = min(known, _duration(played, exchange))
            if exchange.silent:
                return  # it still waits, so that those behind are not alone

    async def _learn(self) -> None:
        """See what differs without any overlap: from run to run, and with the time."""
        first, *_ = likely = list(islice(orders(self._record, self._group), _PAUSED))
        run = await self._run(first)
        repeats = _REPEATS
        number = 0
        while number < repeats:
            self._unstable.learn(self._names, run, await self._play(first))
            if self._touches_chance():
                repeats = _REPEATS + _MORE_REPEATS
            number += 1
        for order in likely:
            paused = await self._run(order, PAUSE)
            self._unstable.learn(self._names, await self._run(order), paused, by_time=True)

    def _touches_chance(self) -> bool:
        return any(name in self._unstable.masked for name in self._names.values())

    def _without_refused(self) -> Iterator[Order]:
        """Yield the overlapping calls without some that were refused: a refusal has no effect."""
        refused = [call for call in self._group if _is_own_refusal(self._answers[call])]
        for count in range(1, len(refused) + 1):
            for left_out in combinations(refused, count):
                yield tuple(call for call in self._group if call not in left_out)

    def _nearest(self) -> Contradiction:
        found = []
        for order in orders(self._record, self._group):
            run = self._runs[order, 0.0]
            found.append((order, self._unstable.differences(self._names, self._answers, run)))
        nearest, differences = min(found, key=lambda entry: len(entry[1]))
        others = [self._runs[order, 0.0] for order, _ in found]
        return Contradiction(
            tuple(self._group),
            self._answers,
            nearest,
            differences,
            others,
            self._unstable,
            self._names,
        )


def _duration(record: Record, exchange: Exchange) -> float:
    """Return the seconds from a call to its answer; endless where there was none in time."""
    if exchange.answered is None or exchange.silent:
        return math.inf
    return record.trace[exchange.answered].time - record.trace[exchange.sent].time


def _is_own_refusal(answer: Any) -> bool:
    """Tell whether the application has refused a call in its own words, as when it is busy."""
    code = (answer or {}).get("error", {}).get("code")
    return isinstance(code, int) and (code not in _RESERVED or code == _TOO_MANY)
