"""Phase ``sequence``: several methods in a row on one connection, with values handed on."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from hypothesis import strategies as st

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.strategies.schema.field_names import words
from wsrpc.errors import InvalidParams
from wsrpc.rpc import RpcMethod

from ..case import request, type_refuses
from ..conversation import Advance, Call, Conversation, Disconnect, Like, Step
from ..endpoints import Endpoint
from ..literal_cases import payloads_of_several
from ..playing import play_conversation
from ..pool import invalid_payloads
from .phase import Phase, Subject, within

CALLS: Final = 8
"""Most defects of sequences take two or three calls; more give them more chances to be there."""

PHASE_NAME: Final = "sequence"

CLIENT: Final = 1
_ELEMENTS: Final = 10
"""Calls, repeats and pauses in each of the two parts of a row; what is too much is left out."""

_BITS: Final = 4
_FIELDS: Final = 16
_CHANCE = random.Random(0)
LINKS: Final = (
    0,
    *(sum(bits << (_BITS * field) for field in range(_FIELDS)) for bits in (1, 4)),
    *(_CHANCE.getrandbits(_BITS * _FIELDS) for _ in range(61)),
)
"""Where the values of fields are from: drawn, and then ever less regular mixtures.

From a table, as hypothesis draws large integers that are mostly zeros.
"""

_PAUSES: Final = (1.0, 61.0, 1.0, 61.0, 301.0, 3601.0)
"""Seconds that may pass: what ends after a while mostly does so within a minute or an hour."""

MANY: Final = 7
"""Times that one call may come in a row: enough for what has room for a handful."""

_OF_ITS_TYPE: Final = (7, 14)
"""Bits for a value of another field that has the same type."""

_ANY: Final = 13
_STEPS: Final = {_ANY: 0, 11: 1, 12: -1}
"""Bits for any value of a response, or a number next to it."""

_TOPICS_FROM: Final = 5
"""From so many methods on, those that are about one thing are also tried among themselves."""

_IDENTIFYING: Final = frozenset(
    {"id", "uuid", "key", "token", "ref", "reference", "code", "handle", "name", "number", "slug"}
)


@dataclass(frozen=True)
class _Drawn:
    """A call as it is drawn; what it takes from earlier ones is filled in with them at hand."""

    method: RpcMethod
    payload: dict[str, Any]
    links: int = 0
    """For each field some bits that say what its value is; 0 is the one that was drawn."""
    path: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class _Again:
    """The same call once more, `back` calls ago, or many times."""

    back: int
    times: int = 1


_AGAIN: Final = st.builds(_Again, st.integers(0, 2), st.sampled_from((1, 1, 1, 1, 1, 1, 1, MANY)))


@dataclass(frozen=True)
class _Pause:
    seconds: float


@dataclass(frozen=True)
class _Reconnect:
    """A connection of its own for what comes next."""


def _cases(subject: Subject) -> st.SearchStrategy[Conversation]:
    endpoint = subject.endpoint
    methods = list(endpoint.methods_in(PHASE_NAME).values())
    return st.one_of(
        [
            _rows(endpoint, group).map(lambda drawn: _conversation(endpoint, drawn))
            for group in (methods, *topics(methods))
        ]
    ).filter(_fits)


def _rows(endpoint: Endpoint, methods: Sequence[RpcMethod]) -> st.SearchStrategy[list[Any]]:
    calls: list[st.SearchStrategy[Any]] = []
    for method in methods:
        valid = st.builds(
            _Drawn,
            st.just(method),
            payloads_of_several(endpoint, method),
            st.sampled_from(LINKS),
        )
        # what the mixins bring is the phase ``pubsub``'s
        calls += [valid] if method.builtin else [valid] * 8
        if not method.builtin and ws.can_be_invalid(method.payload):
            calls.append(_invalid(endpoint, method))
    own = sum(not method.builtin for method in methods)
    rest: list[st.SearchStrategy[Any]] = [_AGAIN] * own
    rest += [st.builds(_Pause, st.sampled_from(_PAUSES)), st.builds(_Reconnect)] * (own // 2 + 1)
    # one_of would leave out what stands there twice
    one = _one_of_them(st.sampled_from(calls + rest))
    # hypothesis makes a list of five on average, and shrinks best those that may be empty
    part = st.lists(one, max_size=_ELEMENTS)
    return st.builds(list.__add__, part, part)


@st.composite
def _one_of_them(draw: st.DrawFn, strategies: st.SearchStrategy[st.SearchStrategy[Any]]) -> Any:
    return draw(draw(strategies))


def _invalid(endpoint: Endpoint, method: RpcMethod) -> st.SearchStrategy[_Drawn]:
    return invalid_payloads(endpoint, method).map(
        lambda drawn: _Drawn(method, drawn.payload, path=drawn.path, why=drawn.why)
    )


def topics(methods: Sequence[RpcMethod]) -> list[list[RpcMethod]]:
    """Return the groups of methods that are about the same thing, by the words of their names."""
    if len(methods) < _TOPICS_FROM:
        return []
    groups: dict[str, list[RpcMethod]] = {}
    for method in methods:
        for word in words(method.name):
            groups.setdefault(word, []).append(method)
    found = {
        tuple(method.name for method in group): group
        for group in groups.values()
        if 1 < len(group) < len(methods)
    }
    return list(found.values())


# -- from what was drawn to a conversation


def _conversation(endpoint: Endpoint, drawn: Sequence[Any]) -> Conversation:
    steps: list[Step] = []
    calls: list[Call] = []

    def add(method: RpcMethod, payload: Mapping[str, Any], like: Call | _Drawn) -> None:
        code = InvalidParams.CODE if like.why else None
        call = Call(
            CLIENT, len(calls) + 1, method, payload, code=code, path=like.path, why=like.why
        )
        calls.append(call)
        steps.append(call)

    for one in drawn:
        if len(calls) >= CALLS:
            break
        match one:
            case _Pause(seconds):
                steps.append(Advance(seconds))
            case _Reconnect():
                steps.append(Disconnect(CLIENT))
            case _Again(back, times):
                if calls:
                    last = calls[-1 - min(back, len(calls) - 1)]
                    for _ in range(times):
                        add(last.method, last.payload, last)
            case _:
                payload = linked(one.method, one.payload, one.links, calls, endpoint)
                add(one.method, payload, one)
    return Conversation(endpoint, tuple(steps))


def linked(
    method: RpcMethod,
    payload: dict[str, Any],
    links: int,
    earlier: Sequence[Call],
    endpoint: Endpoint,
) -> dict[str, Any]:
    """Return a payload with values of earlier calls for some of its own, as the bits say.

    Each field takes four bits: 0 leaves it as it is. A value from an earlier payload is put in
    now, one from a response when the conversation is played.
    """
    if not links or not earlier:
        return payload
    closed = closed_fields(method)
    known = _known_values(earlier)
    changed = payload
    likes: dict[tuple[str | int, ...], Like] = {}
    for number, (path, name, value) in enumerate(_fields(payload, ())):
        bits = links >> (_BITS * (number % _FIELDS)) & (2**_BITS - 1)
        if not bits or name in closed:
            continue
        same = [other for other in known.get(words(name), ()) if _is_alike(other, value)]
        if not same or bits in _OF_ITS_TYPE:
            same = [*_of_equal_type(method, name, value, earlier), *same]
        constraints = constraints_of(method).get(name, {})
        is_telling = "pattern" in constraints or constraints.get("format") in _TELLING
        is_identifying = is_telling or bool(set(words(name)[-1:]) & _IDENTIFYING)
        taken, is_like, back = _choice(bits, value, same, is_identifying=is_identifying)
        if taken is not value:
            tried = _with(changed, path, taken)
            if type_refuses(request(endpoint, method, 0, tried)) is None:
                changed, value = tried, taken
        # which one of the many, other bits say
        any_back = links >> (_BITS * ((number + 1) % _FIELDS)) & (2**_BITS - 1)
        if is_like:
            likes[path] = Like(name, value, back, elsewhere=any_back if is_telling else None)
        elif bits in _STEPS and (type(value) is int or bits == _ANY):
            likes[path] = Like(name, value, any_back, _STEPS[bits])
    for path, like in likes.items():
        changed = _with(changed, path, like)
    return changed


def _choice(
    bits: int, value: Any, same: Sequence[Any], *, is_identifying: bool
) -> tuple[Any, bool, int]:
    """Return the value of a field, whether a response may have a better one, and how far back."""
    latest = same[0] if same else value
    second = same[1] if len(same) > 1 else latest
    if is_identifying:
        # mostly something that exists, or did
        return ((second if bits % 4 == 3 else latest), bits < 12, 1 if bits in (5, 9) else 0)
    if isinstance(value, str) or value is None:
        return ((latest if bits >= 4 else value), bits in (1, 5), 0)
    if bits >= 8 or not same:
        return value, bits in (8, 9), 0
    # amounts on either side of each other
    return (latest + 1 if bits == 2 else latest - 1 if bits == 3 else latest), bits == 1, 0


def _fields(
    value: Any, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    """Yield the strings and numbers of a payload, each with its path and the name it goes by."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _fields(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _fields(part, (*path, index))
    elif path and (value is None or type(value) in (str, int, float)):
        yield path, next(step for step in reversed(path) if isinstance(step, str)), value


