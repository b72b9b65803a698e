"""The story of a case: what was said, with the exceptions of the server where they happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pytest_wsrpc.report.story import Step, Story, What
from pytest_wsrpc.transcript import describe
from wsrpc.failures import Failure

from . import traces
from .case import Exchange
from .record import Happening, Record
from .record import What as Happened

_WHAT: Final[dict[Happened, What]] = {
    "connected": "connected",
    "refused": "refused",
    "sent": "sent",
    "answered": "received",
    "stray": "received",
    "event": "received",
    "closed": "closed",
    "disconnected": "disconnected",
    "note": "fault",
}
_PASSED: Final = " s pass"
_FAULT: Final = "fault: "
_BY_SERVER: Final = " by the server"


def story_of(played: Exchange | Record, root: Path, last: int | None = None) -> Story:
    """Return what was said, up to the reply to the `last` call if there is one."""
    if isinstance(played, Record):
        return _of_record(played, root, last)
    return Story.of(["client"], _of_exchange(played, root))


def _of_exchange(exchange: Exchange, root: Path) -> Iterator[Step]:
    failed = list(_failed(exchange.failures, 0.0, 0, root))
    for entry in exchange.transcript.entries:
        text = f"{entry.text}{_BY_SERVER}" if entry.direction == "closed" else entry.text
        yield Step(entry.time, entry.direction, 0, text, entry.cut)
        yield from failed  # the first that is said is the message
        failed = []
    if exchange.silent:
        yield Step(exchange.timeout, "missing", 0, f"no reply within {exchange.timeout:g} s")


def _of_record(record: Record, root: Path, last: int | None) -> Story:
    trace = record.until(last)
    numbers = sorted({one.client for one in trace if one.client is not None})
    names = ["client" if len(numbers) == 1 else f"client {number}" for number in numbers]
    places = {number: place for place, number in enumerate(numbers)}
    return Story.of(names, _of_trace(record, trace, places, root))


def _of_trace(
    record: Record, trace: list[Happening], places: dict[int, int], root: Path
) -> Iterator[Step]:
    failures: dict[int, list[Failure]] = {}
    for exchange in record.calls:
        end = exchange.answered
        # an exception stands above the reply that it led to
        place = exchange.sent + 1 if end is None else end
        failures.setdefault(place, []).extend(exchange.failures)
    now = 0.0
    for place, (happening, following) in enumerate(zip(trace, [*trace[1:], None], strict=True)):
        now = happening.time
        yield from _failed(failures.pop(place, ()), now, None, root)
        if not happening.is_plain_from(following):
            client = None if happening.client is None else places[happening.client]
            yield _step(happening, client)
    yield from _failed(failures.pop(len(trace), ()), now, None, root)
    if trace is record.trace:
        for caller, text in record.unanswered():
            yield Step(now, "missing", places[caller], text)


def _step(happening: Happening, client: int | None) -> Step:
    what, text = _WHAT[happening.what], happening.text
    if what == "fault" and text.endswith(_PASSED):
        what = "passed"
    if what == "closed":
        text += _BY_SERVER
    return Step(happening.time, what, client, text.removeprefix(_FAULT))


def _failed(
    failures: Iterable[Failure], time: float, client: int | None, root: Path
) -> Iterator[Step]:
    for failure in failures:
        error = failure.exception
        text = describe(error)
        if traces.application_frames(error):
            text += f"\n{traces.place(error, root)}"
        yield Step(time, "failed", client, text)
