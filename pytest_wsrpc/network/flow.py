"""Flow control of a transport in memory: when its protocol is to stop writing, and to go on."""

from __future__ import annotations

import asyncio
from typing import Any, Final

KERNEL: Final = 64 * 1024
"""Bytes on their way that the transport has got rid of, as those in the kernel of a socket."""

_HIGH_WATER: Final = 64 * 1024


class FlowControl(asyncio.Transport):
    """What a transport counts of its own bytes that the peer has not read.

    The first `KERNEL` of them are out of its hands, the others in its buffer.
    """

    __slots__ = (
        "_high",
        "_in_flight",
        "_loop",
        "_low",
        "_pause_above",
        "_protocol",
        "_watching",
        "_writing_paused",
    )

    _extra: dict[str, Any]

    def __init__(
        self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol, extra: dict[str, Any]
    ) -> None:
        super().__init__()
        self._extra = extra
        self._loop = loop
        self._protocol = protocol
        self._in_flight = 0
        self._writing_paused = False
        self._watching = False
        """Somebody waits until the peer has read."""
        self._set_limits(_HIGH_WATER, _HIGH_WATER // 4)

    def add_extra_info(self, name: str, value: Any) -> None:
        """Let ``get_extra_info`` give this too."""
        self._extra[name] = value

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that is told."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Tell another protocol from now on."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait, beyond those that the kernel has."""
        return max(0, self._in_flight - KERNEL)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low- and the high-water mark."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks, as for every transport of asyncio; the default is 64 and 16 KiB."""
        if high is None:
            high = _HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._set_limits(high, low)
        if self._in_flight > self._pause_above:
            self._pause_writing()

    def taken(self, size: int) -> None:
        """So many bytes are on their way no more."""
        self._in_flight -= size
        if self._watching:
            self._drained()

    def _set_limits(self, high: int, low: int) -> None:
        self._high, self._low = high, low
        self._pause_above = high + KERNEL

    def _pause_writing(self) -> None:
        if self._writing_paused:
            return
        self._writing_paused = self._watching = True
        try:
            self._protocol.pause_writing()
        except Exception as error:  # the protocol's own, which asyncio's transports treat so too
            self._report(error, "protocol.pause_writing() failed")

    def _drained(self) -> None:
        """Fewer bytes than before are on their way; let the protocol write if it may."""
        if not self._writing_paused or self._in_flight > self._low + KERNEL:
            return
        self._writing_paused = self._watching = False
        try:
            self._protocol.resume_writing()
        except Exception as error:  # the protocol's own, which asyncio's transports treat so too
            self._report(error, "protocol.resume_writing() failed")

    def _report(self, error: Exception, message: str) -> None:
        self._loop.call_exception_handler(
            {
                "message": message,
                "exception": error,
                "transport": self,
                "protocol": self._protocol,
            }
        )
