"""Faults of the network between one client and the server: what ``ws_client.link`` gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Literal, Self

from wsrpc.frames import close_frame

from .transport import MemoryTransport, reset_by_peer
from .wire import Shape, Wire

__all__ = ["Direction", "LinkFault", "NetworkLink"]

Direction = Literal["both", "sent", "received"]
"""Which bytes a fault concerns, seen from the client."""

_DIRECTIONS: Final = ("both", "sent", "received")

LOST: Final = 1006
"""The code of a connection that ended without a close frame (RFC 6455, section 7.1.5)."""


class NetworkLink:
    """The network between one client and the server, with the faults that are in force on it.

    Faults compose, and never change the order of bytes. Whoever writes faster than the link
    delivers is paused as on a socket. The first five return a `LinkFault`: heal it, use it with
    ``with``, or heal all by `heal`. On a connection that has ended they do nothing.
    """

    def __init__(self, client: MemoryTransport, server: MemoryTransport) -> None:
        self.on_fault: Callable[[str], None] | None = None
        """Told a short text on each change."""
        self._client = client
        self._server = server
        self._seed: int | str = 0
        self._wires: dict[str, Wire] = {}  # made with the first fault: most links have none
        self._faults: list[LinkFault] = []

    def __repr__(self) -> str:
        return f"<NetworkLink: {', '.join(map(str, self._faults)) or 'no faults'}>"

    @property
    def faults(self) -> tuple[LinkFault, ...]:
        """The faults in force, in the order in which they were set."""
        return tuple(self._faults)

    def seed(self, seed: int | str) -> None:
        """Draw from generators with this seed from now on, one for each direction."""
        self._seed = seed
        for name, wire in self._wires.items():
            wire.seed(f"{seed}:{name}")

    def latency(
        self, seconds: float, jitter: float = 0.0, *, direction: Direction = "both"
    ) -> LinkFault:
        """Let bytes arrive so many seconds late, each write by up to `jitter` more or less."""
        _check_number("latency", "seconds", seconds, "0 or more", _is_duration)
        _check_number("latency", "jitter", jitter, "0 or more", _is_duration)
        text = f"latency {seconds:g} s"
        if jitter:
            text += f" ± {jitter:g} s"
        return self._add(text, Shape(latency=seconds, jitter=jitter), direction)

    def bandwidth(self, bytes_per_second: float, *, direction: Direction = "both") -> LinkFault:
        """Let no more bytes than this pass in a second; of several limits the lowest counts."""
        _check_number("bandwidth", "bytes_per_second", bytes_per_second, "more than 0", _is_rate)
        text = f"bandwidth {bytes_per_second:g} bytes/s"
        return self._add(text, Shape(bandwidth=bytes_per_second), direction)

    def slice(self, size: int, *, direction: Direction = "both") -> LinkFault:
        """Let bytes arrive in pieces of at most this size, each in a turn of its own."""
        if type(size) is not int or size < 1:
            raise ValueError(f"link.slice(size): expected a whole number of bytes, got {size!r}")
        return self._add(f"slices of {size} bytes", Shape(slice=size), direction)

    def stall(self, *, direction: Direction = "both") -> LinkFault:
        """Hold everything back until this is healed; then it arrives, in order."""
        return self._add("stalled", Shape(stalled=True), direction)

    def half_open(self, *, direction: Direction = "both") -> LinkFault:
        """Let what is sent vanish, and tell nobody, as when a host or a router is gone.

        Once this is healed, later bytes pass again; what vanished stays lost, but for the end of
        the connection. Until then it counts as unsent, as what nobody acknowledges.
        """
        return self._add("half-open", Shape(lossy=True), direction)

    def reset(self) -> None:
        """Break the connection at once: both ends see a `ConnectionResetError`.

        What is on its way is lost; the websockets end with the code 1006.
        """
        if not self._client.is_closing() or not self._server.is_closing():
            self._tell("reset")
        self._heal_quietly(self._faults)
        for wire in self._wires.values():
            wire.clear()
        for end in (self._client, self._server):
            end.reset(reset_by_peer())

    def close(self, code: int = LOST, reason: str = "") -> None:
        """End the connection between client and server.

        The server sees an end of file, without a close frame. The client sees first what the
        server had sent, then with the code 1006 an end of file too, with another code a close
        frame. What other faults held back arrives before. Raises `ValueError` for a code that no
        endpoint may send, and for a reason that is too long.
        """
        if code == LOST and reason:
            raise ValueError(
                f"link.close(1006) sends no close frame to carry the reason {reason!r}"
            )
        frame = b"" if code == LOST else close_frame(code, reason)
        if self._client.is_closing() and self._server.is_closing():
            return
        self._tell(f"closed {code}: {reason}" if reason else f"closed {code}")
        self._heal_quietly(self._faults)
        self._client.hang_up()
        self._server.cut(frame)

    def heal(self) -> None:
        """Take back all faults in force; what they held back arrives, in order."""
        if self._faults:
            self._heal_quietly(self._faults)
            self._tell("healed")

    def finish(self, *, abort: bool = False) -> None:
        """Heal all faults without a word, as the test is over; see `AppConnector`."""
        self._heal_quietly(self._faults)
        if abort and self._client.get_write_buffer_size():
            self._client.abort()

    def _add(self, text: str, shape: Shape, direction: Direction) -> LinkFault:
        if direction not in _DIRECTIONS:
            raise ValueError(
                f"direction must be 'both', 'sent' or 'received' (by the client), got {direction!r}"
            )
        if direction != "both":
            text += f" ({direction})"
        fault = LinkFault(self, text, shape)
        self._tell(text)
        self._faults.append(fault)
        if not self._wires:
            self._wires["sent"] = Wire(self._client, self._server)
            self._wires["received"] = Wire(self._server, self._client)
            self.seed(self._seed)
        for name, wire in self._wires.items():
            if direction in (name, "both"):
                wire.add(shape)
        return fault

    def _heal(self, fault: LinkFault) -> None:
        if fault in self._faults:
            self._heal_quietly([fault])
            self._tell(f"healed: {fault}")

    def _heal_quietly(self, faults: list[LinkFault]) -> None:
        shapes = [fault._shape for fault in faults]
        self._faults = [fault for fault in self._faults if fault not in faults]
        for wire in self._wires.values():
            wire.remove(shapes)

    def _tell(self, text: str) -> None:
        if self.on_fault is not None:
            self.on_fault(text)


class LinkFault:
    """A fault in force on a link; leaving ``with`` heals it."""

    def __init__(self, link: NetworkLink, text: str, shape: Shape) -> None:
        self._link = link
        self._text = text
        self._shape = shape

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"<LinkFault {self._text}>"

    def heal(self) -> None:
        """Take the fault back; again, it does nothing."""
        self._link._heal(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.heal()


def _is_duration(value: float) -> bool:
    return 0 <= value < math.inf


def _is_rate(value: float) -> bool:
    return 0 < value < math.inf


def _check_number(
    method: str, name: str, value: Any, expected: str, is_right: Callable[[float], bool]
) -> None:
    if type(value) not in (int, float) or not is_right(value):
        raise ValueError(
            f"link.{method}({name}): expected a finite number, {expected}, got {value!r:.80}"
        )
