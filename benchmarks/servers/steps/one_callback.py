"""One callback of the loop writes all connections that have something to be written."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.servers.steps import naive, outbox


class Stream(outbox.Stream):
    """Shares a callback with all others."""

    to_write: ClassVar[list[outbox.Stream]] = []

    def schedule(self) -> None:
        """Have this connection written in the next turn of the loop."""
        if not self.to_write:
            self.loop.call_soon(self.write_all)
        self.to_write.append(self)

    def write_all(self) -> None:
        """Write what came in the turn before, for all."""
        streams = tuple(self.to_write)
        self.to_write.clear()
        for stream in streams:
            stream.write_turn()


if __name__ == "__main__":
    naive.main(Stream)
