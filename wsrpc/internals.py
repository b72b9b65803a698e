"""What the library touches of aiohttp beyond its public interface, each with what is else lost."""

from __future__ import annotations


def keep_reading(protocol: object) -> None:
    """Make an aiohttp connection go on reading although the server's shutdown has begun.

    Without the attribute, clients' messages are dropped from then on, as aiohttp itself does: calls
    that come during the shutdown are not answered.
    """
    if hasattr(protocol, "_close"):
        protocol._close = False
