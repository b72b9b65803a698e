"""The same checks, and all others of the wire format, as `wsrpc` does them: in few calls of C."""

from __future__ import annotations

from typing import Any

from benchmarks.servers.steps import naive, small_reads
from benchmarks.servers.steps.checks import DEPTH
from wsrpc import protocol


class Stream(small_reads.Stream):
    """Looks at a whole level of containers at once: what they hold, and of what types."""

    def call_in(self, message: bytes) -> protocol.Request:
        """Return the call that a message is."""
        return protocol.request(message, DEPTH)

    def reply(self, call: Any, response: Any) -> bytes:
        """Return the text of a reply."""
        return protocol.reply(call.id, call.method, protocol.encode_json(response))


if __name__ == "__main__":
    naive.main(Stream)
