"""Damaged messages: what a broken bus hands over, and bytes that are no reply any more."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any


def damaged_reply(reply: bytes, draw: random.Random) -> bytes:
    """Return the bytes of a JSON object so damaged that no parser takes them for one."""
    cut = draw.randrange(1, len(reply))
    return draw.choice(
        [
            reply[:cut],
            reply[cut:] if reply[cut:].lstrip()[:1] != b"{" else reply[:cut],
            bytes([draw.choice(b"[}]\x00\x7f\xff")]) + reply[1:],
        ]
    )


def damaged_message(message: Any, draw: random.Random) -> Any:
    """Return a message from the backend as it might arrive from a broken one.

    It is no object any more, has lost a member, or has a member of a wrong type or cut short; the
    message given stays as it is.
    """
    if not isinstance(message, Mapping):
        return None
    event, data = message.get("event"), message.get("data")
    wrecks: list[Any] = [
        None,
        repr(dict(message))[: draw.randrange(1, 40)].encode(),
        {**message, "event": [event]},
    ]
    if event:
        wrecks.append({name: value for name, value in message.items() if name != "event"})
    if data is not None:
        without = {name: it for name, it in message.items() if name not in ("data", "json")}
        wrecks.append(without)
        wrecks.append({**without, "data": _cut(data)})
    return draw.choice(wrecks)


def _cut(data: Any) -> Any:
    """Return a value with its end missing; a number or the like becomes a text of it."""
    if isinstance(data, str | list | tuple) and data:
        return data[: len(data) // 2]
    if isinstance(data, Mapping) and data:
        return dict(list(data.items())[: len(data) // 2])
    return None if callable(data) else repr(data)[:8]
