"""Phase ``pubsub``: several connections subscribe, publish and go; who receives what."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import CodeType
from typing import Any, Final

from hypothesis import strategies as st

from pytest_wsrpc import strategies as ws
from wsrpc import Subscribe, WsPathMixin
from wsrpc.rpc import RpcMethod

from .. import delivery
from ..case import request, type_refuses
from ..conversation import Advance, Call, Connect, Conversation, Disconnect, Settle, Step
from ..endpoints import Endpoint
from ..growth import holdings
from ..literal_cases import payloads_of_several
from ..named import METHODS, has_method, token
from ..playing import play_on
from ..publishing import watch
from ..record import Record
from ..rounds import GROWTH, MARGIN, play_rounds
from ..serving import Host
from .phase import Phase, Subject, within

PATIENCE: Final = 10.0
"""Seconds after which all events have arrived, on the virtual clock."""

CLIENTS: Final = 3
_ELEMENTS: Final = 8
_BURST: Final = 8
"""Events at once: what is kept for a moment mostly has room for some."""

_USUAL: Final = ("news", "room-1", "a", "ab")
_ENDS: Final = ((".a", ".b"), ("", ".a"), ("-1", "-2"), (":1", ":2"), ("/1", "/2"), ("", "s"))
"""A backend may tell channels by a part of their names."""

_CASES: Final = (("news", "News"), ("room-1", "ROOM-1"))
"""Not for `LocalBroker`, which refuses capitals."""

_PLAIN: Final = (
    ws.PatternExample("*", "tick", ""),
    ws.PatternExample("tick", "tick", "tock"),
    ws.PatternExample("tick.*", "tick.fast", "tick"),
)
_EMPTY: Final[tuple[Any, ...]] = (None, 0, False, "", [], {})
_PAUSES: Final = (0.001, 0.05, 1.0, 61.0)
_HELD: Final = ("connection", "subscription")
_NAME: Final = re.compile(r"[a-z][\w.:/-]{0,40}")


@dataclass(frozen=True)
class _Subscribe:
    client: int
    channel: int
    patterns: tuple[int, ...]
    """Numbers of patterns; none is none given, one is a text, several are a list."""


@dataclass(frozen=True)
class _Unsubscribe:
    client: int
    channel: int
    patterns: tuple[int, ...]


@dataclass(frozen=True)
class _Publish:
    client: int
    channel: int
    pattern: int
    is_matching: bool
    """Whether the event's name matches the pattern; else it comes near."""
    data: int
    """Negative: one that is empty, so often from the end; else a token in data of this form."""
    times: int
    is_same: bool
    """Whether it is the same event each time."""


@dataclass(frozen=True)
class _Own:
    client: int
    method: RpcMethod
    payload: dict[str, Any]
    channel: int
    """The number of a channel that stands in its texts; negative: as it was drawn."""


@dataclass(frozen=True)
class _Leave:
    client: int


@dataclass(frozen=True)
class _Pause:
    seconds: float


@dataclass(frozen=True)
class _Plan:
    channels: Sequence[str]
    patterns: Sequence[ws.PatternExample]
    steps: Sequence[Any]
    """The first one subscribes: nothing is to be seen unless somebody is subscribed."""
    ends: str
    """In the end the first client subscribes ``again`` and something is published, or it is on
    ``all`` channels, or the client leaves the channel for the ``other`` one; or nothing."""
    waits: int
    """For each call a bit: whether it waits for its reply. -1: all do."""


def _cases(subject: Subject) -> st.SearchStrategy[Conversation]:
    endpoint = subject.endpoint
    methods = endpoint.methods_in("pubsub")
    own = [method for name, method in methods.items() if name not in METHODS]
    builtin = [_plans(endpoint, methods.keys(), [])] if "publish" in methods else []
    mixed = [_plans(endpoint, methods.keys(), own)] if own else []
    return (
        st.one_of([*builtin, *mixed]).map(lambda plan: _conversation(endpoint, plan)).filter(within)
    )


def builtin_cases(subject: Subject) -> st.SearchStrategy[Conversation]:
    """Return conversations with the mixins' own methods alone."""
    endpoint = subject.endpoint
    names = [name for name in endpoint.methods_in("pubsub") if name in METHODS]
    return (
        _plans(endpoint, names, []).map(lambda plan: _conversation(endpoint, plan)).filter(within)
    )


