"""The points of one manager, and of the connections that belong to it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from wsrpc.calls import CURRENT

from .calls import FaultyCalls
from .damage import damaged_message
from .passing import Stream, gate
from .rule import Happening

if TYPE_CHECKING:
    from wsrpc import SocketsManager, Websocket

    from .plan import FaultPlan

_HOOKS: Final = frozenset({"publish", "subscribe", "unsubscribe"})


class Site:
    """One manager under a plan: its hooks and its channels are in the plan's way.

    They are replaced on the instance, so that it is all the same of what class it is and whether
    it knows; a point without a rule stays as it is.
    """

    def __init__(self, plan: FaultPlan, manager: SocketsManager) -> None:
        self.manager = manager
        self._plan = plan
        self._replaced: list[tuple[dict[str, Any], str, Any, Any]] = []
        self._watched: set[str] = set()
        self._is_over = False
        self._replace(manager, "_wsrpc_calls", functools.partial(FaultyCalls, plan))

    def watch(self, point: str) -> None:
        """Let a point of the manager pass the plan's rules from now on."""
        if point in self._watched:
            return
        self._watched.add(point)
        if point in _HOOKS:
            self._replace(self.manager, point, self._hook(point, getattr(self.manager, point)))
        elif point == "deliver":
            channels = self.manager.channels
            self._replace(channels, "_deliver", self._delivery(channels._deliver))

    def restore(self) -> None:
        """Leave the manager as it was.

        What somebody else replaced meanwhile stays; if ours is still behind it, that does nothing.
        """
        self._is_over = True
        for attributes, name, ours, before in reversed(self._replaced):
            if attributes.get(name) is ours:
                del attributes[name]
                attributes.update(before)
        self._replaced.clear()

    def _replace(self, owner: object, name: str, value: Any) -> None:
        attributes = vars(owner)
        before = {name: attributes[name]} if name in attributes else {}
        self._replaced.append((attributes, name, value, before))
        attributes[name] = value  # whatever the class does about setting attributes

    def _hook(self, point: str, hook: Callable[..., Any]) -> Callable[..., Any]:
        plan = self._plan

        @functools.wraps(hook)
        async def through_faults(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if self._is_over:
                return await hook(*args, **kwargs)
            happening = Happening(
                point,
                channel=_argument("channel", 0, args, kwargs),
                event=_argument("event", 1, args, kwargs) if point == "publish" else "",
                websocket=self._caller(),
            )
            result = None
            for _ in range(await gate(plan, happening, (self, happening.channel))):
                result = await hook(*args, **kwargs)
            return result

        return through_faults

    def _delivery(self, deliver: Callable[[str, Any], None]) -> Callable[[str, Any], None]:
        plan = self._plan

        def through_faults(name: str, message: Any) -> None:
            if self._is_over:
                deliver(name, message)
                return
            event = message.get("event") if isinstance(message, Mapping) else None
            happening = Happening("deliver", channel=_text(name), event=_text(event))
            stream = Stream(plan, (self, happening.channel), damaged_message)
            stream.send(happening, message, functools.partial(arrive, name, message))

        def arrive(name: str, original: Any, message: Any) -> None:
            plan.damaging = message is not original
            try:
                deliver(name, message)
            finally:
                plan.damaging = False

        return through_faults

    def _caller(self) -> Websocket | None:
        call = CURRENT.get()
        return None if call is None else self._plan.running.get(call)


def _argument(name: str, index: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    return _text(args[index] if index < len(args) else kwargs.get(name))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
