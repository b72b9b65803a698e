"""What an application publishes and hides, seen at its managers while a conversation is played."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from wsrpc import SocketsManager, Websocket
from wsrpc.calls import CURRENT

from .record import Record
from .serving import Server

SEEN: Final = "seen"
"""Under this name `Record.extra` has the `Seen`."""


@dataclass(eq=False)
class Publication:
    """One call of `SocketsManager.publish`."""

    begun: int
    """The place in `Record.trace` of what happened next."""
    channel: str
    event: str
    body: Any
    ended: float = math.inf
    is_done: bool = False
    """Whether it returned, so that the event is the backend's to deliver."""
    request_id: str | int | None = None
    """Of the call in whose handler it was published, where that is known."""


@dataclass
class Seen:
    """What only the server knows."""

    publications: list[Publication] = field(default_factory=list)
    hidden: set[tuple[str, str]] = field(default_factory=set)
    """Channels and names of events that some connection may not receive."""
    revoked: bool = False
    """Whether a subscription was taken from a connection behind its back."""


def watch(server: Server, record: Record) -> None:
    """See from now on what the application publishes, hides and revokes."""
    seen = record.extra[SEEN] = Seen()
    for manager in server.managers.values():
        attributes = vars(manager)  # whatever the class does about setting attributes
        attributes["publish"] = _publishing(manager.publish, seen, record)
        attributes["revoke"] = _revoking(manager.revoke, seen)
        attributes["add"] = _adding(manager, seen)


def _publishing(publish: Callable[..., Any], seen: Seen, record: Record) -> Callable[..., Any]:
    async def watched(channel: str, event: str, body: Any, *rest: Any, **keywords: Any) -> Any:
        if record.is_over:  # those who would receive it are on their way out
            return await publish(channel, event, body, *rest, **keywords)
        call = CURRENT.get()
        request_id = None if call is None else call.id
        publication = Publication(len(record.trace), channel, event, body, request_id=request_id)
        seen.publications.append(publication)
        try:
            result = await publish(channel, event, body, *rest, **keywords)
            publication.is_done = True
            return result
        finally:
            publication.ended = len(record.trace)

    return watched


def _revoking(revoke: Callable[..., Any], seen: Seen) -> Callable[..., Any]:
    async def watched(*args: Any, **keywords: Any) -> Any:
        seen.revoked = True
        return await revoke(*args, **keywords)

    return watched


def _adding(manager: SocketsManager, seen: Seen) -> Callable[[Websocket], None]:
    add = manager.add

    def watched(websocket: Websocket) -> None:
        if type(websocket).can_receive is not Websocket.can_receive:
            vars(websocket)["can_receive"] = _receiving(websocket.can_receive, seen)
        add(websocket)

    return watched


def _receiving(can_receive: Callable[[str, str], bool], seen: Seen) -> Callable[[str, str], bool]:
    def watched(channel: str, event: str) -> bool:
        may = can_receive(channel, event)
        if not may:
            seen.hidden.add((channel, event))
        return may

    return watched
