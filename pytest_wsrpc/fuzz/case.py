"""One case: a message, what must come back, and what came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from wsrpc.errors import InvalidParams, ParseError
from wsrpc.failures import Failure
from wsrpc.protocol import decode
from wsrpc.rpc import RpcMethod

from .endpoints import Endpoint

if TYPE_CHECKING:
    from pytest_wsrpc.transcript import Transcript


_DEPTH = 256
"""A reply that nests deeper than any request may is taken for no JSON."""


@dataclass(frozen=True)
class Case:
    """One message to an endpoint, and what must come back."""

    endpoint: Endpoint
    frame: str | bytes
    """The message as it is sent; bytes where it is no UTF-8, or `binary`."""
    id: str | int | None
    """The id that the reply must echo; None where none may stand there."""
    name: str | None
    """The name of the method that the reply must echo, likewise."""
    method: RpcMethod | None = None
    """The method called, if there is one."""
    payload: dict[str, Any] | None = None
    """The payload, where the message is a proper request."""
    code: int | None = None
    """The code with which the message must be refused; None: nothing is wrong about it."""
    path: tuple[str, ...] = ()
    """The field that is wrong, which the refusal must name."""
    why: str = ""
    """What is wrong about the message."""
    binary: bool = False

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong about the message."""
        return self.code is None

    @property
    def size(self) -> int:
        """Bytes of the message; of two cases with the same failure the shorter one is shown."""
        return len(self.frame.encode() if isinstance(self.frame, str) else self.frame)


def request(
    endpoint: Endpoint,
    method: RpcMethod,
    id: str | int,
    payload: dict[str, Any],
    **expected: Any,
) -> Case:
    """Return the case of a proper request."""
    message = {"id": id, "method": method.name, "payload": payload}
    frame = msgspec.json.encode(message).decode()
    return Case(endpoint, frame, id, method.name, method, payload, **expected)


@dataclass
class Exchange:
    """What came back for a case."""

    case: Case
    transcript: Transcript
    timeout: float
    answers: list[Message] = field(default_factory=list)
    """Frames that are no events, in order; those to the fuzzer's own probe left out."""
    events: list[Message] = field(default_factory=list)
    silent: bool = False
    """Whether nothing answered the message, or the probe after it, in time."""
    close_code: int | None = None
    """The code with which the server closed the connection, if it did."""
    failures: list[Failure] = field(default_factory=list)
    """What failed on the server, in order."""

    @property
    def reply(self) -> dict[str, Any] | None:
        """The first answer, if it is an object."""
        first = self.answers[0].value if self.answers else None
        return first if isinstance(first, dict) else None

    @property
    def error(self) -> dict[str, Any] | None:
        """The error of the reply, if it is one."""
        error = (self.reply or {}).get("error")
        return error if isinstance(error, dict) else None

    @property
    def code(self) -> int | None:
        """The error's code."""
        code = (self.error or {}).get("code")
        return code if type(code) is int else None

    @property
    def is_success(self) -> bool:
        """Whether the reply carries a response."""
        return self.reply is not None and "response" in self.reply and "error" not in self.reply

    @property
    def exception(self) -> BaseException | None:
        """The server's exception for this call, else the first that it had."""
        own = [failure for failure in self.failures if failure.method is not None]
        chosen: Sequence[Failure] = own or self.failures
        return chosen[0].exception if chosen else None


@dataclass(frozen=True)
class Message:
    """A frame from the server."""

    frame: str | bytes
    value: Any
    """What it says as JSON; None if it is none."""
    is_json: bool

    @property
    def is_event(self) -> bool:
        """Whether it is meant as an event: it has a channel and no id."""
        return isinstance(self.value, dict) and "channel" in self.value and "id" not in self.value


def parse(frame: str | bytes) -> Message:
    """Return a frame with what it says."""
    try:
        return Message(frame, decode(frame, depth=_DEPTH), isinstance(frame, str))
    except ParseError:
        return Message(frame, None, False)


def type_refuses(case: Case) -> dict[str, Any] | None:
    """Return the errors with which the method's type refuses the payload, None if it takes it."""
    if case.method is None or case.method.payload is None or case.payload is None:
        return None
    try:
        case.method.payload.validate(decode(msgspec.json.encode(case.payload)))
    except InvalidParams as refusal:
        return refusal.errors or {"": "refused"}
    return None
