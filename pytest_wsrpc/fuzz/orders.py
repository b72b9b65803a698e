"""The overlapping calls of a conversation, and the same calls one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

from .case import Exchange, Origin
from .conversation import (
    Advance,
    Call,
    Conversation,
    Fault,
    Heal,
    Ref,
    Settle,
    Step,
    Together,
)
from .record import Record

Order = tuple[int, ...]
"""Calls by their numbers in the conversation in which they overlap."""


def overlapping(conversation: Conversation) -> Order:
    """Return the numbers of the calls that go out without waiting for those before them."""
    found: list[int] = []
    number = 0
    for step in conversation.steps:
        if isinstance(step, Together):
            found += range(number, number + len(step.calls))
            number += len(step.calls)
        elif isinstance(step, Call):
            if not step.wait:
                found.append(number)
            number += 1
    return tuple(found)


def orders(record: Record, calls: Sequence[int]) -> Iterator[Order]:
    """Yield all orders of calls, those first that mostly explain what came back."""
    sent = [exchange for exchange in record.calls if exchange.call in calls]
    likely = [
        tuple(exchange.call for exchange in sent),
        tuple(
            exchange.call for exchange in sorted(sent, key=lambda exchange: exchange.answered or 0)
        ),
    ]
    yield from dict.fromkeys([*likely, *permutations(likely[0])])


def one_after_another(
    record: Record, order: Sequence[int], pause: float = 0.0
) -> tuple[Conversation, dict[int, int]]:
    """Return the conversation with its overlapping calls in this order, each waiting for its reply.

    Also return the new numbers of its calls by their old ones. All calls have the payloads they
    had; values of earlier responses are those of the same calls. There are no faults.
    """
    conversation = record.conversation
    group = overlapping(conversation)
    numbers: dict[int, int] = {}
    steps: list[Step] = []

    def add(number: int, call: Call) -> None:
        exchange = record.of(number)
        if exchange is None:
            return
        if number >= group[0]:
            call = _settled(call, exchange, numbers)
        if pause and numbers:
            steps.append(Advance(pause))
        numbers[number] = len(numbers)
        steps.append(call)

    calls = conversation.calls
    number = 0
    is_done = False
    for step in conversation.steps:
        own = len(step.calls) if isinstance(step, Together) else int(isinstance(step, Call))
        if own and number in group:
            if not is_done:
                for one in order:
                    add(one, calls[one])
                is_done = True
        elif isinstance(step, Call):
            add(number, step)
        elif not _belongs_to_overlap(step, number, group):
            steps.append(step)
        number += own
    return replace(conversation, steps=tuple(steps)), numbers


def _belongs_to_overlap(step: Step, number: int, group: Order) -> bool:
    """Tell whether a step is only there to bring about the overlap."""
    if isinstance(step, Advance):
        return group[0] < number <= group[-1]
    return isinstance(step, Fault | Heal | Settle)


def _settled(call: Call, exchange: Exchange, numbers: Mapping[int, int]) -> Call:
    """Return a call with the payload it had, whatever else might fit in another order."""
    payload = _with_refs(exchange.payload, exchange.origins, numbers, ())
    return replace(call, payload=payload, wait=True)


def _with_refs(
    value: Any,
    origins: Mapping[tuple[str | int, ...], Origin],
    numbers: Mapping[int, int],
    path: tuple[str | int, ...],
) -> Any:
    if path in origins:
        call, steps = origins[path]
        # what depends on a call that comes later in this order cannot be resolved: left out
        return Ref(numbers.get(call, -1), steps)
    if isinstance(value, dict):
        return {
            key: _with_refs(part, origins, numbers, (*path, key)) for key, part in value.items()
        }
    if isinstance(value, list):
        return [
            _with_refs(part, origins, numbers, (*path, index)) for index, part in enumerate(value)
        ]
    return value
