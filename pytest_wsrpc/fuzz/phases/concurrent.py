"""Phase ``concurrent``: calls that overlap, on one and on several connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

from hypothesis import strategies as st

from pytest_wsrpc.faults import Spec
from pytest_wsrpc.faults.spec import make
from wsrpc.rpc import RpcMethod

from ..case import request, type_refuses
from ..conversation import (
    Advance,
    Call,
    Connect,
    Conversation,
    Fault,
    Heal,
    Settle,
    Step,
    Together,
)
from ..endpoints import Endpoint
from ..literal_cases import payloads_of_several
from ..reading import tells
from ..serial import play_against_orders
from .phase import Phase, Subject, within
from .sequence import closed_fields, linked, topics

CALLS: Final = 4
"""Calls that overlap: those of two make few pairs, and more have too many orders."""

PREPARING: Final = 3
OBSERVING: Final = 3
_SWAPPED: Final = 3

_SCALES: Final = (0.0, 0.0, 0.0, 0.001, 0.01, 0.1)
"""Seconds by which calls follow each other, at most a few times: what handlers wait for takes a
few milliseconds or a while, and mostly it is enough that all calls come in one go."""

_DELAYS: Final = (0.001, 0.01, 0.05, 0.3)


@dataclass(frozen=True)
class _Drawn:
    """A call as it is drawn; what it takes from earlier ones is filled in with them at hand."""

    method: RpcMethod
    payload: dict[str, Any]
    links: int
    """Bits that say which fields have values of earlier calls, see `linked`."""
    aligned: int
    """0: nothing; else fields with a few values each have those of the call before, and with
    `_SWAPPED` two fields have each other's."""


@dataclass(frozen=True)
class _Again:
    """The same call as one before."""

    back: int


@dataclass(frozen=True)
class _Sent:
    """One of the calls that overlap."""

    call: _Drawn | _Again
    client: int
    offset: int
    """How long after the call before, as a multiple of the plan's scale."""


@dataclass(frozen=True)
class _Plan:
    preparing: list[_Drawn]
    on_each: bool
    """Whether each client makes the preparing calls; else the first one does."""
    first: _Sent
    others: list[_Sent]
    scale: float
    spread: int
    """0: one client for all; 1: each call has one of its own; 2: as drawn."""
    own_ids: bool
    """Whether each client counts its calls from 1, so that ids are not unique."""
    observing: list[_Drawn | _Again]
    faults: tuple[Spec, ...]

    @property
    def sent(self) -> list[_Sent]:
        """The calls that overlap."""
        return [self.first, *self.others]


def _cases(subject: Subject) -> st.SearchStrategy[Conversation]:
    endpoint = subject.endpoint
    methods = _methods(endpoint)
    groups = [*topics(methods), *([method] for method in methods)]
    groups += [methods] * len(groups)
    return st.one_of(
        [
            _plans(endpoint, methods, group).map(lambda plan: _conversation(endpoint, plan))
            for group in groups
        ]
    ).filter(within)


def _methods(endpoint: Endpoint) -> list[RpcMethod]:
    # the built-in ones of one connection wait for each other, and the rest is the phase pubsub's
    return [method for method in endpoint.methods_in("concurrent").values() if not method.builtin]


def _plans(
    endpoint: Endpoint, methods: Sequence[RpcMethod], group: Sequence[RpcMethod]
) -> st.SearchStrategy[_Plan]:
    """Return plans where methods of a group overlap, after and before any others."""
    any_call = st.one_of([_calls(endpoint, method) for method in methods])
    reading = [method for method in methods if tells(method.name)]
    observing = [_calls(endpoint, method) for method in [*methods, *reading * 2]]
    again = st.builds(_Again, st.integers(0, CALLS))
    first = [_calls(endpoint, method) for method in group]

    def sent(calls: Sequence[st.SearchStrategy[Any]]) -> st.SearchStrategy[_Sent]:
        return st.builds(_Sent, st.one_of(calls), st.integers(1, 3), st.integers(0, 3))

    return st.builds(
        _Plan,
        st.one_of(st.just([]), st.lists(any_call, max_size=PREPARING)),
        st.booleans(),
        sent(first),
        st.lists(sent([*first, *first, again]), min_size=1, max_size=CALLS - 1),
        st.sampled_from(_SCALES),
        st.integers(0, 2),
        st.booleans(),
        st.lists(st.one_of([*observing, again]), max_size=OBSERVING),
        _FAULTS,
    )


def _calls(endpoint: Endpoint, method: RpcMethod) -> st.SearchStrategy[_Drawn]:
    return st.builds(
        _Drawn,
        st.just(method),
        payloads_of_several(endpoint, method),
        st.integers(0, 2**64 - 1),
        st.integers(0, _SWAPPED),
    )


