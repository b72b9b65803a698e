"""Server frames of the websocket protocol (RFC 6455, section 5.2): unmasked and unfragmented."""

from __future__ import annotations

from struct import Struct

_SHORT = Struct("!BB").pack
_MEDIUM = Struct("!BBH").pack
_LONG = Struct("!BBQ").pack
_CODE = Struct("!H").pack

_FINAL_TEXT = 0x81
_FINAL_CLOSE = 0x88
_FINAL_COMPRESSED_TEXT = b"\xc1"

LONGEST_REASON = 123
"""Bytes of a close reason: a control frame carries at most 125, and two are the code."""


def text_frame(message: bytes) -> bytes:
    """Return the frame that carries a text message."""
    length = len(message)
    if length < 126:
        return _SHORT(_FINAL_TEXT, length) + message
    if length < 65536:
        return _MEDIUM(_FINAL_TEXT, 126, length) + message
    return _LONG(_FINAL_TEXT, 127, length) + message


def compressed_text_frame(data: bytes) -> bytes:
    """Return the frame that carries a compressed text message (RFC 7692, section 6)."""
    return _FINAL_COMPRESSED_TEXT + text_frame(data)[1:]


def close_frame(code: int, reason: str = "") -> bytes:
    """Return the close frame with a code and a reason.

    Raises `ValueError` for a code that an endpoint may not send (RFC 6455, section 7.4) and for a
    reason that does not fit.
    """
    if not isinstance(code, int) or not (
        (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) or 3000 <= code <= 4999
    ):
        raise ValueError(f"expected a close code of RFC 6455 or 3000 to 4999, got {code!r}")
    body = _CODE(code) + reason.encode()
    if len(body) > LONGEST_REASON + 2:
        raise ValueError(
            f"a close reason has at most {LONGEST_REASON} bytes, got {len(body) - 2}: {reason!r}"
        )
    return _SHORT(_FINAL_CLOSE, len(body)) + body
