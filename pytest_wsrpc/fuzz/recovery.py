"""The check ``clean-under-faults``: clear errors during faults, and all works again afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from .case import Exchange
from .conversation import Advance, Call, Conversation, Fault, Heal, Settle, Step
from .delivery import Judge
from .failure import Violation
from .growth import Thing
from .record import Record
from .registry import check

RECOVERY: Final = "recovery"
"""Under this name `Record.extra` has the `Recovery`."""

PAUSES: Final = (1.0, 120.0)
"""Seconds before each round of repeats: what protects a broker in trouble tries again by then."""

LISTENER: Final = 8
"""A client of its own, who sees afterwards that events arrive."""

_INTERNAL_ERROR: Final = -32603
_UNAVAILABLE: Final = -32004
_OF_THE_SERVER: Final = (_INTERNAL_ERROR, -32001)
"""Codes that other checks judge, wherever they are answered."""

_MOST_FAILED: Final = 3

Play = Callable[[Conversation], Awaitable[Record]]


@dataclass(frozen=True)
class Recovery:
    """What is known of a conversation with faults beside its record."""

    repeats: dict[int, int]
    """The calls after the faults, each with the call that it repeats."""
    crashed: Exchange | None = None
    """One that has failed on the server only because of the faults."""
    refused: Exchange | None = None
    """One that is refused only because of the faults that were."""
    left: Sequence[tuple[Thing, int]] = ()
    """What there is more of each time that clients leave while their calls are under way."""
    misdelivered: Violation | None = None
    """What is wrong about events afterwards, and would not be without the faults."""


def with_repeats(case: Conversation, more: Sequence[Step] = ()) -> tuple[Conversation, Recovery]:
    """Return a conversation that ends its faults and repeats the calls made under them."""
    steps: list[Step] = [*case.steps, Heal(), Settle()]
    repeats: dict[int, int] = {}
    number = len(case.calls)
    failing = list(_under_faults(case))
    for pause in PAUSES:
        steps.append(Advance(pause))
        for original, call in failing:
            steps.append(replace(call, id=f"again {number}", wait=True))
            repeats[number] = original
            number += 1
    return replace(case, steps=(*steps, *more)), Recovery(repeats)


def _under_faults(case: Conversation) -> Iterator[tuple[int, Call]]:
    """Yield the calls under faults with their numbers, each kind of call once."""
    number = 0
    is_faulty = False
    known: list[Call] = []
    for step in case.steps:
        if isinstance(step, Fault):
            is_faulty = True
        elif isinstance(step, Call):
            call = replace(step, id=0, wait=True)
            if is_faulty and call not in known:
                known.append(call)
                yield number, step
            number += 1


async def crashed_under_faults(record: Record, play: Play) -> Exchange | None:
    """Return a call that has failed on the server under faults, and would not without them.

    An exception that is the fault itself, which nobody has caught, is rightly answered so.
    """
    suspects = [
        exchange
        for exchange in record.calls
        if exchange.under_faults
        and exchange.code == _INTERNAL_ERROR
        and not is_injected(exchange.exception)
    ]
    if not suspects:
        return None
    played = await play(_without_faults(record.conversation, ())[0])
    for exchange in suspects:
        other = played.of(exchange.call)
        if other is not None and other.code != _INTERNAL_ERROR:
            return exchange
    return None


async def refused_for_ever(record: Record, recovery: Recovery, play: Play) -> Exchange | None:
    """Return a repeated call that is refused after the faults, and would not be without them.

    It must be served whichever of the calls that failed have had their effect and which have not:
    so it is played without the faults, with and without those calls.
    """
    last = list(recovery.repeats)[len(recovery.repeats) // len(PAUSES) :]
    suspects = [
        exchange
        for exchange in map(record.of, last)
        if exchange is not None and exchange.code is not None and _is_suspect(record, exchange)
    ]
    if not suspects:
        return None
    failed = [one.call for one in record.calls if one.under_faults and not one.is_success]
    for count in range(min(len(failed), _MOST_FAILED) + 1):
        for left_out in combinations(failed, count):
            conversation, numbers = _without_faults(record.conversation, left_out)
            played = await play(conversation)
            suspects = [one for one in suspects if _is_served(played.of(numbers.get(one.call, -1)))]
            if not suspects:
                return None
    return suspects[0]


def _is_suspect(record: Record, exchange: Exchange) -> bool:
    # a value of an earlier response may be another one without the faults
    return exchange.code not in _OF_THE_SERVER and not exchange.origins


def _is_served(exchange: Exchange | None) -> bool:
    return exchange is not None and exchange.is_success


def _without_faults(
    conversation: Conversation, left_out: Sequence[int]
) -> tuple[Conversation, dict[int, int]]:
    """Return a conversation without faults and some calls; its numbers of calls by those before."""
    steps: list[Step] = []
    numbers: dict[int, int] = {}
    number = 0
    for step in conversation.steps:
        if isinstance(step, Fault | Heal):
            continue
        if isinstance(step, Call):
            number += 1
            if number - 1 in left_out:
                continue
            numbers[number - 1] = len(numbers)
        steps.append(step)
    return replace(conversation, steps=tuple(steps)), numbers


async def misdelivered_afterwards(record: Record, play: Play) -> Violation | None:
    """Return what is wrong about events after the faults, and would not be without them."""
    found = _misdelivered(record)
    if found is None:
        return None
    without = _misdelivered(await play(_without_faults(record.conversation, ())[0]))
    return found if without is None else None


def _misdelivered(record: Record) -> Violation | None:
    """Judge the events of the clients that come after everything else."""
    for place, happening in enumerate(record.trace):
        if happening.what == "connected" and happening.client == LISTENER:
            try:
                Judge(record, place).judge()
            except Violation as violation:
                return violation
    return None


@check("clean-under-faults", of="record")
def clean_under_faults(record: Record) -> None:
    """When the broker fails: a clear error or success, and everything works again afterwards."""
    recovery: Recovery | None = record.extra.get(RECOVERY)
    if recovery is None:
        return
    if recovery.crashed is not None:
        raise _crash(recovery.crashed)
    if recovery.left:
        thing, more = recovery.left[0]
        raise Violation(
            expected="nothing to go on for a call whose client has gone, once the call timeout "
            "has passed",
            got=f"{more} more x {thing} each time",
            key=thing.key,
        )
    refused = recovery.refused
    if refused is not None:
        raise Violation(
            expected=f"{refused.method} to be served again, some time after all faults have "
            "ended, as it is where there were none",
            got=f"{refused.code} {(refused.error or {}).get('message')!s:.80}",
            key="refused after the faults",
            call=refused.call,
            test=(f'assert "error" not in reply_{refused.call}, reply_{refused.call}',),
        )
    found = recovery.misdelivered
    if found is not None:
        raise Violation(
            expected=f"after the faults: {found.expected}",
            got=found.got,
            key=found.key,
            call=found.call,
            test=found.test,
        )


def _crash(exchange: Exchange) -> Violation:
    error = exchange.exception
    what = f" by {type(error).__qualname__}" if error is not None else ""
    return Violation(
        expected="a response or a clear error while the broker fails",
        got=f"-32603 {(exchange.error or {}).get('message')!s:.80}{what}",
        key=f"-32603{what}",
        call=exchange.call,
        by_exception=error is not None,
        test=(
            f'code = reply_{exchange.call}.get("error", {{}}).get("code")',
            f"assert code != -32603, reply_{exchange.call}",
        ),
    )


def is_injected(error: BaseException | None) -> bool:
    """Tell whether an exception is the one that a fault has raised."""
    return any(note.startswith("raised by the fault") for note in getattr(error, "__notes__", ()))
