"""How each server is spoken to: the path, the greeting, and the texts of calls and events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from benchmarks.comparison.wire import Connection, Unexpected

CHANNEL = "news"
EVENT = "tick"
NUMBERS = range(1000, 1064)
"""Of calls and events, in turn: more than are ever outstanding on a connection."""

Step = str | Callable[[str], str] | None
"""A text to send, None to wait for a text, or what makes a text to send of the one that came."""


def dump(value: Any) -> str:
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":"))


class Protocol:
    """The protocol of this project and of aio-openapi, which the servers without one speak, too.

    Texts with a number have the same size for every number from 1000 to 9999.
    """

    path = "/stream"
    greeting: tuple[Step, ...] = ()
    """What comes between the upgrade and the first call."""
    answer: Callable[[str], str] | None = None
    """Makes what a subscriber answers to an event of its text, where it has to."""

    def call(self, number: int, method: str, payload: Any) -> str:
        """Return the text of a call."""
        return dump({"id": str(number), "method": method, "payload": payload})

    def reply(self, text: str) -> tuple[int, Any]:
        """Return the number and the result that a reply carries."""
        message = json.loads(text)
        if "response" not in message:
            raise Unexpected(f"no reply: {text[:300]}")
        return int(message["id"]), message["response"]

    def subscribe(self, number: int) -> str:
        """Return the text that subscribes."""
        return self.call(number, "subscribe", {"channel": CHANNEL, "event": EVENT})

    def publish(self, number: int, data: Any) -> str:
        """Return the text that publishes; a reply acknowledges it."""
        return self.call(number, "publish", {"channel": CHANNEL, "event": EVENT, "data": data})

    def event(self, text: str) -> Any:
        """Return the data that an event carries."""
        message = json.loads(text)
        if message.get("channel") != CHANNEL:
            raise Unexpected(f"no event: {text[:300]}")
        return message["data"]

    def greet(self, connection: Connection) -> None:
        """Do what comes between the upgrade and the first call."""
        last = ""
        for step in self.greeting:
            if step is None:
                last = connection.receive()
            else:
                connection.send(step if isinstance(step, str) else step(last))


class WsrpcAiohttp(Protocol):
    """A JSON-RPC of its own; the server begins with a call, to see that the client lives."""

    @staticmethod
    def _pong(text: str) -> str:
        ping = json.loads(text)
        return dump({"id": ping["id"], "result": ping["params"]})

    greeting = (None, _pong)

    def call(self, number: int, method: str, payload: Any) -> str:
        params = {"payload": payload} if method == "echo" else payload
        return dump({"id": number, "method": method, "params": params})

    def reply(self, text: str) -> tuple[int, Any]:
        message = json.loads(text)
        if "result" not in message:
            raise Unexpected(f"no reply: {text[:300]}")
        return message["id"], message["result"]

    def subscribe(self, number: int) -> str:
        return self.call(number, "subscribe", {"channel": CHANNEL})


class SocketIo(Protocol):
    """Socket.IO 5 over Engine.IO 4, websocket only."""

    path = "/socket.io/?EIO=4&transport=websocket"
    greeting = (None, "40", None)

    def call(self, number: int, method: str, payload: Any) -> str:
        return f"42{number}{dump([method, payload])}"

    def reply(self, text: str) -> tuple[int, Any]:
        number, bracket, result = text[2:].partition("[")
        if not text.startswith("43") or not number.isdigit():
            raise Unexpected(f"no reply: {text[:300]}")
        (value,) = json.loads(bracket + result)
        return int(number), value

    def event(self, text: str) -> Any:
        if not text.startswith("42["):
            raise Unexpected(f"no event: {text[:300]}")
        name, data = json.loads(text[2:])
        if name != EVENT:
            raise Unexpected(f"no event: {text[:300]}")
        return data


class FastapiWebsocket(Protocol):
    """Both sides call each other; an event is a call of the server, which the client answers."""

    def call(self, number: int, method: str, payload: Any) -> str:
        arguments = {"payload": payload} if method == "echo" else payload
        request = {"method": method, "arguments": arguments, "call_id": str(number)}
        return dump({"request": request})

    def reply(self, text: str) -> tuple[int, Any]:
        response = json.loads(text).get("response")
        if response is None:
            raise Unexpected(f"no reply: {text[:300]}")
        return int(response["call_id"]), response["result"]

    def subscribe(self, number: int) -> str:
        return self.call(number, "subscribe", {"topics": [CHANNEL]})

    def publish(self, number: int, data: Any) -> str:
        return self.call(number, "publish", {"topics": [CHANNEL], "data": data})

    def event(self, text: str) -> Any:
        request = json.loads(text).get("request")
        if request is None or request["method"] != "notify":
            raise Unexpected(f"no event: {text[:300]}")
        return request["arguments"]["data"]

    def answer(self, text: str) -> str:
        number = json.loads(text)["request"]["call_id"]
        return dump({"response": {"result": "None", "result_type": "str", "call_id": number}})


class JsonRpc(Protocol):
    """JSON-RPC 2.0, with topics."""

    def call(self, number: int, method: str, payload: Any) -> str:
        return dump({"jsonrpc": "2.0", "id": number, "method": method, "params": payload})

    def reply(self, text: str) -> tuple[int, Any]:
        message = json.loads(text)
        if "result" not in message:
            raise Unexpected(f"no reply: {text[:300]}")
        return message["id"], message["result"]

    def subscribe(self, number: int) -> str:
        return self.call(number, "subscribe", [CHANNEL])

    def event(self, text: str) -> Any:
        message = json.loads(text)
        if message.get("method") != CHANNEL:
            raise Unexpected(f"no event: {text[:300]}")
        return message["params"]
