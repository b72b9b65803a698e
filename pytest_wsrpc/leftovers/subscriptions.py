"""Connections and subscriptions that a manager still holds when its application is closed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from wsrpc import SocketsManager, Websocket
from wsrpc.callbacks import Registration

from ..traces import Place
from . import count


@dataclass(frozen=True)
class LeftSubscription:
    """Who is left in a manager, and with what."""

    who: str
    channel: str | None
    patterns: Sequence[str] = ()

    def line(self) -> str:
        """Give channel, patterns and subscriber."""
        if self.channel is None:
            return self.who
        return f"{self.channel!r}: {', '.join(map(repr, self.patterns))}  {self.who}"


@dataclass(frozen=True)
class LeftSubscriptions:
    """What the managers hold that they did not hold before the test."""

    kind: ClassVar[str] = "subscriptions"
    left: Sequence[LeftSubscription]

    def head(self) -> str:
        """Say how many there are."""
        subscriptions = sum(left.channel is not None for left in self.left)
        connections = len(self.left) - subscriptions
        words = []
        if subscriptions:
            words.append(count(subscriptions, "subscription", "subscriptions"))
        if connections:
            words.append(count(connections, "connection", "connections"))
        is_left = "is" if len(self.left) == 1 else "are"
        return f"The application is closed, but {' and '.join(words)} {is_left} left behind."

    def details(self) -> str:
        """Give each subscription in a line."""
        return "\n".join(f"    {left.line()}" for left in self.left)

    def advice(self) -> str:
        """Say who has to end a subscription."""
        return (
            "What registers a callback unregisters it: await channels.unregister(channel, None, "
            "callback)\nwhere it ends, as in on_cleanup. A manager's own close() ends all by "
            "super().close()"
        )

    def exception(self) -> BaseException | None:
        """Give the first exception of the application among them."""
        return None


class ManagerWatch:
    """The managers of an application, and what they held before it started."""

    def __init__(self) -> None:
        self._before: dict[int, frozenset[Hashable]] = {}
        self._managers: list[SocketsManager] = []

    def add(self, managers: Iterable[SocketsManager], *, started: bool = False) -> None:
        """Watch these; what one holds that came with the start counts as new."""
        for manager in managers:
            if id(manager) not in self._before:
                held = () if started else (key for key, _ in _held(manager, _nameless))
                self._before[id(manager)] = frozenset(held)
                self._managers.append(manager)

    def left(self, client_of: Callable[[Websocket], str | None]) -> list[LeftSubscription]:
        """Give what is held now and was not before; then it counts as before."""
        found = []
        for manager in self._managers:
            held = list(_held(manager, client_of))
            before = self._before[id(manager)]
            found += [left for key, left in held if key not in before]
            self._before[id(manager)] = frozenset(key for key, _ in held)
        return found


def _held(
    manager: SocketsManager, client_of: Callable[[Websocket], str | None]
) -> Iterator[tuple[Hashable, LeftSubscription]]:
    subscribed: set[int] = set()
    for channel in manager.channels:
        for member in channel.members():
            view = getattr(member, "_view", None)
            subscribed.add(id(view))
            patterns = sorted(getattr(member, "patterns", ()))
            left = LeftSubscription(_who(member, view, client_of), channel.name, patterns)
            yield (id(member), channel.name, *patterns), left
    for view in tuple(manager.sockets):
        if id(view) not in subscribed:
            yield (id(view),), LeftSubscription(_connection(view, client_of), None)


def _who(
    member: object, view: Websocket | None, client_of: Callable[[Websocket], str | None]
) -> str:
    if isinstance(member, Registration):
        return f"callback {_callback(member.callback)}"
    return repr(member) if view is None else _connection(view, client_of)


def _connection(view: Websocket, client_of: Callable[[Websocket], str | None]) -> str:
    client = client_of(view)
    of = "" if client is None else f" of {client}"
    return f"connection{of} to {type(view).__qualname__}"


def _callback(callback: Callable[..., Any]) -> str:
    function = inspect.unwrap(callback)
    code = getattr(function, "__code__", None)
    if code is None:
        return repr(callback)
    name = code.co_qualname.replace("<locals>.", "")
    return f"{name} at {Place(code.co_filename, code.co_firstlineno, name).short()}"


def _nameless(view: Websocket) -> None:
    return None
