"""How these tests connect."""

from __future__ import annotations

from typing import Any

from wsrpc import RpcClient


def connect(scripted: Any, **options: Any) -> Any:
    """Connect to the scripted server, without pings."""
    return RpcClient.connect(scripted.url, heartbeat=None, **options)
