"""Phase ``faults``: calls while the broker fails or is slow, and the same calls afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hypothesis import strategies as st

from pytest_wsrpc.faults import Spec
from pytest_wsrpc.faults.spec import make
from wsrpc import BrokerUnavailable, CannotPublish, CannotSubscribe
from wsrpc.rpc import RpcMethod

from ..conversation import Advance, Call, Conversation, Disconnect, Fault, Step
from ..endpoints import Endpoint
from ..growth import Thing, growth, holdings
from ..literal_cases import payloads_of_several
from ..named import METHODS, has_method, token
from ..playing import play_on
from ..publishing import watch
from ..record import Record
from ..recovery import (
    LISTENER,
    RECOVERY,
    crashed_under_faults,
    misdelivered_afterwards,
    refused_for_ever,
    with_repeats,
)
from ..rounds import MARGIN
from ..serving import Host, Server
from .phase import Phase, Subject, within
from .pubsub import names_in
from .sequence import linked

CALLS: Final = 3
PREPARING: Final = 2
_CLIENTS: Final = 2
_CHANNEL: Final = "news"
_SPEAKER: Final = LISTENER + 1

_ERRORS: Final = (
    *(("publish", error) for error in (ConnectionError, BrokerUnavailable, CannotPublish)),
    *(("subscribe", error) for error in (ConnectionError, BrokerUnavailable, CannotSubscribe)),
    ("unsubscribe", ConnectionError),
    ("publish", OSError),
)
_LOSSES: Final = (
    ("deliver", "drop"),
    ("deliver", "duplicate"),
    ("publish", "drop"),
)
_POINTS: Final = ("publish", "publish", "subscribe", "deliver")
_DELAYS: Final = (0.01, 0.5, 3.0)


@dataclass(frozen=True)
class _Drawn:
    client: int
    method: RpcMethod
    payload: dict[str, Any]
    links: int
    waits: bool


@dataclass(frozen=True)
class _Plan:
    preparing: list[_Drawn]
    faults: list[Spec]
    calls: list[_Drawn]
    leaving: int
    """The client that leaves while calls are under way; 0: nobody."""
    pause: float
    """Seconds between the last call and the end of the faults, or the leaving."""


def _cases(subject: Subject) -> st.SearchStrategy[Conversation]:
    endpoint = subject.endpoint
    methods = list(endpoint.methods_in("faults").values())
    own = [method for method in methods if method.name not in METHODS]
    calls = [_calls(endpoint, method) for method in (own * 3 + methods)]
    any_call = st.sampled_from(range(len(calls))).flatmap(calls.__getitem__)
    return (
        st.builds(
            _Plan,
            st.lists(any_call, max_size=PREPARING),
            _FAULTS,
            st.lists(any_call, min_size=1, max_size=CALLS),
            st.sampled_from((0, 0, 0, 1)),
            st.sampled_from((0.0, 0.01, 0.1, 1.0, 10.0)),
        )
        .map(lambda plan: _conversation(endpoint, plan))
        .filter(within)
    )


def _calls(endpoint: Endpoint, method: RpcMethod) -> st.SearchStrategy[_Drawn]:
    drawn = payloads_of_several(endpoint, method)
    if method.name in METHODS:
        names = (_CHANNEL, *names_in(endpoint.view))
        drawn = st.builds(
            lambda payload, name: {**payload, "channel": name}, drawn, st.sampled_from(names)
        )
    return st.builds(
        _Drawn,
        st.sampled_from((1,) * 3 + tuple(range(2, _CLIENTS + 1))),
        st.just(method),
        drawn,
        st.just(0) | st.integers(0, 2**64 - 1),
        st.sampled_from((True, True, False)),
    )


_SOME: Final[tuple[dict[str, Any], ...]] = ({}, {}, {}, {"times": 1}, {"nth": 2})

_FAULT: Final[st.SearchStrategy[Spec]] = st.one_of(
    *[
        st.builds(
            lambda drawn, some: make(drawn[0], "error", error=drawn[1], **some),
            st.sampled_from(_ERRORS),
            st.sampled_from(_SOME),
        )
    ],
    st.builds(
        lambda drawn, some: make(drawn[0], "error", error=drawn[1], **some),
        st.sampled_from(_ERRORS[:3]),
        st.sampled_from(_SOME),
    ),
    st.sampled_from([make(*loss) for loss in _LOSSES]),
    st.builds(
        lambda point, seconds: make(point, "latency", seconds=seconds),
        st.sampled_from(_POINTS),
        st.sampled_from(_DELAYS),
    ),
    st.sampled_from([make(point, "stall") for point in _POINTS[1:]]),
)
_FAULTS: Final = st.lists(_FAULT, min_size=1, max_size=2, unique_by=str)


# -- from what was drawn to a conversation


def _conversation(endpoint: Endpoint, plan: _Plan) -> Conversation:
    calls: list[Call] = []
    steps: list[Step] = []
    stalls = any(spec.effect == "stall" for spec in plan.faults)

    def add(drawn: _Drawn, *, waits: bool) -> None:
        payload = linked(drawn.method, drawn.payload, drawn.links, calls, endpoint)
        calls.append(Call(drawn.client, len(calls) + 1, drawn.method, payload, waits))
        steps.append(calls[-1])

    for drawn in plan.preparing:
        add(drawn, waits=True)
    steps += [Fault(spec) for spec in plan.faults]
    for drawn in plan.calls:
        # those that are held up are answered when the faults end
        add(drawn, waits=drawn.waits and not stalls and not plan.leaving)
    if plan.pause:
        steps.append(Advance(plan.pause))
    if plan.leaving:
        steps.append(Disconnect(plan.leaving))
    return Conversation(endpoint, tuple(steps))


# -- playing it


async def _play(
    host: Host,
    case: Conversation,
    path: str,
    headers: Sequence[tuple[str, str]],
    timeout: float,
) -> Record:
    """Play a conversation under faults, and what shows whether all works again."""

    async def play(conversation: Conversation) -> Record:
        async with host.application() as server:
            return await play_on(server, conversation, path, headers, timeout, watch)

    conversation, recovery = with_repeats(case, _listening(case.endpoint))
    async with host.application() as server:
        others = asyncio.all_tasks()
        record = await play_on(server, conversation, path, headers, timeout, watch)
        left = await _left(server, case, others, path, headers, timeout)
        await _end(asyncio.all_tasks() - others)
    record.extra[RECOVERY] = replace(
        recovery,
        crashed=await crashed_under_faults(record, play),
        refused=await refused_for_ever(record, recovery, play),
        left=left,
        misdelivered=await misdelivered_afterwards(record, play),
    )
    return record


async def _left(
    server: Server, case: Conversation, others: set[asyncio.Task[Any]], *how: Any
) -> list[tuple[Thing, int]]:
    """Return what there is more of each time that a client leaves while its calls are under way."""
    if not any(isinstance(step, Disconnect) for step in case.steps):
        return []
    time = case.endpoint.view.limits.call_timeout + MARGIN
    await server.advance(time)
    first = holdings((), others)
    if not any(thing.kind == "task" for thing in first):
        return []
    steps = tuple(step for step in case.steps if not isinstance(step, Fault))
    await play_on(server, replace(case, steps=steps), *how)
    await server.advance(time)
    return growth(first, holdings((), others))


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    """End what has been left, also what swallows its cancellation: it would go on for ever."""
    for task in tasks:
        task.cancel()
    if tasks:
        _, pending = await asyncio.wait(tasks, timeout=1.0)
        for task in pending:
            coroutine = task.get_coro()
            assert coroutine is not None  # it has not ended
            with contextlib.suppress(RuntimeError, ValueError):  # it refuses that, too
                coroutine.close()


def _listening(endpoint: Endpoint) -> list[Step]:
    """Return steps that show whether an event arrives, where there are the methods for it."""
    methods = endpoint.methods_in("faults")
    if not all(name in methods and has_method(endpoint.view, name) for name in METHODS):
        return []
    return [
        Call(LISTENER, "listen", methods["subscribe"], {"channel": _CHANNEL}),
        Call(
            _SPEAKER,
            "speak",
            methods["publish"],
            {"channel": _CHANNEL, "event": "healed", "data": token(0)},
        ),
        Advance(10.0),
    ]


def _not_applied(subject: Subject) -> str | None:
    return None if subject.endpoint.methods_in("faults") else "there is no method"


PHASE = Phase(
    "faults",
    "endpoint",
    _cases,
    _not_applied,
    play=_play,
    needs_fresh=True,
    effort=2,
)
