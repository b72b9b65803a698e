"""Every number that bounds a connection, each with its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one endpoint; set ``limits = Limits(...)`` on its view class.

    Sizes are bytes, times are seconds. A value outside of its range raises `ValueError`.
    """

    message_size: int = MIB
    """The largest message a client may send. Larger ones are seldom meant, and each connection may
    hold one in memory. Over it the connection is closed with 1009."""

    depth: int = 64
    """How deep arrays and objects of a message may nest, the message itself counted. No sane
    payload needs more, and recursive code stays far from Python's recursion limit."""

    concurrent_calls: int = 16
    """Calls of one connection that run at the same time: enough to hide the latency of a database,
    too few for one client to take the whole server."""

    queued_calls: int = 1024
    """Calls of one connection that wait for their turn: a burst of a client that pipelines. One
    more is answered with -32002."""

    queued_bytes: int = 2 * MIB
    """Bytes of messages that wait for their turn, so that a burst of large calls cannot take more
    memory than a burst of small ones."""

    subscriptions: int = 128
    """Pairs of channel and pattern on one connection: a page of live data needs some dozens."""

    channel_length: int = 255
    """Characters of a channel's name. Backends have limits of the same order."""

    event_length: int = 255
    """Characters of an event's name; with `pattern_length` it bounds the time of a match."""

    pattern_length: int = 128
    """Characters of an event pattern; with `event_length` it bounds the time of a match."""

    call_timeout: float = 60.0
    """Seconds from the arrival of a call to its answer: longer than any proxy or person waits."""

    heartbeat: float | None = 25.0
    """Seconds of silence before a ping, half as much again before a connection without a pong is
    dropped. Many proxies cut what is silent for 30 s. None sends no pings."""

    outbox_size: int = MIB
    """Bytes that wait to be sent to one client before it counts as too slow."""

    slow_consumer: Literal["close", "drop"] = "close"
    """What becomes of a consumer that is too slow: its connection is closed with 1013, so that it
    knows what it missed, or the events that do not fit are dropped."""

    shutdown_timeout: float = 30.0
    """Seconds that calls in flight have at shutdown before they are answered with -32005."""

    compression: bool = False
    """Whether a connection is compressed, in both directions, if its client offers it: a fifth to a
    third of the bytes of larger messages, for a multiple of the processor time of each reply."""

    compression_threshold: int = KIB
    """Bytes of the smallest message that goes out compressed. A smaller one fits into one packet
    either way, and is hardly ever worth the time."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "slow_consumer":
                if value not in ("close", "drop"):
                    raise ValueError(f"slow_consumer must be 'close' or 'drop', got {value!r}")
            elif field.name == "compression":
                if not isinstance(value, bool):
                    raise ValueError(f"compression must be True or False, got {value!r}")
            elif field.name == "heartbeat" and value is None:
                continue
            elif isinstance(field.default, float):
                if (
                    not isinstance(value, (int, float))
                    or isinstance(value, bool)
                    or not math.isfinite(value)
                    or value < 0
                    or (value == 0 and field.name != "shutdown_timeout")
                ):
                    raise ValueError(f"{field.name} must be a time in seconds, got {value!r}")
            elif type(value) is not int or value < _LEAST.get(field.name, 1):
                least = _LEAST.get(field.name, 1)
                raise ValueError(
                    f"{field.name} must be an integer of at least {least}, got {value!r}"
                )


_LEAST = {"queued_calls": 0, "queued_bytes": 0, "subscriptions": 0}
