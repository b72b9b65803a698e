"""Second part of the phase ``sequence``: a short conversation, again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from wsrpc.rpc import RpcMethod

from ..conversation import Call, Connect, Conversation, Step
from ..endpoints import Endpoint
from ..literal_cases import payloads_of_several
from ..rounds import play_rounds
from .phase import Phase, Proven, Subject, within
from .sequence import LINKS, PHASE_NAME, linked

CALLS: Final = 4
"""Leaks show with one call, or with what one makes and another one ends."""

_CLIENTS: Final = (1, 1, 1, 2)


@dataclass(frozen=True)
class _Drawn:
    client: int
    method: RpcMethod
    payload: dict[str, Any]
    links: int
    wait: bool


def _cases(subject: Subject) -> st.SearchStrategy[Conversation]:
    endpoint = subject.endpoint
    each = [_calls(endpoint, method) for method in endpoint.methods_in(PHASE_NAME).values()]
    # each method alone first of all: of most leaks one call is the cause
    few = st.one_of(each).map(lambda drawn: [drawn])
    some = st.lists(st.one_of(each), min_size=1, max_size=CALLS)
    rows = st.one_of(few, some).map(lambda drawn: _conversation(endpoint, drawn)).filter(within)
    # connecting alone may leave something too
    return st.one_of(st.just(Conversation(endpoint, (Connect(1),))), rows)


def _calls(endpoint: Endpoint, method: RpcMethod) -> st.SearchStrategy[_Drawn]:
    return st.builds(
        _Drawn,
        st.sampled_from(_CLIENTS),
        st.just(method),
        payloads_of_several(endpoint, method),
        st.sampled_from(LINKS),
        # who leaves before the answer leaves something behind more often
        st.sampled_from((True, True, False)),
    )


def _conversation(endpoint: Endpoint, drawn: Sequence[_Drawn]) -> Conversation:
    steps: list[Step] = []
    calls: list[Call] = []
    for one in drawn:
        payload = linked(one.method, one.payload, one.links, calls, endpoint)
        call = Call(one.client, len(calls) + 1, one.method, payload, wait=one.wait)
        calls.append(call)
        steps.append(call)
    return Conversation(endpoint, tuple(steps))


def _listed(_: Subject, proven: Proven) -> Proven:
    """What takes a certain call before it hardly ever succeeds in a short row of any."""
    return proven


PHASE = Phase(
    PHASE_NAME,
    "endpoint",
    _cases,
    play=play_rounds,
    needs_fresh=True,
    effort=0.3,
    listed=_listed,
)