def _fault(point: str) -> st.SearchStrategy[tuple[Spec, ...]]:
    delays = st.sampled_from(_DELAYS)
    if point == "call":
        # one call alone: if all come later, they overlap as before
        return st.builds(
            lambda seconds, nth: (make("call", "latency", seconds=seconds, nth=nth),),
            delays,
            st.integers(1, CALLS),
        )
    return delays.map(lambda seconds: (make(point, "latency", seconds=seconds),))


_FAULTS: Final[st.SearchStrategy[tuple[Spec, ...]]] = st.one_of(
    *[st.just(())] * 3,
    _fault("publish"),
    _fault("call"),
    st.sampled_from(("publish", "subscribe", "deliver")).flatmap(_fault),
)


# -- from what was drawn to a conversation


class _Builder:
    def __init__(self, endpoint: Endpoint, own_ids: bool) -> None:
        self._endpoint = endpoint
        self._own_ids = own_ids
        self._last_ids: dict[int, int] = {}
        self.calls: list[Call] = []

    def call(self, drawn: _Drawn | _Again, client: int, *, wait: bool = True) -> Call:
        """Return a call, with values of those before it."""
        if isinstance(drawn, _Again):
            last = self.calls[-1 - min(drawn.back, len(self.calls) - 1)]
            method, payload = last.method, last.payload
        else:
            method, payload = drawn.method, drawn.payload
            if drawn.aligned and self.calls:
                last = self.calls[-1]
                swapped = drawn.aligned == _SWAPPED and last.method.name == method.name
                taken = _swapped(last.payload) if swapped else {}
                payload = self._with(method, payload, taken or _closed_values(method, last))
            payload = linked(method, dict(payload), drawn.links, self.calls, self._endpoint)
        owner = client if self._own_ids else 0
        id = self._last_ids[owner] = self._last_ids.get(owner, 0) + 1
        call = Call(client, id, method, payload, wait)
        self.calls.append(call)
        return call

    def _with(
        self, method: RpcMethod, payload: Mapping[str, Any], taken: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return a payload with these fields, unless the type refuses them."""
        tried = {**payload, **{name: taken[name] for name in payload if name in taken}}
        if type_refuses(request(self._endpoint, method, 0, tried)) is None:
            return tried
        return payload


def _closed_values(method: RpcMethod, last: Call) -> dict[str, Any]:
    closed = closed_fields(method)
    return {name: value for name, value in last.payload.items() if name in closed}


def _swapped(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first two texts that differ, each in the other's place: from here to there."""
    texts = [(name, value) for name, value in payload.items() if isinstance(value, str)]
    for (name, value), (other, opposite) in combinations(texts, 2):
        if value != opposite:
            return {name: opposite, other: value}
    return {}


def _conversation(endpoint: Endpoint, plan: _Plan) -> Conversation:
    builder = _Builder(endpoint, plan.own_ids)
    clients = [_client(plan, place, sent) for place, sent in enumerate(plan.sent)]
    everyone = sorted({1, *clients})
    steps: list[Step] = [Connect(client) for client in everyone]
    for drawn in plan.preparing:
        for client in everyone if plan.on_each else [1]:
            steps.append(builder.call(drawn, client))
    steps += [Fault(spec) for spec in plan.faults]
    steps += _overlap(builder, plan, clients)
    steps += [Heal()] if plan.faults else []
    for observing in plan.observing:
        steps.append(builder.call(observing, 1))
    return Conversation(endpoint, tuple(steps))


def _client(plan: _Plan, place: int, sent: _Sent) -> int:
    return (1, place + 1, sent.client)[plan.spread]


def _overlap(builder: _Builder, plan: _Plan, clients: Sequence[int]) -> list[Step]:
    offsets = [sent.offset * plan.scale for sent in plan.sent]
    if not any(offsets[1:]):
        calls = [
            builder.call(sent.call, client) for sent, client in zip(plan.sent, clients, strict=True)
        ]
        return [Together(tuple(calls))]
    steps: list[Step] = []
    for sent, client, offset in zip(plan.sent, clients, offsets, strict=True):
        if offset and steps:
            steps.append(Advance(offset))
        steps.append(builder.call(sent.call, client, wait=False))
    return [*steps, Settle()]


def _not_applied(subject: Subject) -> str | None:
    if not _methods(subject.endpoint):
        return "there is no method but the built-in ones, which the phase pubsub is for"
    return None


PHASE = Phase(
    "concurrent",
    "endpoint",
    _cases,
    _not_applied,
    play=play_against_orders,
    needs_fresh=True,
    effort=4,
)