def _known_values(earlier: Sequence[Call]) -> dict[tuple[str, ...], list[Any]]:
    """The values of earlier payloads by the words of their names, the latest first."""
    known: dict[tuple[str, ...], list[Any]] = {}
    for call in reversed(earlier):
        for _, name, value in _fields(_plain(call.payload), ()):
            values = known.setdefault(words(name), [])
            if value is not None and value not in values:
                values.append(value)
    return known


def _of_equal_type(
    method: RpcMethod, name: str, value: Any, earlier: Sequence[Call]
) -> Iterator[Any]:
    """Yield the values of earlier payloads in fields whose constraints are those of this one."""
    constraints = constraints_of(method).get(name)
    if constraints is None:
        return
    for call in reversed(earlier):
        others = constraints_of(call.method)
        for _, other, found in _fields(_plain(call.payload), ()):
            if found is not None and others.get(other) == constraints and _is_alike(found, value):
                yield found


@lru_cache(maxsize=256)
def constraints_of(method: RpcMethod) -> Mapping[str, Mapping[str, Any]]:
    """Return what the types of fields say about strings and numbers, for those that say anything.

    Two fields of one such type mostly name the same kind of thing, as ``old`` and ``new`` do.
    """
    found: dict[str, Mapping[str, Any]] = {}
    if method.payload is not None:
        for name, member in _members(method.payload.json_schema()):
            said = {key: part for key, part in member.items() if key not in _DESCRIBING}
            if said.keys() - {"type"} and said.get("type") in ("string", "integer", "number"):
                found[name] = said
    return found


