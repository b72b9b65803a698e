"""One case: a message, what must come back, and what came back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from wsrpc.errors import InvalidParams, ParseError
from wsrpc.failures import Failure
from wsrpc.protocol import decode
from wsrpc.rpc import RpcMethod

from ..refusals import error_of
from .endpoints import Endpoint
from .held import Held
from .narration import Said, narrated, of_transcript
from .simpler import simpler_values

if TYPE_CHECKING:
    from pytest_wsrpc.transcript import Transcript


Origin: TypeAlias = tuple[int, tuple[str | int, ...]]

_DEPTH = 256
"""A reply that nests deeper than any request may is taken for no JSON."""


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        """Hypothesis asks for it, and warns of a long one."""
        return f"Case({self.name or 'no method'}, {self.size} bytes)"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def simpler(self) -> Iterator[Case]:
        """Yield the same call with a simpler payload, as far as the method's type accepts it."""
        if self.method is None or self.payload is None or self.id is None or not self.is_valid:
            return
        for payload in simpler_values(self.payload):
            case = request(self.endpoint, self.method, self.id, payload)
            if type_refuses(case) is None:
                yield case

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
    """Whether nothing answered the message in time."""
    unserved: int | None = None
    """The client whose connection did not answer what was sent after all else; the last call has
    to answer for it."""
    close_code: int | None = None
    """The code with which the server closed the connection, if it did."""
    failures: list[Failure] = field(default_factory=list)
    """What failed on the server, in order."""
    login: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """The calls of the user's hook that logs in, before."""
    client: int = 0
    """Who called; it matters in a conversation, as does all that follows."""
    call: int = 0
    """The number of the call in its conversation."""
    sent: int = 0
    """The place in `Record.trace` where it was sent."""
    answered: int | None = None
    """The place in `Record.trace` of the first answer."""
    under_faults: bool = False
    """Whether a fault rule was in force at any moment between."""
    held: Held | None = None
    """How it held the event loop, if it did."""
    origins: Mapping[tuple[str | int, ...], Origin] = field(default_factory=dict)
    """Where in the payload values of earlier responses stand: the call, and the path there."""

    def __repr__(self) -> str:
        if self.answers:
            return f"<reply {self.answers[0].frame!r:.300}>"
        return f"<no reply, closed with {self.close_code}>" if self.close_code else "<no reply>"

    def render(self) -> str:
        """Return what was said, for a person."""
        said = list(of_transcript(self.transcript))
        if self.silent:
            said.append(Said(self.timeout, "fault", f"no reply within {self.timeout:g} s"))
        return narrated(said)

    @property
    def method(self) -> str | None:
        """The name of the method called, if there is one."""
        return self.case.method.name if self.case.method is not None else None

    @property
    def payload(self) -> dict[str, Any] | None:
        """The payload sent, where the message is a proper request."""
        return self.case.payload

    @property
    def response(self) -> Any:
        """The response, None where the reply has none."""
        return (self.reply or {}).get("response")

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
    """Return the errors with which the method's type refuses the payload, None if it does not."""
    if case.method is None or case.method.payload is None or case.payload is None:
        return None
    error = error_of(case.method.payload, decode(msgspec.json.encode(case.payload)))
    return (error.errors or {"": "refused"}) if isinstance(error, InvalidParams) else None
