"""Phase ``pubsub`` on a server that keeps its state: on channels that nobody else uses."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from .. import delivery
from ..conversation import Advance, Call, Conversation, Settle
from ..failure import Violation
from ..phases import Subject
from ..playing import play_on
from ..publishing import watch
from ..record import Happening, Record
from ..serving import Host, Server
from .host import LOOK, UrlHost, UrlServer

HURRY: Final = 0.05
"""Seconds that a missing event is waited for while it is known that one goes missing, and ten times
as long as any other has taken."""

SHOWN: Final = 1.0
"""Seconds that a test waits for what is to come."""

_MISSING: Final = "missing"


async def play(
    host: Host, case: Conversation, path: str, headers: Sequence[tuple[str, str]], timeout: float
) -> Record:
    """Play a conversation on channels of its own, and wait until all events have arrived.

    That is as long as a reply is waited for; less where the failure is found and is made shorter.
    """
    conversation = _on_new_channels(case)
    assert isinstance(host, UrlHost)
    patience = timeout if host.is_careful else min(timeout, HURRY + 10 * host.slowest)
    waiting = replace(conversation, steps=(*conversation.steps, Settle(), Advance(patience)))
    async with host.application() as server:
        record = await play_on(server, waiting, path, headers, timeout, _wait_for_events)
        assert isinstance(server, UrlServer)
        _tell(record, patience, server.waited)
    record.conversation = replace(waiting, steps=(*waiting.steps[:-1], Advance(SHOWN)))
    return record


def _wait_for_events(server: Server, record: Record) -> None:
    assert isinstance(server, UrlServer)
    watch(server, record)
    record.extra[delivery.FROM] = 0
    server.is_done = lambda: not _misses_one(record)


def _misses_one(record: Record) -> bool:
    try:
        delivery.pubsub(record)
    except Violation as violation:
        return violation.key == _MISSING
    return False


def _tell(record: Record, patience: float, waited: float) -> None:
    """Say of the time that was given how much of it has passed."""
    for place, happening in enumerate(record.trace):
        if happening.what == "note" and happening.text == f"{patience:g} s pass":
            text = f"{waited:.2g} s pass" if waited > LOOK else "nothing more is to come"
            record.trace[place] = Happening("note", happening.time, text=text)


def _on_new_channels(conversation: Conversation) -> Conversation:
    """Give the channels names that no one has used: what they have in common stays so."""
    names = list(dict.fromkeys(_channels(conversation)))
    tag = f"w{secrets.token_hex(4)}"
    in_front = len(names) > 1 and len({name[:1].lower() for name in names}) == 1
    longest = conversation.endpoint.view.limits.channel_length - len(tag) - 1
    fresh = {
        name: f"{tag}-{name[:longest]}" if in_front else f"{name[:longest]}-{tag}" for name in names
    }
    steps = tuple(
        replace(step, payload=_renamed(step.payload, fresh)) if isinstance(step, Call) else step
        for step in conversation.steps
    )
    return replace(conversation, steps=steps)


def _channels(conversation: Conversation) -> list[str]:
    found = [call.payload.get("channel") for call in conversation.calls]
    return [name for name in found if isinstance(name, str)]


def _renamed(payload: Any, fresh: dict[str, str]) -> dict[str, Any]:
    return {**payload, "channel": fresh.get(payload.get("channel"), payload.get("channel"))}


def not_applied(subject: Subject) -> str | None:
    """Say why the phase does not apply, None if it does."""
    methods = subject.endpoint.methods_in("pubsub")
    for name in ("subscribe", "publish"):
        if name not in methods or not methods[name].channel_call:
            return f"there is no method {name} of the protocol's"
    return None
