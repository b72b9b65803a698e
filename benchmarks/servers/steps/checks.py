"""What msgspec and a hand-written loop let pass is refused, by looking at each value.

A message nested so deeply that whoever reads it next may run out of stack, and bytes in a response,
which msgspec writes as base64 without a word.
"""

from __future__ import annotations

from typing import Any

from benchmarks.servers.steps import naive, one_decode, small_reads

DEPTH = 64


class Stream(small_reads.Stream):
    """Checks each payload and each response."""

    def call_in(self, message: bytes) -> Any:
        """Return the call that a message is."""
        call = super().call_in(message)
        if depth_of(call.payload) >= DEPTH:
            raise ValueError("nested too deeply")
        return call

    def reply(self, call: one_decode.Call, response: Any) -> bytes:
        """Return the text of a reply."""
        if holds_bytes(response):
            raise TypeError("bytes have no JSON form")
        return super().reply(call, response)


def depth_of(value: Any) -> int:
    """Return how many containers are in each other."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def holds_bytes(value: Any) -> bool:
    """Tell whether bytes are anywhere in a value."""
    if isinstance(value, dict):
        return any(map(holds_bytes, value)) or any(map(holds_bytes, value.values()))
    if isinstance(value, (list, tuple, set)):
        return any(map(holds_bytes, value))
    return isinstance(value, (bytes, bytearray, memoryview))


if __name__ == "__main__":
    naive.main(Stream)
