"""What a phase is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from hypothesis import strategies as st

from pytest_wsrpc.strategies.schema.build import DEEPEST
from pytest_wsrpc.strategies.schema.shapes import nesting
from wsrpc.rpc import RpcMethod

from ..case import Case, Exchange
from ..conversation import Conversation
from ..endpoints import Endpoint
from ..play import play
from ..record import Record

LONGEST_OF_SEVERAL: Final = 200_000
"""Bytes of a message that is one of a conversation."""

Play: TypeAlias = Callable[..., Coroutine[Any, Any, Exchange | Record]]
"""Called with host, case, path, headers and timeout."""


Proven: TypeAlias = Sequence[Conversation]
"""For each method that has succeeded the shortest conversation that ends with that."""


@dataclass(frozen=True)
class Subject:
    """What one item fuzzes: an endpoint, or one of its methods."""

    endpoint: Endpoint
    method: RpcMethod | None = None

    @property
    def name(self) -> str:
        """The endpoint's path, and the name of the method if it is one."""
        return self.endpoint.path + (f" {self.method.name}" if self.method else "")


@dataclass(frozen=True)
class Phase:
    """One kind of message, tried on each subject of its scope that it applies to."""

    name: str
    scope: Literal["method", "endpoint"]
    cases: Callable[[Subject], st.SearchStrategy[Any]]
    """Cases or conversations, as `play` takes them."""
    not_applied: Callable[[Subject], str | None] = lambda _: None
    """Say why the phase does not apply to a subject, None if it does."""
    play: Play = play
    """Plays one case, and records what came back."""
    effort: float = 1
    """How many times as many cases as for one method: there is more to try."""
    then: Phase | None = None
    """Another search of the same item, once this one has found nothing."""
    needs_fresh: bool = False
    """Whether each case needs an application of its own, which only a factory gives."""
    listed: Callable[[Subject, Proven], Sequence[Any]] = lambda *_: ()
    """Cases that are tried beside those drawn; some rest on what earlier searches have proven."""


def fits(case: Case) -> bool:
    """Tell whether a message is within the endpoint's limits, of its size and of nesting."""
    limits = case.endpoint.view.limits
    if case.size > limits.message_size:
        return False
    return limits.depth > DEEPEST or nesting(case.payload) < limits.depth


def within(conversation: Conversation) -> bool:
    """Tell whether each call is within the endpoint's limit of size, and short enough to be read.

    What long messages do is the matter of the phases that send one.
    """
    limit = min(conversation.endpoint.view.limits.message_size, LONGEST_OF_SEVERAL)
    return all(len(repr(call.payload)) * 4 < limit for call in conversation.calls)
