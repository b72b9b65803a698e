"""Connecting, calling and disconnecting, again and again: what is left must not grow."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from .conversation import Conversation
from .failure import Violation
from .growth import Thing, growth, holdings, kept
from .playing import play_on
from .record import Record
from .registry import check
from .serving import Host

ROUNDS = 10
"""Rounds before the first look, and as many between that and the second."""

MARGIN = 1.0
"""Seconds that what ends with a call's timeout may take."""

GROWTH = "growth"
"""Under this name `Record.extra` has what grew: pairs of thing and number."""


async def play_rounds(
    host: Host,
    conversation: Conversation,
    path: str,
    headers: Sequence[tuple[str, str]],
    timeout: float,
) -> Record:
    """Play a conversation 20 times on one application, each time on connections of its own.

    The record is that of the last round, with what grew between the 10th and the 20th.
    """
    told = replace(conversation, why=f"the last of {2 * ROUNDS} rounds on one application")
    async with host.application() as server:
        others = asyncio.all_tasks()
        held = []
        for _ in range(2):
            for _ in range(ROUNDS):
                record = await play_on(server, told, path, headers, timeout)
            await server.advance(conversation.endpoint.view.limits.call_timeout + MARGIN)
            held.append(
                holdings(server.managers.values(), others) + kept(conversation.endpoint.view)
            )
        record.extra[GROWTH] = growth(*held)
    return record


@check("nothing-left", of="record")
def nothing_left(record: Record) -> None:
    """20 rounds of connecting, calling and disconnecting leave no more than 10 do."""
    grown: list[tuple[Thing, int]] = record.extra.get(GROWTH, [])
    if not grown:
        return
    thing, more = grown[0]
    calls = record.conversation.calls
    by = f"with {calls[-1].method.name}" if calls else "without any call"
    also = [f"{count} x {other}" for other, count in grown[1:4]]
    raise Violation(
        expected=f"no more left after {2 * ROUNDS} rounds {by} than after {ROUNDS}",
        got=f"{more} more x {thing}" + (f"; also {', '.join(also)}" if also else ""),
        key=thing.key,
    )
