"""A small server of the protocol that is made with another library.

It keeps what it is told for as long as it runs, and has the defects that it is asked for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import jsonschema_rs
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from wsrpc.patterns import Pattern

WORD = {"type": "string", "minLength": 1, "maxLength": 20}
PAYLOADS: dict[str, dict[str, Any]] = {
    "add": {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "minimum": 0, "maximum": 1000},
            "b": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 1},
        },
        "required": ["a"],
    },
    "greet": {
        "type": "object",
        "properties": {"name": WORD, "language": {"enum": ["de", "en"]}},
        "required": ["name"],
        "additionalProperties": False,
    },
    "put": {
        "type": "object",
        "properties": {"key": WORD, "value": {"type": "string"}},
        "required": ["key", "value"],
    },
    "get": {"type": "object", "properties": {"key": WORD}, "required": ["key"]},
    "subscribe": {
        "type": "object",
        "properties": {
            "channel": {"type": "string"},
            "event": {
                "anyOf": [
                    {"type": "string"},
                    {"type": "array", "items": {"type": "string"}, "minItems": 1},
                    {"type": "null"},
                ]
            },
        },
        "required": ["channel"],
        "additionalProperties": False,
    },
    "publish": {
        "type": "object",
        "properties": {
            "channel": {"type": "string"},
            "event": {"type": ["string", "null"]},
            "data": {},
        },
        "required": ["channel", "data"],
        "additionalProperties": False,
    },
}
PAYLOADS["unsubscribe"] = PAYLOADS["subscribe"]
RESPONSES: dict[str, Any] = {
    "add": {
        "type": "object",
        "properties": {"sum": {"type": "integer"}},
        "required": ["sum"],
    },
    "greet": {"type": "string"},
    "put": {"type": "object"},
    "get": {"type": "object", "properties": {"value": {"type": "string"}}, "required": ["value"]},
    "subscribe": {
        "type": "object",
        "properties": {"subscribed": {"type": "object"}},
        "required": ["subscribed"],
    },
    "publish": {"type": "object"},
}
RESPONSES["unsubscribe"] = RESPONSES["subscribe"]


def document(methods: Iterable[str] = PAYLOADS) -> dict[str, Any]:
    """Return the AsyncAPI document of the server, as a person might write one."""
    names = list(methods)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Foreign", "version": "1"},
        "channels": {
            "room": {
                "address": "/rooms/{room}",
                "parameters": {"room": {}},
                "messages": {
                    **{f"ask_{name}": _reference("messages", f"ask_{name}") for name in names},
                    **{f"tell_{name}": _reference("messages", f"tell_{name}") for name in names},
                },
            }
        },
        "operations": {
            f"do_{name}": {
                "action": "receive",
                "channel": {"$ref": "#/channels/room"},
                "messages": [{"$ref": f"#/channels/room/messages/ask_{name}"}],
                "reply": {"messages": [{"$ref": f"#/channels/room/messages/tell_{name}"}]},
            }
            for name in names
        },
        "components": {
            "schemas": {"Word": WORD, **{name: PAYLOADS[name] for name in names}},
            "messages": {
                **{
                    f"ask_{name}": {
                        "summary": f"Ask to {name}",
                        "payload": {
                            "type": "object",
                            "properties": {
                                "id": {"type": ["string", "integer"]},
                                "method": {"type": "string", "enum": [name]},
                                "payload": _reference("schemas", name),
                            },
                        },
                    }
                    for name in names
                },
                **{
                    f"tell_{name}": {
                        "payload": {"type": "object", "properties": {"response": RESPONSES[name]}}
                    }
                    for name in names
                },
            },
        },
    }


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


_TURNS = 5
"""Of the loop, in which an accepted connection gets its transport."""

Talk = Callable[[ServerConnection], Awaitable[None]]


class _Refusal(Exception):
    def __init__(self, code: int, message: str, errors: dict[str, Any] | None = None) -> None:
        super().__init__(code, message)
        self.error = {"code": code, "message": message}
        if errors:
            self.error["errors"] = errors


class Server:
    """The server, with these defects."""

    def __init__(
        self, bugs: Iterable[str] = (), token: str | None = None, talk: Talk | None = None
    ) -> None:
        self.bugs = set(bugs)
        self.token = token
        self.talk = talk
        """What is done with each connection, in place of all else."""
        self.values: dict[str, str] = {}
        self.subscribed: dict[ServerConnection, dict[str, set[str]]] = {}
        self.status: int | None = None
        """With which handshakes are refused."""
        self.paths: set[str] = set()
        self.calls = 0
        self.last_call = 0
        """The number of the call at which the server ends; 0: at none."""
        self._tasks: list[asyncio.Future[None]] = []
        self._transports: list[asyncio.Transport] = []
        self.port = 0
        """That it serves at; where it is set before, it is the one."""
        self._thread: threading.Thread
        self._ended: asyncio.Event
        self._loop: asyncio.AbstractEventLoop

    @contextmanager
    def running(self, context: ssl.SSLContext | None = None) -> Iterator[Server]:
        """Serve on a thread of its own until the block ends."""
        self.start(context)
        try:
            yield self
        finally:
            self.stop()

    def start(self, context: ssl.SSLContext | None = None) -> None:
        """Begin to serve on a thread of its own."""
        started = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started, context)), name="foreign"
        )
        self._thread.start()
        started.wait(10)

    def stop(self) -> None:
        """End, and wait for that."""
        self.end()
        self._thread.join(10)

    def end(self) -> None:
        """Stop serving, all connections too."""
        self.do(self._ended.set)

    def do(self, function: Callable[[], object]) -> None:
        """Do something on the thread, unless it has ended by itself."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function)

    async def _serve(self, started: threading.Event, context: ssl.SSLContext | None) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        async with serve(
            self.talk or self._connected,
            "127.0.0.1",
            self.port,
            ssl=context,
            process_request=self._admit,
            create_connection=self._connection,
            max_queue=1,
            close_timeout=0.1,
            logger=_log(),
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            started.set()
            await self._ended.wait()
        for _ in range(_TURNS):  # what asyncio has accepted late gets its transport
            await asyncio.sleep(0)
        for transport in self._transports:
            transport.abort()
        await asyncio.sleep(0)

    def _connection(self, *args: Any, **options: Any) -> ServerConnection:
        transports = self._transports

        class Connection(ServerConnection):
            def connection_made(self, transport: Any) -> None:
                transports.append(transport)
                super().connection_made(transport)

        return Connection(*args, **options)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.paths.add(request.path)
        if self.status is not None:
            return connection.respond(self.status, "not now")
        if self.token is None or request.headers.get("Authorization") == f"Bearer {self.token}":
            return None
        return connection.respond(401, "who are you?")

    async def _connected(self, connection: ServerConnection) -> None:
        self.subscribed[connection] = {}
        try:
            async for message in connection:
                for reply in await self._replies(connection, message):
                    await connection.send(json.dumps(reply))
        finally:
            del self.subscribed[connection]

    async def _replies(
        self, connection: ServerConnection, message: str | bytes
    ) -> list[dict[str, Any]]:
        echo: dict[str, Any] = {}
        try:
            if isinstance(message, bytes):
                raise _Refusal(-32600, "Text message expected")
            request = self._decoded(message)
            if not isinstance(request, dict):
                raise _Refusal(-32600, "an object is expected")
            for name, kinds in (("id", (str, int)), ("method", (str,))):
                if type(request.get(name)) in kinds:
                    echo[name] = request[name]
            payload = request.get("payload")
            wrong = {name: "required" for name in ("id", "method") if name not in echo}
            if payload is not None and not isinstance(payload, dict):
                wrong["payload"] = "an object is expected"
            if wrong:
                raise _Refusal(-32602, "Invalid RPC parameters", wrong)
            response = await self._call(connection, echo["method"], payload or {})
        except _Refusal as refusal:
            return [{**echo, "error": refusal.error}]
        twice = "twice" in self.bugs and (payload or {}).get("value") == ""
        return [{**echo, "response": response}] * (2 if twice else 1)

    def _decoded(self, text: str) -> Any:
        def number(digits: str) -> float:
            value = float(digits)
            if not math.isfinite(value):
                raise ValueError(digits)
            return value

        try:
            value = json.loads(text, parse_float=number, parse_constant=number)
            json.dumps(value, ensure_ascii=False).encode()
        except ValueError:
            if "json" in self.bugs:
                raise
            raise _Refusal(-32700, "JSON string expected") from None
        return value

    async def _call(
        self, connection: ServerConnection, method: str, payload: dict[str, Any]
    ) -> Any:
        if method not in PAYLOADS:
            raise _Refusal(-32601, "Invalid RPC parameters", {"method": "not available"})
        self.calls += 1
        if self.calls == self.last_call:
            self.end()
            connection.transport.abort()
        self._check(method, payload)
        match method:
            case "add":
                a, b = payload["a"], payload.get("b", 1)
                if "crash" in self.bugs and b > 500:
                    raise ZeroDivisionError
                return {"sum": a + b}
            case "greet":
                return f"Hello, {payload['name']}"
            case "put":
                self.values[payload["key"]] = payload["value"]
                return {}
            case "get":
                missing = None if "null" in self.bugs else ""
                return {"value": self.values.get(payload["key"], missing)}
        return await self._channel_call(connection, method, payload)

    def _check(self, method: str, payload: dict[str, Any]) -> None:
        schema = PAYLOADS[method]
        if "length" in self.bugs and method == "greet":
            schema = {"properties": {"name": {"type": "string", "minLength": 1}, **{
                "language": {"enum": ["de", "en"]}}}, "required": ["name"],
                "additionalProperties": False}  # fmt: skip
        wrong: dict[str, Any] = {}
        for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(payload):
            path = [str(step) for step in error.instance_path]
            kind: Any = error.kind
            if kind.name == "required":
                path.append(kind.property)
            elif kind.name == "additionalProperties":
                path.append(kind.unexpected[0])
            wrong[path[0]] = error.message
        if wrong:
            raise _Refusal(-32602, "Invalid RPC parameters", wrong)

    async def _channel_call(
        self, connection: ServerConnection, method: str, payload: dict[str, Any]
    ) -> Any:
        channel, event = payload["channel"], payload.get("event")
        if method == "publish":
            told = {"channel": channel, "event": event or "", "data": payload["data"]}
            if "slow" in self.bugs:
                self._loop.call_later(0.15, self._later, told)
            else:
                await self._tell(told)
            return payload | {"event": event}
        mine = self.subscribed[connection]
        patterns = {event} if isinstance(event, str) else set(event or ())
        try:
            patterns = {Pattern(one).text for one in patterns}
        except ValueError:
            raise _Refusal(-32602, "Invalid RPC parameters", {"event": "no pattern"}) from None
        if method == "subscribe":
            mine.setdefault(channel, set()).update(patterns or {"*"})
        elif not patterns:
            mine.pop(channel, None)
        else:
            mine[channel] = mine.get(channel, set()) - patterns
        left = sorted(mine.get(channel, ()))
        return {"subscribed": {channel: left} if left else {}}

    def _later(self, told: dict[str, Any]) -> None:
        self._tasks.append(asyncio.ensure_future(self._tell(told)))

    async def _tell(self, told: dict[str, Any]) -> None:
        for other, channels in list(self.subscribed.items()):
            if self._receives(channels.get(told["channel"], ()), told["event"]):
                with suppress(ConnectionClosed):
                    await other.send(json.dumps(told))

    def _receives(self, patterns: Iterable[str], event: str) -> bool:
        if "lost" in self.bugs and event.startswith("t"):
            return False
        return any(Pattern(one).matches(event) for one in patterns)


def _log() -> Any:
    logger = logging.getLogger("foreign")
    logger.setLevel(logging.CRITICAL)
    return logger
