"""A view that compresses, and frames made and read by hand."""

from __future__ import annotations

import json
import zlib
from typing import Any

from wsrpc import ApiPath, Limits, Publish, Subscribe, WsPathMixin

OFFER = "permessage-deflate; client_max_window_bits"
TEXT, COMPRESSED = 0x81, 0xC1
"""First bytes of frames: of a whole text message, plain and compressed."""


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    limits = Limits(compression=True, compression_threshold=100)

    async def ws_rpc_echo(self, payload: Any) -> Any:
        return payload

    async def ws_rpc_size(self, payload: Any) -> int:
        return len(payload["x"])


def compressed(message: Any) -> bytes:
    """Return a message as the payload of a compressed frame."""
    text = message if isinstance(message, bytes) else json.dumps(message).encode()
    stream = zlib.compressobj(wbits=-15)
    return (stream.compress(text) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


def read(frame: tuple[int, bytes], window_bits: int = 15) -> Any:
    """Return the message of a frame, compressed or not."""
    first, payload = frame
    if first == COMPRESSED:
        stream = zlib.decompressobj(-window_bits)
        payload = stream.decompress(payload + b"\x00\x00\xff\xff")
    else:
        assert first == TEXT, hex(first)
    return json.loads(payload)
