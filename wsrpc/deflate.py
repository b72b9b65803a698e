"""The extension permessage-deflate (RFC 7692), without context takeover in either direction.

Each message is compressed by itself. So no connection keeps a compressor or a decompressor, which
would take more memory than all the rest of it, and one compressed message serves any number of
connections.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

LEVEL: Final = 3
"""zlib's level: 6 saves a tenth more of the bytes, for up to three times the time."""

LARGEST_WINDOW: Final = 15
"""The most window bits; what holds where nothing is said (RFC 7692, section 7.1.2)."""

_SMALLEST_WINDOW_OF_ZLIB: Final = 9
_NAME: Final = "permessage-deflate"
_PARAMETER: Final = re.compile(r'(?P<name>\w+?)(?:\s*=\s*("?)(?P<bits>[89]|1[0-5])\2)?')
_ALLOWED: Final = {
    ("server_no_context_takeover", False),
    ("client_no_context_takeover", False),
    ("server_max_window_bits", True),
    ("client_max_window_bits", True),
    ("client_max_window_bits", False),
}
"""The parameters of an offer, and whether they have a value."""

_TAIL: Final = b"\x00\x00\xff\xff"
"""What the end of each message leaves out (RFC 7692, section 7.2.1)."""

_MOST_STREAMS: Final = 64


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a server answers to an offer."""

    window_bits: int
    """The window of what the server compresses is two to the power of that, in bytes."""
    response: str
    """The value of the header ``Sec-WebSocket-Extensions``."""


def agree(offers: str) -> Agreement | None:
    """Return the answer to the first of a client's offers that can be met, None without one.

    `offers` is the request's header ``Sec-WebSocket-Extensions``. An offer with a parameter that
    is unknown, malformed or there twice is declined, and so is a window of 8 bits for what the
    server compresses, which zlib does not have.
    """
    for offer in offers.split(","):
        name, *parts = (part.strip() for part in offer.split(";"))
        parameters = _parameters(parts)
        if name != _NAME or parameters is None:
            continue
        bits = parameters.get("server_max_window_bits")
        answer = f"{_NAME}; server_no_context_takeover; client_no_context_takeover"
        if bits is None:
            return Agreement(LARGEST_WINDOW, answer)
        if int(bits) >= _SMALLEST_WINDOW_OF_ZLIB:
            return Agreement(int(bits), f"{answer}; server_max_window_bits={bits}")
    return None


def _parameters(parts: Iterable[str]) -> dict[str, str | None] | None:
    found: dict[str, str | None] = {}
    for part in parts:
        match = _PARAMETER.fullmatch(part)
        if match is None or match["name"] in found:
            return None
        if (match["name"], match["bits"] is not None) not in _ALLOWED:
            return None
        found[match["name"]] = match["bits"]
    return found


class _Kept(threading.local):
    """One compressor of each window, for all connections of a thread.

    One for each message would mostly cost a few microseconds, but as many as ten times that where
    the C library takes its 256 kB from the system each time.
    """

    def __init__(self) -> None:
        self.by_window: dict[int, Any] = {}


_kept: Final = _Kept()


def deflate(text: bytes, window_bits: int) -> bytes:
    """Compress a message, so that it refers to no other one."""
    # Taken out meanwhile: what was interrupted in between must not go on with another message.
    compressor = _kept.by_window.pop(window_bits, None)
    if compressor is None:
        compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -window_bits)
    data: bytes = compressor.compress(text) + compressor.flush(zlib.Z_FULL_FLUSH)
    _kept.by_window[window_bits] = compressor
    return data[: -len(_TAIL)]


class TooLarge(Exception):
    """A message is larger than it may be, once it is decompressed."""


def inflate(data: bytes | bytearray, limit: int) -> bytes:
    """Decompress a message of at most `limit` bytes; no more than that is ever decompressed.

    Raises `TooLarge`, and `ValueError` for what is not compressed so.
    """
    data = data + _TAIL
    text = b""
    for _ in range(_MOST_STREAMS):
        # A block may say that it is the last one, and another follow that refers to it (section
        # 7.2.3.5). To zlib that is one more stream.
        stream = zlib.decompressobj(-LARGEST_WINDOW, zdict=text[-(2**LARGEST_WINDOW) :])
        try:
            text += stream.decompress(data, limit + 1 - len(text))
        except zlib.error as error:
            raise ValueError(f"a compressed message is broken: {error}") from None
        if len(text) > limit:
            raise TooLarge
        if not stream.eof:
            return text
        data = stream.unused_data
    raise ValueError(f"a compressed message consists of more than {_MOST_STREAMS} streams")
