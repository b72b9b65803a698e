"""The story of a test: the conversations of its clients as one, in the order of all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..transcript import KEPT_FIRST, Entry, application_lines, causes_first
from .story import Step, Story

if TYPE_CHECKING:
    from ..client import WsTestClient


def story_of_clients(clients: Iterable[WsTestClient]) -> Story:
    """Return what clients and server have said to each other; empty where nothing was said."""
    speakers = [client for client in clients if client.transcript.entries]
    return Story.of([client.name for client in speakers], _steps(speakers))


def _steps(clients: list[WsTestClient]) -> Iterator[Step]:
    begin = min((client.transcript.began for client in clients), default=0.0)
    owners: dict[int, int] = {}
    gaps: dict[int, str] = {}
    entries: list[Entry] = []
    for number, client in enumerate(clients):
        own = client.transcript.entries
        entries += own
        owners |= {id(entry): number for entry in own}
        if client.transcript.left_out:
            gaps[id(own[KEPT_FIRST])] = f"{client.transcript.left_out:,} steps"
    entries.sort(key=lambda entry: entry.order)
    for entry, *others in _told_once(causes_first(entries), owners):
        number = owners[id(entry)]
        time = clients[number].transcript.began - begin + entry.time
        if id(entry) in gaps:
            yield Step(time, "left_out", number, gaps[id(entry)])
        text = entry.text
        if entry.exception is not None:
            text = "\n".join([text, *application_lines(entry.exception)])
        yield Step(time, entry.direction, None if others else number, text, entry.cut)


def _told_once(entries: list[Entry], owners: dict[int, int]) -> Iterator[list[Entry]]:
    """Yield the entries, a fault that several clients have noted as one."""
    group: list[Entry] = []
    for entry in entries:
        is_same = (
            group
            and entry.direction == group[0].direction == "fault"
            and entry.text == group[0].text
            and owners[id(entry)] not in [owners[id(one)] for one in group]
        )
        if not is_same and group:
            yield group
            group = []
        group.append(entry)
    if group:
        yield group
