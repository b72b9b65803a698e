"""A broker of your own: processes that meet at a small hub, over TCP, in lines of JSON.

`Hub` is the backend, a process of its own in earnest; `HubBroker` is what an application uses in
place of `LocalBroker`. It keeps no history: what is lost with a connection is told as a gap. Every
promise of a broker is held by `test_tcp_bus.py`, in a dozen lines.

    python -m examples.tcp_bus --port 7000
"""

import argparse
import asyncio
import json
from contextlib import suppress
from itertools import count
from typing import Any

from aiohttp import web

from wsrpc import (
    ApiPath,
    BrokerUnavailable,
    CannotPublish,
    CannotSubscribe,
    Publish,
    SocketsManager,
    Subscribe,
    WsPathMixin,
)

LONGEST_LINE = 4 << 20
PAUSE = 0.05


class Hub:
    """Pass each event on to the processes that have subscribed to its channel."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._processes: set[asyncio.StreamWriter] = set()
        self._subscribers: dict[str, set[asyncio.StreamWriter]] = {}

    async def start(self, port: int = 0) -> None:
        """Serve on a port; 0 is one that is free, or that of the time before."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", port or self.port, limit=LONGEST_LINE
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Break all connections, and take no more."""
        if self._server is not None:
            self._server.close()
            for process in self._processes:
                process.transport.abort()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._processes.add(writer)
        try:
            while line := await reader.readline():
                self._obey(json.loads(line), writer)
                await writer.drain()
        except ConnectionError:
            pass  # a process that is gone
        finally:
            self._processes.discard(writer)
            for channel in list(self._subscribers):
                self._leave(channel, writer)
            writer.close()

    def _obey(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        channel = request["channel"]
        if request["do"] == "subscribe":
            self._subscribers.setdefault(channel, set()).add(writer)
        elif request["do"] == "unsubscribe":
            self._leave(channel, writer)
        else:
            for subscriber in self._subscribers.get(channel, ()):
                subscriber.write(_line(channel=channel, message=request["message"]))
        writer.write(_line(done=request["id"]))

    def _leave(self, channel: str, writer: asyncio.StreamWriter) -> None:
        subscribers = self._subscribers.get(channel, set())
        subscribers.discard(writer)
        if not subscribers:
            self._subscribers.pop(channel, None)


class HubBroker(SocketsManager):
    """Bring events to the subscribers in all processes that meet at one hub.

    One task owns the connection. When it is lost, calls under way fail, and the next connection
    subscribes to all that is wanted. Nothing is sent twice.
    """

    def __init__(self, port: int, timeout: float = 2.0) -> None:
        self._port = port
        self._timeout = timeout
        self._wanted: set[str] = set()
        self._calls: dict[int, asyncio.Future[None]] = {}
        self._ids = count()
        self._writer: asyncio.StreamWriter | None = None
        self._owner: asyncio.Task[None] | None = None

    async def start(self, app: web.Application | None = None) -> None:
        """Connect; where there is no hub, go on trying."""
        connected = asyncio.Event()
        self._owner = asyncio.create_task(self._own(connected))
        with suppress(TimeoutError):  # publishing and subscribing fail until there is one
            await asyncio.wait_for(connected.wait(), self._timeout)

    async def close(self, app: web.Application | None = None) -> None:
        """Close the connections of clients, then that to the hub."""
        await super().close(app)
        if self._owner is not None:
            self._owner.cancel()
            await asyncio.wait([self._owner])

    async def publish(self, channel: str, event: str, body: Any) -> None:
        """Publish an event; when this returns, it is on its way to all processes."""
        if not channel:
            raise CannotPublish
        await self._ask("publish", channel, message={"event": event, "data": body})

    async def subscribe(self, channel: str) -> None:
        """Subscribe at the hub: when this returns, each later event comes."""
        if not channel:
            raise CannotSubscribe
        self._wanted.add(channel)
        try:
            await self._ask("subscribe", channel)
        except BaseException:  # cancelled too: who asks may give up
            self._wanted.discard(channel)
            raise

    async def unsubscribe(self, channel: str) -> None:
        """Unsubscribe at the hub; without a connection there is nothing to end."""
        self._wanted.discard(channel)
        if self._writer is not None:
            await self._ask("unsubscribe", channel)

    async def _ask(self, do: str, channel: str, **more: Any) -> None:
        """Send a request and wait until it is done."""
        if self._writer is None:
            raise BrokerUnavailable("there is no connection to the hub")
        id = next(self._ids)
        done = self._calls[id] = asyncio.get_running_loop().create_future()
        self._writer.write(_line(id=id, do=do, channel=channel, **more))
        try:
            await asyncio.wait_for(done, self._timeout)
        except TimeoutError:
            if self._writer is not None:
                self._writer.transport.abort()  # on any doubt, another connection
            raise BrokerUnavailable("the hub does not answer") from None
        finally:
            self._calls.pop(id, None)

    async def _own(self, connected: asyncio.Event) -> None:
        """Have a connection at all times, until cancelled."""
        is_first = True
        while True:
            try:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self._port, limit=LONGEST_LINE
                )
            except OSError:
                await asyncio.sleep(PAUSE)
                continue
            self._writer = writer
            # beside the reading, which brings the answers
            returning = asyncio.create_task(self._return(tell=not is_first))
            connected.set()
            is_first = False
            try:
                await self._read(reader)
            finally:
                self._writer = None
                writer.close()
                for done in self._calls.values():
                    if not done.done():
                        done.set_exception(BrokerUnavailable("the connection to the hub is lost"))
                returning.cancel()
                await asyncio.wait([returning])

    async def _return(self, tell: bool) -> None:
        """Subscribe again to all that is wanted, and tell what may have been lost meanwhile."""
        for channel in list(self._wanted):
            if channel not in self._wanted:
                continue  # it was unsubscribed meanwhile
            try:
                await self._ask("subscribe", channel)
            except BrokerUnavailable:
                return  # this connection is over, and the next one begins anew
            if tell:
                await self.channels.gap(channel)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                answer = json.loads(line)
                if "done" not in answer:
                    await self.channels(answer["channel"], answer["message"])
                elif (done := self._calls.get(answer["done"])) is not None and not done.done():
                    done.set_result(None)
        except ConnectionError:
            pass


def _line(**message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    """Publish and subscribe."""


def create_app(port: int) -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Stream)
    HubBroker.for_app(app, port)
    return app


async def serve(port: int) -> None:
    """Be the hub, until killed; print the port."""
    hub = Hub()
    await hub.start(port)
    print(hub.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The hub at which processes meet")
    parser.add_argument("--port", type=int, default=0, help="0 chooses one")
    asyncio.run(serve(parser.parse_args().port))