_TELLING: Final = frozenset({"uuid", "email", "uri", "hostname"})
"""Formats of texts that name something; many things have the same date."""
_DESCRIBING: Final = frozenset({"title", "description", "default", "examples"})


def _plain(value: Any) -> Any:
    if isinstance(value, Like):
        return value.drawn
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _is_alike(other: Any, value: Any) -> bool:
    return value is None or type(other) is type(value)


def _with(value: Any, path: tuple[str | int, ...], part: Any) -> Any:
    if not path:
        return part
    copy = value.copy()
    copy[path[0]] = _with(value[path[0]], path[1:], part)
    return copy


@lru_cache(maxsize=256)
def closed_fields(method: RpcMethod) -> frozenset[str]:
    """The names of fields with a few values each, of which any is as good as another."""
    if method.payload is None:
        return frozenset()
    members = _members(method.payload.json_schema())
    return frozenset(name for name, member in members if "enum" in member or "const" in member)


def _members(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, list):
        for part in schema:
            yield from _members(part)
    elif isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, Mapping):
            yield from ((name, part) for name, part in properties.items() if isinstance(part, dict))
        for part in schema.values():
            yield from _members(part)


def _fits(conversation: Conversation) -> bool:
    return bool(conversation.calls) and within(conversation)


def _not_applied(subject: Subject) -> str | None:
    methods = subject.endpoint.methods_in(PHASE_NAME).values()
    if all(method.builtin for method in methods):
        return "there is no method but the built-in ones, which the phase pubsub is for"
    return None


PHASE = Phase(
    PHASE_NAME,
    "endpoint",
    _cases,
    _not_applied,
    play=play_conversation,
    needs_fresh=True,
    effort=5,
)
