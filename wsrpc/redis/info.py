"""What a `RedisBroker` tells of itself."""

from __future__ import annotations

from typing import TypedDict

from ..manager import ServerInfo


class RedisCounters(TypedDict):
    """Health and counters of a `RedisBroker`."""

    healthy: bool
    node: str
    """The connections of this process are called ``wsrpc-NODE`` in Redis."""
    wanted: int
    """Channels that are to be subscribed."""
    subscribed: int
    """Channels that Redis has confirmed."""
    published: int
    failed_publishes: int
    received: int
    ignored: int
    """Messages that were no events, or of another version."""
    filled: int
    """Events that came from the history."""
    gaps: int
    """Gaps that were told."""
    losses: int
    """Connections that were given up."""
    failed_connects: int
    probes: int
    failed_probes: int


class RedisInfo(ServerInfo):
    """What `RedisBroker.server_info` returns."""

    redis: RedisCounters
