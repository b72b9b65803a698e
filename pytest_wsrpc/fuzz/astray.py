"""Events that go to another connection as soon as there is one: which only a second run tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from .conversation import Call, Connect, Conversation, Disconnect, Fault, Heal, Step, Together
from .record import Record


@dataclass(frozen=True)
class Astray:
    """An event that a client gets while it is alone, and another one in its place if there is."""

    client: int
    other: int
    event: Any


async def event_astray(
    record: Record, play: Callable[[Conversation], Awaitable[Record]]
) -> Astray | None:
    """Return an event that a client loses to another one which has done no more than connect.

    Each client that calls is played alone, and then with the others connected. What is sent to
    all, or to those who asked for it, comes to the client both times.
    """
    callers = {exchange.client for exchange in record.calls}
    if len(record.conversation.clients) < 2 or record.closed:
        return None
    for client in sorted(callers):
        if not any(other != client for other in record.events):
            continue
        alone = await play(_of_one(record.conversation, client, others=False))
        if client not in alone.events:
            continue
        crowded = await play(_of_one(record.conversation, client, others=True))
        missing = _frames(alone, client) - _frames(crowded, client)
        for other in crowded.events:
            for _, message in crowded.events[other]:
                if message.frame in missing and not _frames(record, client)[message.frame]:
                    return Astray(client, other, message.value)
    return None


def _frames(record: Record, client: int) -> Counter[str | bytes]:
    return Counter(message.frame for _, message in record.events.get(client, ()))


def _of_one(conversation: Conversation, client: int, *, others: bool) -> Conversation:
    """Return what one client does in a conversation, and whether others connect at least."""
    return replace(conversation, steps=tuple(_steps(conversation, client, others)))


def _steps(conversation: Conversation, client: int, others: bool) -> Iterator[Step]:
    for step in conversation.steps:
        match step:
            case Together(calls):
                own = tuple(call for call in calls if call.client == client)
                yield Together(own)
            case Connect(who):
                if others or who == client:
                    yield step
            case Call() | Disconnect():
                if step.client == client:
                    yield step
            case Fault() | Heal():
                pass
            case _:
                yield step
