"""Frames as the server writes them."""

from __future__ import annotations

import struct

import pytest

from wsrpc.frames import LONGEST_REASON, close_frame, text_frame


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f" + struct.pack("!Q", 65536)),
        (2**20 + 1, b"\x81\x7f" + struct.pack("!Q", 2**20 + 1)),
    ],
)
def test_a_text_frame_has_the_shortest_header(length, header):
    message = b"x" * length
    assert text_frame(message) == header + message


@pytest.mark.parametrize("code", [1000, 1001, 1009, 1011, 1013, 1014, 3000, 4999])
def test_a_close_frame_carries_code_and_reason(code):
    assert close_frame(code) == b"\x88\x02" + struct.pack("!H", code)
    assert close_frame(code, "é") == b"\x88\x04" + struct.pack("!H", code) + "é".encode()


@pytest.mark.parametrize(
    "code",
    [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65536, -1, "1000", None, 1000.0],
)
def test_a_code_that_no_endpoint_may_send_is_refused(code):
    with pytest.raises(ValueError, match="expected a close code of RFC 6455 or 3000 to 4999, got"):
        close_frame(code)


def test_a_reason_has_at_most_123_bytes():
    assert len(close_frame(1000, "é" * 61 + "x")) == 2 + 2 + LONGEST_REASON
    with pytest.raises(ValueError, match="at most 123 bytes, got 124"):
        close_frame(1000, "é" * 62)
