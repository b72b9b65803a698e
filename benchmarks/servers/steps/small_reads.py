"""A read allocates 64 kB, not 256 kB, which the C library need not ask the system for each time."""

from __future__ import annotations

from aiohttp import web

from benchmarks.servers.steps import heartbeat, naive
from wsrpc import internals


class Stream(heartbeat.Stream):
    """Has asyncio's transport read less at once."""

    def __init__(self, request: web.Request) -> None:
        super().__init__(request)
        internals.read_less(self.transport)


if __name__ == "__main__":
    naive.main(Stream)
