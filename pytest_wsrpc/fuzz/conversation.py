"""A conversation as a value: what several clients do, step by step, on a fresh application."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import msgspec

from pytest_wsrpc.faults import Spec
from wsrpc.rpc import RpcMethod

from .endpoints import Endpoint

_STEP_SIZE = 2**20
"""A step counts for more than any message: the shortest conversation has the fewest steps."""


@dataclass(frozen=True)
class Ref:
    """Stands in a payload for the value at `path` of the response of an earlier call.

    The call is told by its number among all calls of the conversation, the first is 0. A step
    whose reference leads nowhere is left out.
    """

    call: int
    path: tuple[str | int, ...] = ()

    def __repr__(self) -> str:
        return f"response {self.call}" + "".join(f"[{step!r}]" for step in self.path)


@dataclass(frozen=True)
class Like:
    """Stands in a payload for a value of an earlier response that fits the field by name and type.

    `back` picks one of them, the best fit and latest is 0. Where none fits, and where the method's
    type refuses what does, it is the value that was drawn.
    """

    name: str
    drawn: Any
    back: int = 0
    step: int | None = None
    """Where not None, any value of the same type fits, whatever its name, and a number so far from
    one: totals and limits bear other names than what they are compared with."""
    elsewhere: int | None = None
    """Where not None and nothing fits by its name, the same as `back` among all of the same type:
    what a pattern or format accepts mostly is what the field is about."""

    def __repr__(self) -> str:
        return f"like {self.name!r}, else {self.drawn!r}"


@dataclass(frozen=True)
class Connect:
    """Open a connection; nothing, if the client has one. The first call of a client does it too."""

    client: int


@dataclass(frozen=True)
class Call:
    """Call a method, and wait for the reply unless told; left out on a connection that is closed.

    No two calls of one client should have the same id.
    """

    client: int
    id: str | int
    method: RpcMethod = field(repr=False)
    payload: Mapping[str, Any]
    """May have `Ref` and `Like` anywhere within."""
    wait: bool = True
    code: int | None = None
    """The code with which the call must be refused; None: nothing is wrong about it."""
    path: tuple[str, ...] = ()
    """The field that is wrong, which the refusal must name."""
    why: str = ""
    """What is wrong about the call."""

    def __repr__(self) -> str:
        sent = "" if self.wait else "send "
        return f"{sent}{self.method.name}({dict(self.payload)!r}) by {self.client}"


@dataclass(frozen=True)
class Together:
    """Send several calls in one go, each client its own in order, then wait for all replies."""

    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Settle:
    """Wait for the replies of all calls that are open."""


@dataclass(frozen=True)
class Disconnect:
    """Close the connection of a client; nothing, if it has none."""

    client: int


@dataclass(frozen=True)
class Advance:
    """Let virtual time pass."""

    seconds: float


@dataclass(frozen=True)
class Fault:
    """Put a fault rule in force."""

    spec: Spec


@dataclass(frozen=True)
class Heal:
    """End all faults."""


Step: TypeAlias = Connect | Call | Together | Settle | Disconnect | Advance | Fault | Heal


@dataclass(frozen=True)
class Conversation:
    """What clients do to a fresh application: a case, as is one message."""

    endpoint: Endpoint
    steps: tuple[Step, ...]
    why: str = ""
    """What is special about it, in a few words for the report."""

    def __repr__(self) -> str:
        return f"Conversation({', '.join(map(repr, self.steps))})"

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls, in the order in which they are sent."""
        return tuple(_calls(self.steps))

    @property
    def method(self) -> RpcMethod | None:
        """The method of the last call."""
        calls = self.calls
        return calls[-1].method if calls else None

    @property
    def clients(self) -> tuple[int, ...]:
        """The clients that take part, in the order in which they first do."""
        found: dict[int, None] = {}
        for step in self.steps:
            if isinstance(step, Together):
                found.update((call.client, None) for call in step.calls)
            elif isinstance(step, Connect | Call | Disconnect):
                found[step.client] = None
        return tuple(found)

    def shorter(self) -> Iterator[Conversation]:
        """Yield the conversations that lack one step or one call, the last ones first."""
        for index in reversed(range(len(self.steps))):
            step = self.steps[index]
            if isinstance(step, Together) and len(step.calls) > 1:
                for number in reversed(range(len(step.calls))):
                    rest = Together(step.calls[:number] + step.calls[number + 1 :])
                    yield self._without(index, number, 1, rest)
            yield self._without(index, 0, len(tuple(_calls((step,)))))

    def _without(self, index: int, number: int, calls: int, *rest: Step) -> Conversation:
        """Leave out so many calls from a number of one step on, which the rest stands for."""
        first = len(tuple(_calls(self.steps[:index]))) + number
        steps = (*self.steps[:index], *rest, *self.steps[index + 1 :])
        if not calls:
            return replace(self, steps=steps)
        gone = range(first, first + calls)
        return replace(self, steps=tuple(_renumbered(step, gone) for step in steps))

    def alone(self, call: Call) -> Conversation:
        """Return the conversation that consists of one call."""
        return Conversation(self.endpoint, (call,))

    def until(self, call: int) -> Conversation:
        """Return the same, up to the step with a call; the first call is 0."""
        ends = range(1, len(self.steps) + 1)
        end = next(end for end in ends if len(tuple(_calls(self.steps[:end]))) > call)
        return replace(self, steps=self.steps[:end])

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong about any call."""
        return all(call.code is None for call in self.calls)

    @property
    def size(self) -> int:
        """Grows with the steps, then with the payloads; the smaller one of two is shown."""
        calls = self.calls
        steps = len(self.steps) + len(calls)
        return steps * _STEP_SIZE + sum(_length(call.payload) for call in calls)


def _calls(steps: tuple[Step, ...]) -> Iterator[Call]:
    for step in steps:
        if isinstance(step, Together):
            yield from step.calls
        elif isinstance(step, Call):
            yield step


def _renumbered(value: Any, gone: range) -> Any:
    """Let references lead to the same calls as before; those to what is gone lead nowhere."""
    if isinstance(value, Ref):
        if value.call in gone:
            return replace(value, call=-1)
        return replace(value, call=value.call - len(gone)) if value.call >= gone.stop else value
    if isinstance(value, Together):
        return Together(tuple(_renumbered(call, gone) for call in value.calls))
    if isinstance(value, Call):
        return replace(value, payload=_renumbered(value.payload, gone))
    if isinstance(value, Mapping):
        return {key: _renumbered(part, gone) for key, part in value.items()}
    if isinstance(value, list):
        return [_renumbered(part, gone) for part in value]
    return value


def _length(payload: Mapping[str, Any]) -> int:
    return len(msgspec.json.encode(dict(payload), enc_hook=repr))