def _plans(
    endpoint: Endpoint, names: Collection[str], own: Sequence[RpcMethod]
) -> st.SearchStrategy[_Plan]:
    client, channel = st.integers(1, CLIENTS), st.sampled_from((0, 0, 1))
    some = st.lists(st.integers(0, 2), max_size=2, unique=True).map(tuple)
    subscribing = st.builds(_Subscribe, client, channel, some)
    kinds: list[st.SearchStrategy[Any]] = [subscribing] * 3
    ends = ["", "again", "all"]
    if "unsubscribe" in names:
        ends.append("other")
        kinds += [st.builds(_Unsubscribe, client, channel, some)] * 2
    publishing = st.builds(
        _Publish,
        client,
        channel,
        st.integers(0, 2),
        st.sampled_from((True, True, True, False)),
        st.integers(-len(_EMPTY), 6),
        st.sampled_from((1, 1, 1, 2, 2, _BURST)),
        st.booleans(),
    )
    if "publish" in names:
        kinds += [publishing] * 3
    for method in own:
        drawn = payloads_of_several(endpoint, method)
        calls = st.builds(_Own, client, st.just(method), drawn, st.integers(-1, 1))
        kinds += [calls] * (1 if "publish" in names else 2)
    kinds += [st.builds(_Leave, client), st.builds(_Pause, st.sampled_from(_PAUSES))]
    # one_of would leave out what stands there twice
    part = st.lists(
        st.sampled_from(range(len(kinds))).flatmap(kinds.__getitem__), max_size=_ELEMENTS
    )
    return st.builds(
        _Plan,
        _pairs(endpoint.view),
        st.lists(st.sampled_from(_PLAIN) | ws.patterns(), min_size=3, max_size=3),
        st.builds(lambda first, *rest: [first, *rest[0], *rest[1]], subscribing, part, part),
        st.sampled_from(ends if "publish" in names else [""]),
        st.just(-1) | st.just(0) | st.integers(0, 2**16 - 1),
    )


def _pairs(view: type) -> st.SearchStrategy[Sequence[str]]:
    """Return two names each, often of channels that have something in common."""
    one = _channels(view)
    kinds: list[st.SearchStrategy[Sequence[str]]] = [
        st.lists(one, min_size=2, max_size=2, unique=True),
        st.builds(lambda name, ends: [name + end for end in ends], one, st.sampled_from(_ENDS)),
        st.sampled_from(_CASES),
    ]
    return st.sampled_from((0, 0, 0, 0, 1, 1, 1, 1, 2)).flatmap(kinds.__getitem__)


def _channels(view: type) -> st.SearchStrategy[str]:
    known = names_in(view)
    usual = st.sampled_from(_USUAL)
    return st.one_of(*([st.sampled_from(known)] if known else []), usual, ws.channels())


def names_in(view: type) -> tuple[str, ...]:
    """Return the texts in a view's code that may be the names of channels."""
    return _names_in(view)


@lru_cache(maxsize=64)
def _names_in(view: type) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for cls in view.__mro__[: view.__mro__.index(WsPathMixin)]:
        if cls.__module__.partition(".")[0] in ("wsrpc", "aiohttp"):
            continue
        for attribute in vars(cls).values():
            code = getattr(attribute, "__code__", None)
            if isinstance(code, CodeType) and {"publish", "subscribe"} & set(code.co_names):
                texts = (one for one in code.co_consts if isinstance(one, str))
                found.update((one, None) for one in texts if _NAME.fullmatch(one))
    return tuple(found)


# -- from what was drawn to a conversation


def _conversation(endpoint: Endpoint, plan: _Plan) -> Conversation:
    builder = _Builder(endpoint, plan)
    for step in plan.steps:
        builder.add(step)
    if plan.ends:
        first = plan.steps[0]
        channels: tuple[int, ...] = (first.channel, 1 - first.channel)
        if plan.ends == "again":
            builder.add(first)
            channels = channels[:1]
        elif plan.ends == "other":
            builder.add(replace(first, channel=channels[1]))
            builder.add(_Unsubscribe(first.client, first.channel, ()))
            channels = channels[1:]
        pattern = first.patterns[0] if first.patterns else 0
        for channel in channels:
            builder.add(_Publish(first.client, channel, pattern, True, 0, 1, False))
    return Conversation(endpoint, tuple(builder.steps))


