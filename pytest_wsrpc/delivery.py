"""What the publish/subscribe model knows: calls, events, the patterns held, and what is wrong."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeAlias

from wsrpc.protocol import encode_json

Connection: TypeAlias = Hashable

REFUSED: Final = frozenset({-32700, -32600, -32601, -32602, -32002, -32003, -32005})
"""The errors that say for sure that nothing was published, or changed. Others may come after."""


class DeliveryError(AssertionError):
    """Something that the contract forbids, or its absence."""

    def __init__(self, rule: str, connection: Connection, expected: str, got: str) -> None:
        super().__init__(f"{rule}: {connection}: expected {expected}, got {got}")
        self.rule = rule
        """Which rule is broken; see the module."""
        self.connection = connection
        self.expected = expected
        self.got = got


def broken(rule: str, connection: Connection, expected: str, got: str) -> NoReturn:
    """Raise `DeliveryError`; always here, as by the place hypothesis tells defects apart."""
    __tracebackhide__ = True
    raise DeliveryError(rule, connection, expected, got)


@dataclass(frozen=True)
class Tolerance:
    """What a fault in force may do to events that are on their way."""

    loss: bool = False
    repeats: bool = False
    disorder: bool = False

    @property
    def any(self) -> bool:
        """Whether less than the whole contract is asked."""
        return self.loss or self.repeats or self.disorder

    def __or__(self, other: Tolerance) -> Tolerance:
        return Tolerance(
            self.loss or other.loss,
            self.repeats or other.repeats,
            self.disorder or other.disorder,
        )


@dataclass(eq=False)
class Published:
    """One event, from its publishing on."""

    number: int
    """Which of the channel's events it is, in the order of sending."""
    publisher: Connection
    event: str
    content: str
    """Data as text: what tells the event from others of its name."""
    sent: int
    answered: int | None = None
    is_accepted: bool = False
    is_refused: bool = False
    settled: int | None = None
    delivered: dict[Hashable, int] = field(default_factory=dict)
    """When the first connection of each process received it: by then it was decided who does."""
    owed: set[Connection] = field(default_factory=set)
    """Connections that have been subscribed since before it was sent, and have not got it."""
    received: set[Connection] = field(default_factory=set)
    tolerance: Tolerance = field(default_factory=Tolerance)
    place: Hashable = None
    """The process that it was published in."""

    @property
    def is_settled(self) -> bool:
        """Whether all who ever will have received it."""
        return self.settled is not None

    def decided(self, place: Hashable, now: int) -> int:
        """Return when it was decided who of a process receives it, `now` if it was not before."""
        settled = now if self.settled is None else self.settled
        return min(self.delivered.get(place, settled), settled)


@dataclass(eq=False)
class Operation:
    """A call of a built-in method that is under way."""

    connection: Connection
    method: str
    channel: str
    patterns: tuple[str, ...] | None = None
    published: Published | None = None
    number: int = 0


@dataclass
class Held:
    """The patterns of a connection on one channel; each with when its subscription was sent."""

    sure: dict[str, int] = field(default_factory=dict)
    """Acknowledged, and no call to end it is under way."""
    leaving: dict[str, int] = field(default_factory=dict)
    """Acknowledged, and perhaps gone."""

    @property
    def all(self) -> dict[str, int]:
        return {**self.leaving, **self.sure}


def content_of(data: Any) -> str:
    """Return data as a text that is the same for the same JSON."""
    return encode_json(_sorted(data)).decode()


def _sorted(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _sorted(data[key]) for key in sorted(data)}
    return [_sorted(item) for item in data] if isinstance(data, list) else data


def patterns_of(response: Any, channel: str) -> list[str] | None:
    """Return the patterns that a response names; None if it is not as it should be."""
    subscribed = response.get("subscribed") if isinstance(response, Mapping) else None
    listed = subscribed.get(channel, []) if isinstance(subscribed, Mapping) else None
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        return None
    is_proper = listed == sorted(set(listed)) and subscribed == (
        {channel: listed} if listed else {}
    )
    return listed if is_proper else None


def code_of(reply: Mapping[str, Any]) -> int | None:
    """Return the code of an error reply, None for a response."""
    error = reply.get("error")
    if error is None:
        return None
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, int) else 0
