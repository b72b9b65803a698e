"""This project with limits so wide that a few clients can hold as much as is measured."""

from __future__ import annotations

from benchmarks.servers.serving import serve_aiohttp
from benchmarks.servers.wsrpc import Stream, make_app
from wsrpc import Limits


class Wide(Stream):
    """The methods that are measured; no pings, which the client would have to answer."""

    limits = Limits(subscriptions=1_000_000, heartbeat=None)


if __name__ == "__main__":
    serve_aiohttp(make_app(Wide), "msgspec")
