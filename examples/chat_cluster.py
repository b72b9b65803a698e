"""A chat in two server processes behind one Redis, and a client that survives the end of either.

Each server is a process of its own with `create_app`; what is said to one is heard by those who are
connected to the other. `python examples/chat_cluster.py` starts a private Redis, both servers and
two people, kills the servers one after the other, and shows that nobody misses a word.

Serve it for yourself, on a Redis of your own, with

    python examples/chat_cluster.py --serve redis://localhost --port 8080
"""

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from pytest_wsrpc.redis_server import RedisServer, find_server
from wsrpc import (
    ApiPath,
    ConnectionClosed,
    History,
    Reconnect,
    RedisBroker,
    RpcClient,
    RpcError,
    Subscribe,
    WsPathMixin,
)

Name = Annotated[str, Meta(min_length=1, max_length=40)]
Text = Annotated[str, Meta(min_length=1, max_length=1000)]


class Words(Struct, forbid_unknown_fields=True):
    """What somebody says."""

    name: Name
    text: Text


class Said(Struct):
    heard: bool


class Room(ApiPath, WsPathMixin, Subscribe):
    """One person in the room; the channel ``room`` tells what was said."""

    async def ws_rpc_say(self, payload: Words) -> Said:
        """Say something to everybody, on whichever server they are"""
        words = {"name": payload.name, "text": payload.text}
        await self.sockets.publish("room", "said", words)
        return Said(heard=True)


def create_app(redis_url: str) -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Room)
    RedisBroker.for_app(app, redis_url, history=History(size=1000, age=600))
    return app


class Server:
    """One server process of the demonstration."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/stream"

    async def start(self) -> None:
        """Start the process; after the first time on the same port."""
        command = [sys.executable, __file__, "--serve", self._redis_url, "--port", str(self.port)]
        self._process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.port = int(await self._process.stdout.readline())

    async def kill(self) -> None:
        """End the process as a crash does."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


async def say(client: RpcClient, name: str, text: str) -> None:
    """Say something, and say it again where it is not certain that it was said."""
    while True:
        try:
            await client.call("say", {"name": name, "text": text})
            return
        except (ConnectionClosed, RpcError, TimeoutError):
            await asyncio.sleep(0.1)


async def demonstrate() -> None:
    """Let Ann talk to Bob while their servers die."""
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(RedisServer(find_server()))
        servers = [Server(redis.url), Server(redis.url)]
        for server in servers:
            stack.push_async_callback(server.kill)
            await server.start()
        quickly = Reconnect(delay=0.1, max_delay=1.0)
        ann, bob = [
            await stack.enter_async_context(RpcClient.connect(server.url, reconnect=quickly))
            for server in servers
        ]
        events = await stack.enter_async_context(bob.subscribe("room"))

        async def bob_hears(text: str) -> None:
            async for event in events:
                print(f"bob hears {event.data}")
                if event.data["text"] == text:
                    return

        await say(ann, "ann", "hello")
        await bob_hears("hello")

        print("-- bob's server is killed, and ann goes on talking")
        await servers[1].kill()
        await say(ann, "ann", "are you there?")
        await say(ann, "ann", "bob?")
        await servers[1].start()
        await bob_hears("bob?")

        print("-- ann's server is killed")
        await servers[0].kill()
        talking = asyncio.create_task(say(ann, "ann", "here I am again"))
        await servers[0].start()
        await talking
        await bob_hears("here I am again")
        print("-- nothing was missed")


async def serve(redis_url: str, port: int) -> None:
    """Be one server, until killed; print the port when it serves."""
    runner = web.AppRunner(create_app(redis_url))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="A chat in two processes behind one Redis")
    parser.add_argument("--serve", metavar="REDIS_URL", help="be one server")
    parser.add_argument("--port", type=int, default=0, help="of the server; 0 chooses one")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve, options.port))
    else:
        asyncio.run(demonstrate())


if __name__ == "__main__":
    main()
