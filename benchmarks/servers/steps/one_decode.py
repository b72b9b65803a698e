"""A call is decoded and checked in one step, by a decoder that knows what a call is."""

from __future__ import annotations

from typing import Any

import msgspec

from benchmarks.servers.steps import fast_json, naive
from benchmarks.servers.steps.fast_json import encode


class Call(msgspec.Struct, forbid_unknown_fields=True):
    """What a client sends."""

    id: str | int
    method: str
    payload: dict[str, Any]


decode_call = msgspec.json.Decoder(Call).decode


class Stream(fast_json.Stream):
    """Makes no dictionary of what goes around a payload or a response."""

    def call_in(self, message: bytes) -> Any:
        """Return the call that a message is."""
        return decode_call(message)

    def reply(self, call: Call, response: Any) -> bytes:
        """Return the text of a reply."""
        return b'{"id":%b,"method":%b,"response":%b}' % (
            encode(call.id),
            encode(call.method),
            encode(response),
        )


if __name__ == "__main__":
    naive.main(Stream)