class _Builder:
    def __init__(self, endpoint: Endpoint, plan: _Plan) -> None:
        self._endpoint = endpoint
        self._plan = plan
        self._calls = 0
        self._tokens = 0
        self.steps: list[Step] = []

    def add(self, step: Any) -> None:
        match step:
            case _Subscribe(client, channel, patterns):
                self._call(client, "subscribe", self._chosen(channel, patterns))
            case _Unsubscribe(client, channel, patterns):
                self._call(client, "unsubscribe", self._chosen(channel, patterns))
            case _Publish():
                self._publish(step)
            case _Own(client, method, payload, channel):
                self._send(client, method, self._filled(method, payload, channel))
            case _Leave(client):
                self.steps.append(Disconnect(client))
            case _:
                self.steps.append(Advance(step.seconds))

    def _chosen(self, channel: int, patterns: tuple[int, ...]) -> dict[str, Any]:
        texts = [self._plan.patterns[number].pattern for number in patterns]
        payload: dict[str, Any] = {"channel": self._plan.channels[channel]}
        if texts:
            payload["event"] = texts[0] if len(texts) == 1 else texts
        return payload

    def _publish(self, step: _Publish) -> None:
        example = self._plan.patterns[step.pattern]
        name = example.matching if step.is_matching else example.other
        data = self._data(step.data)
        for _ in range(step.times):
            payload = {"channel": self._plan.channels[step.channel], "event": name, "data": data}
            self._call(step.client, "publish", payload)
            if not step.is_same:
                data = self._data(step.data)

    def _data(self, form: int) -> Any:
        if form < 0:
            return _EMPTY[form]
        self._tokens += 1
        text = token(self._tokens)
        # of different lengths, one after the other
        padding = "." * (40 if (self._tokens + form) % 3 == 0 else 0)
        return (text, text + padding, {"id": text, "more": padding}, [text, form])[form % 4]

    def _filled(self, method: RpcMethod, payload: dict[str, Any], channel: int) -> dict[str, Any]:
        """Let the texts of a payload name a channel, where its type takes that."""
        if channel < 0:
            return payload
        for name, value in payload.items():
            if isinstance(value, str):
                tried = {**payload, name: self._plan.channels[channel]}
                if type_refuses(request(self._endpoint, method, 0, tried)) is None:
                    payload = tried
        return payload

    def _call(self, client: int, name: str, payload: dict[str, Any]) -> None:
        self._send(client, self._endpoint.methods[name], payload)

    def _send(self, client: int, method: RpcMethod, payload: dict[str, Any]) -> None:
        waits = bool(self._plan.waits >> (self._calls % 16) & 1)
        self._calls += 1
        self.steps.append(Call(client, self._calls, method, payload, waits))


# -- playing it


async def _play(
    host: Host,
    case: Conversation,
    path: str,
    headers: Sequence[tuple[str, str]],
    timeout: float,
) -> Record:
    """Play a conversation, wait for all events, and see whether anything stays of the clients."""
    conversation = replace(case, steps=(*case.steps, Settle(), Advance(PATIENCE)))
    async with host.application() as server:
        others = asyncio.all_tasks()
        before = holdings(server.managers.values(), others)
        record = await play_on(server, conversation, path, headers, timeout, watch)
        await server.advance(MARGIN)
        after = holdings(server.managers.values(), others)
    record.extra[delivery.FROM] = 0
    if not record.closed and any(thing.kind in _HELD for thing in after - before):
        # if it stays of connections without any call, that is what is wrong
        for one in (Conversation(case.endpoint, (Connect(1),)), case):
            rounds = await play_rounds(host, one, path, headers, timeout)
            if rounds.extra[GROWTH]:
                return rounds
    return record


def _not_applied(subject: Subject) -> str | None:
    endpoint = subject.endpoint
    methods = endpoint.methods_in("pubsub")
    if not issubclass(endpoint.view, Subscribe) or "subscribe" not in methods:
        return "there is no method subscribe"
    others = [name for name in methods if name not in METHODS]
    if not has_method(endpoint.view, "publish") and not others:
        return "there is no method that could publish"
    return None


PHASE = Phase(
    "pubsub",
    "endpoint",
    _cases,
    _not_applied,
    play=_play,
    needs_fresh=True,
    effort=3,
)
