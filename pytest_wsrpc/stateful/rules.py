"""Rules that a machine switches on by inheriting from their class, each an idea of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, ClassVar, Final

from hypothesis import strategies as st

import wsrpc
from wsrpc.rpc import RpcMethod

from ..strategies import payloads
from ..strategies.requests import methods_of_app
from .decorators import precondition, rule
from .machine import RpcStateMachine


def of_machine(choose: Callable[[Any], st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Return what is drawn from a strategy that the machine at hand decides on."""
    return st.runner().flatmap(choose)


NUMBERS: Final = of_machine(lambda machine: st.integers(0, machine.max_clients - 1))
"""Clients by number, connected or not."""

CONNECTED: Final = of_machine(lambda machine: st.sampled_from(sorted(machine.clients)))


def _is_connected(machine: RpcStateMachine) -> bool:
    return bool(machine.clients)


class CallRules(RpcStateMachine):
    """Call the application's methods, with payloads that their types accept.

    An answer may be an error, but no internal error and no time-out, unless a fault is in force.
    """

    call_methods: ClassVar[Collection[str]] = ("*",)
    """Globs of the methods to call."""
    skip_methods: ClassVar[Collection[str]] = ("subscribe", "unsubscribe", "publish")
    """Globs of those to leave out; the built-in ones have rules of their own."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn = ""

    def payloads(self, method: RpcMethod) -> st.SearchStrategy[Any]:
        """Override: return a strategy for the payloads of a method."""
        return payloads(method.payload)

    @cached_property
    def methods(self) -> dict[str, RpcMethod]:
        """The methods that are called, by name."""
        known = methods_of_app(self.app)
        found = {
            name: method
            for name, method in sorted(known.items())
            if _matches(name, self.call_methods) and not _matches(name, self.skip_methods)
        }
        if not found:
            raise TypeError(
                f"{type(self).__name__} has no method to call: the application has "
                f"{', '.join(sorted(known)) or 'none'}, call_methods is {self.call_methods!r}, "
                f"skip_methods is {self.skip_methods!r}"
            )
        return found

    def _choose(self, method: str) -> str:
        self._drawn = method
        return method

    # Arguments are drawn in alphabetical order, so that the payload knows its method.
    @rule(
        client=NUMBERS,
        method=of_machine(lambda machine: st.sampled_from([*machine.methods]).map(machine._choose)),
        payload=of_machine(lambda machine: machine.payloads(machine.methods[machine._drawn])),
    )
    async def call_method(self, client: int, method: str, payload: Any) -> None:
        """Call a method as a client."""
        try:
            await self.call(client, method, payload)
        except wsrpc.RpcError as error:
            unwanted = isinstance(error, wsrpc.InternalError | wsrpc.CallTimeout)
            if unwanted and not self.is_faulty:
                raise
        except (TimeoutError, ConnectionError):
            if not self.is_faulty:
                raise


class ConnectionRules(RpcStateMachine):
    """Let clients go, with and without a word, and come back."""

    @precondition(_is_connected)
    @rule(client=CONNECTED, abruptly=st.booleans())
    async def leave(self, client: int, abruptly: bool) -> None:
        """Close the connection of a client, or break it."""
        await self.disconnect(client, abruptly=abruptly)

    @precondition(_is_connected)
    @rule(client=CONNECTED)
    async def reconnect(self, client: int) -> None:
        """Break the connection of a client, which comes back before the server has noticed."""
        await self.disconnect(client, abruptly=True)
        await self.client(client)


class TimeRules(RpcStateMachine):
    """Let virtual time pass, so that timers of the application fire."""

    times: ClassVar[Collection[float]] = (0.1, 1.0, 10.0, 60.0, 300.0)
    """Seconds to choose from."""

    @rule(seconds=of_machine(lambda machine: st.sampled_from(machine.times)))
    async def wait(self, seconds: float) -> None:
        """Let so much time pass."""
        await self.advance(seconds)


class FaultRules(RpcStateMachine):
    """Let the broker fail, and recover."""

    injected_faults: ClassVar[Collection[str]] = (
        "publish:error=BrokerUnavailable,times=1",
        "publish:latency=500ms",
        "publish:stall",
        "subscribe:error=BrokerUnavailable,times=1",
        "subscribe:latency=500ms",
        "subscribe:stall",
        "unsubscribe:error=BrokerUnavailable,times=1",
        "unsubscribe:stall",
        "deliver:latency=500ms",
        "deliver:stall",
        "deliver:drop,times=1",
        "deliver:duplicate,times=1",
        "deliver:reorder,window=2",
    )
    """The faults to choose from, as ``--wsrpc-faults`` takes them."""

    @rule(fault=of_machine(lambda machine: st.sampled_from(machine.injected_faults)))
    async def inject(self, fault: str) -> None:
        """Put a fault in force, until it is healed."""
        self.inject_fault(fault)

    @precondition(lambda machine: machine.is_faulty)
    @rule()
    async def heal(self) -> None:
        """End all faults."""
        self.faults.heal()


def _matches(name: str, globs: Collection[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
