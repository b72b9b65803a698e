"""Publish/subscribe in a state machine: rules for many clients, judged by the model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final

from hypothesis import strategies as st

from ..faults import Spec
from ..model import Operation, PubSubModel, Tolerance
from .decorators import precondition, rule
from .machine import RpcStateMachine
from .rules import NUMBERS, ConnectionRules, FaultRules, TimeRules, of_machine

_INTERNAL_ERROR: Final = -32603

_TOLERANCES: Final = {
    "drop": Tolerance(loss=True),
    "duplicate": Tolerance(repeats=True),
    "reorder": Tolerance(disorder=True),
    "corrupt": Tolerance(loss=True, repeats=True, disorder=True),
}
"""What the contract cannot promise while such a fault is in force."""

_CHANNELS: Final = of_machine(lambda machine: st.sampled_from(machine.channels))


class PubSubRules(RpcStateMachine):
    """Subscribe, unsubscribe and publish as many clients, and check what each of them receives.

    Calls are sent and not waited for: where the broker takes its time, they overlap with what the
    next steps do. At the end of a run all must be answered, and have arrived.
    """

    channels: ClassVar[Collection[str]] = ("a", "b")
    """Channels to choose from. What the application publishes there by itself fails the check."""
    events: ClassVar[Collection[str]] = ("tick", "tick.a", "trade")
    """Names of events to choose from."""
    patterns: ClassVar[Collection[str]] = ("*", "tick", "tick*", "t?ade", "[!t]*")
    """Patterns to choose from."""
    patience: ClassVar[float] = 120.0
    """Seconds of virtual time after which all has arrived that ever will."""

    def __init__(self) -> None:
        super().__init__()
        self.model = PubSubModel(hides=lambda one, *event: self.hides(_number(one), *event))
        """What each connection may and must receive."""
        self.received: dict[int, list[dict[str, Any]]] = {}
        """The events that each client has received, on any of its connections."""
        self._count = 0
        self._operations: dict[tuple[str, int], Operation] = {}

    # To override.

    def hides(self, client: int, channel: str, event: str) -> bool:
        """Override where the application's ``can_receive`` hides events from connections."""
        return False

    def data(self, number: int) -> Any:
        """Override: return what the event of this number carries; it should tell it from others."""
        return number

    def delivered(self, data: Any) -> Any:
        """Override where the application publishes other data than a client has sent."""
        return data

    # Rules.

    @rule(
        client=NUMBERS,
        channel=_CHANNELS,
        event=of_machine(
            lambda machine: (
                st.none()
                | st.sampled_from(machine.patterns)
                | st.lists(st.sampled_from(machine.patterns), min_size=2, max_size=3, unique=True)
            )
        ),
    )
    async def subscribe(self, client: int, channel: str, event: str | list[str] | None) -> None:
        """Subscribe a client to a channel."""
        await self.client(client)
        patterns = ["*"] if event is None else [event] if isinstance(event, str) else event
        operation = self.model.subscribing(self.connections[client], channel, patterns)
        await self._send(client, operation, {"channel": channel, "event": event})

    @rule(
        client=NUMBERS,
        channel=_CHANNELS,
        event=of_machine(lambda machine: st.none() | st.sampled_from(machine.patterns)),
    )
    async def unsubscribe(self, client: int, channel: str, event: str | None) -> None:
        """End a subscription of a client, or all that it has on a channel."""
        await self.client(client)
        patterns = None if event is None else [event]
        operation = self.model.unsubscribing(self.connections[client], channel, patterns)
        await self._send(client, operation, {"channel": channel, "event": event})

    @rule(
        client=NUMBERS,
        channel=_CHANNELS,
        event=of_machine(lambda machine: st.sampled_from(machine.events)),
    )
    async def publish(self, client: int, channel: str, event: str) -> None:
        """Publish an event; its data is its number."""
        await self.client(client)
        data = self.data(self._count)
        operation = self.model.publishing(
            self.connections[client], channel, event, self.delivered(data)
        )
        await self._send(client, operation, {"channel": channel, "event": event, "data": data})

    @precondition(lambda machine: not machine.is_faulty)
    @rule()
    async def let_arrive(self) -> None:
        """Give all that is under way the time to arrive, and ask what is missing."""
        await self.advance(self.patience)

    # What goes on beside them.

    async def on_disconnect(self, number: int) -> None:
        """Let the model know; calls under way have no answer any more."""
        connection = self.connections[number]
        self.model.closed(connection)
        self._operations = {
            key: operation for key, operation in self._operations.items() if key[0] != connection
        }
        await super().on_disconnect(number)

    async def after_step(self) -> None:
        """Tell the model what has arrived."""
        for number in sorted(self.clients):
            await self._read(number)
        await super().after_step()
        if not self.is_faulty:
            self.model.heal()

    async def disconnect(self, client: int, *, abruptly: bool = False) -> None:
        """Close a connection, after what has arrived on it was read."""
        if client in self.clients:
            await self._read(client)
        await super().disconnect(client, abruptly=abruptly)

    async def advance(self, seconds: float) -> None:
        """Let time pass; if it is enough for all to have arrived, ask what is missing."""
        await super().advance(seconds)
        if seconds >= self.patience and not self.is_faulty:
            await self._ask()

    async def finish(self) -> None:
        """Let everything arrive, then ask what is missing."""
        await super().finish()
        self.faults.heal()
        await self.advance(self.patience)

    def fault_injected(self, fault: Spec) -> None:
        """Ask of the application no more than it can do under a fault."""
        super().fault_injected(fault)
        if fault.effect in _TOLERANCES and fault.point in ("publish", "deliver", "subscribe"):
            self.model.tolerate(_TOLERANCES[fault.effect])

    # How it is done.

    async def _send(self, client: int, operation: Operation, payload: Mapping[str, Any]) -> None:
        self._count += 1
        self._operations[self.connections[client], self._count] = operation
        request = {"id": self._count, "method": operation.method, "payload": payload}
        await self.clients[client].send_json(request)

    async def _ask(self) -> None:
        await self.after_step()
        if unanswered := self.model.unanswered():
            first = unanswered[0]
            raise AssertionError(
                f"{first.method} on channel {first.channel!r} by {first.connection} was not "
                f"answered within {self.patience:g} s"
            )
        self.model.settled()

    async def _read(self, number: int) -> None:
        client = self.clients[number]
        while client.has_unread:
            errors = list(client.server_errors)
            message = await client.receive()
            if not isinstance(message, dict):
                raise AssertionError(f"client {number} got what is no message: {message!r:.200}")
            if "id" in message:
                shown = [error for error in errors if error not in client.server_errors]
                self._replied(number, message, shown)
            elif message.get("channel") in self.channels:
                self.received.setdefault(number, []).append(message)
                self.model.received(self.connections[number], message)

    def _replied(self, number: int, reply: dict[str, Any], shown: list[BaseException]) -> None:
        key = (self.connections[number], reply["id"])
        operation = self._operations.pop(key, None)
        if operation is None:
            raise AssertionError(
                f"client {number} got a reply to a call that it has not made, or a second one: "
                f"{reply!r:.200}"
            )
        error = reply.get("error")
        if isinstance(error, dict) and error.get("code") == _INTERNAL_ERROR:
            raise AssertionError(
                f"{operation.method} on channel {operation.channel!r} by client {number} was "
                f"answered with -32603 {error.get('message')}"
            ) from (shown[0] if shown else None)
        self.model.answered(operation, reply)


class ChannelsMachine(PubSubRules, ConnectionRules, FaultRules, TimeRules):
    """The publish/subscribe contract, over many clients, on a broker that is slow and fails.

    Example::

        class Channels(ChannelsMachine):
            create_app = staticmethod(myapp.create_app)


        TestChannels = Channels.TestCase
    """


def _number(connection: object) -> int:
    return int(str(connection).split()[1])
