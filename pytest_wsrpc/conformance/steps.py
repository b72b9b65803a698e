"""What can happen to a broker, as values that hypothesis draws, shrinks and shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from hypothesis import strategies as st

_T = TypeVar("_T")

_LONGEST: Final = 30
CLIENTS: Final = 4
CHANNELS: Final = ("a", "b")
EVENTS: Final = ("tick", "tick.a", "trade", "")
PATTERNS: Final = ("*", "tick", "tick*", "t?ade", "[!t]*", "")
PAUSES: Final = (0, 1, 3, 0.001, 0.02)
FAULTS: Final = (
    "publish:error=BrokerUnavailable",
    "subscribe:error=ConnectionError",
    "subscribe:error=CannotSubscribe",
    "unsubscribe:error=ConnectionError",
    "publish:latency=20ms",
    "subscribe:latency=20ms",
    "unsubscribe:latency=20ms",
)


@dataclass(frozen=True)
class Subscribe:
    """A client subscribes; each client is connected to one process."""

    client: int
    channel: str
    event: str | tuple[str, ...] | None = None


@dataclass(frozen=True)
class Unsubscribe:
    """A client ends one pattern, or the channel."""

    client: int
    channel: str
    event: str | None = None


@dataclass(frozen=True)
class Publish:
    """A client publishes."""

    client: int
    channel: str
    event: str
    data: Any = None


@dataclass(frozen=True)
class ServerPublish:
    """The application publishes in one process."""

    process: int
    channel: str
    event: str
    data: Any = None


@dataclass(frozen=True)
class Register:
    """The application registers a callback in one process."""

    process: int
    channel: str
    event: str | None = None


@dataclass(frozen=True)
class Unregister:
    """The application takes the callback of a process and a channel back."""

    process: int
    channel: str


@dataclass(frozen=True)
class Disconnect:
    """The connection of a client ends; the client comes back when it is to do something."""

    client: int
    abruptly: bool = False


@dataclass(frozen=True)
class Pause:
    """Turns of the event loop where the number is an integer, else seconds pass."""

    time: float


@dataclass(frozen=True)
class Answered:
    """All calls are answered; the next step follows at once."""


@dataclass(frozen=True)
class Settle:
    """All arrives that is under way, and is asked for."""


@dataclass(frozen=True)
class Fault:
    """A hook of all processes is slow or fails, until `Heal`."""

    rule: str


@dataclass(frozen=True)
class Heal:
    """All faults end."""


Step: TypeAlias = (
    Subscribe
    | Unsubscribe
    | Publish
    | ServerPublish
    | Register
    | Unregister
    | Disconnect
    | Pause
    | Answered
    | Settle
    | Fault
    | Heal
)

_clients = st.integers(0, CLIENTS - 1)
_processes = st.integers(0, 1)
_channels = st.sampled_from((*CHANNELS, CHANNELS[0]))  # a step needs others on its channel
_events = st.sampled_from(EVENTS)
_patterns = st.sampled_from(PATTERNS)

_data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), inner)
    ),
    max_leaves=4,
)

_subscribing = st.builds(
    Subscribe,
    _clients,
    _channels,
    st.none() | _patterns | st.lists(_patterns, min_size=2, max_size=3, unique=True).map(tuple),
)
_publishing = st.builds(Publish, _clients, _channels, _events, _data)

_STEPS: Final = (
    _subscribing,
    _subscribing,
    _publishing,
    _publishing,
    st.builds(ServerPublish, _processes, _channels, _events, _data),
    st.builds(Unsubscribe, _clients, _channels, st.none() | _patterns),
    st.builds(Register, _processes, _channels, st.none() | _patterns),
    st.builds(Unregister, _processes, _channels),
    st.builds(Disconnect, _clients, st.booleans()),
    st.builds(Pause, st.sampled_from(PAUSES)),
    st.just(Answered()),
    st.just(Answered()),
    st.just(Settle()),
)
_goes_on = st.integers(0, 19).map(bool)
_FAULTY: Final = (st.builds(Fault, st.sampled_from(FAULTS)), st.just(Heal()))


def sequences(*, faults: bool = False) -> st.SearchStrategy[list[Step]]:
    """Return sequences of steps; with `faults`, hooks fail and are slow meanwhile."""
    return long_lists(st.one_of(*_STEPS, *_FAULTY) if faults else st.one_of(*_STEPS))


@st.composite
def long_lists(draw: st.DrawFn, steps: st.SearchStrategy[_T]) -> list[_T]:
    """Return lists of some fifteen steps, where ``lists()`` gives six; most defects need more."""
    drawn = [draw(steps)]
    while len(drawn) < _LONGEST and draw(_goes_on):
        drawn.append(draw(steps))
    return drawn
