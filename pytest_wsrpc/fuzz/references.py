"""Values of earlier responses in later payloads: which fit a field, and putting them in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from pytest_wsrpc.strategies.schema.field_names import words

from .case import Origin, request, type_refuses
from .conversation import Call, Like, Ref
from .endpoints import Endpoint

Path: TypeAlias = tuple[str | int, ...]
Responses: TypeAlias = Mapping[int, Any]
"""The responses so far by the number of their call, the latest last."""

_DEPTH = 6
_VALUES = 400
"""Values looked at in one response: a long list has more of the same."""


class Unresolvable(LookupError):
    """A reference leads nowhere, so that its call cannot be made."""


def resolved(
    call: Call, endpoint: Endpoint, responses: Responses, names: Mapping[int, str]
) -> tuple[dict[str, Any], dict[Path, Origin]]:
    """Return the payload of a call with the values of earlier responses, and where they are from.

    `names` are those of the methods of earlier calls. Raises `Unresolvable` for a `Ref`.
    """
    origins: dict[Path, Origin] = {}
    payload: dict[str, Any] = _filled(dict(call.payload), (), responses, names, origins)
    likely = dict(_found(call.payload, Like))
    is_changed = likely.keys() & origins.keys() or any(like.step for like in likely.values())
    if is_changed and call.code is None:
        case = request(endpoint, call.method, call.id, payload)
        if type_refuses(case) is not None:
            # what fits by its name may still be none of the values that the type takes
            origins = {}
            payload = _filled(dict(call.payload), (), {}, {}, origins, responses)
    return payload, origins


def _filled(
    value: Any,
    path: Path,
    responses: Responses,
    names: Mapping[int, str],
    origins: dict[Path, Origin],
    exact: Responses | None = None,
) -> Any:
    """Replace references; `exact` are the responses for each `Ref`, where they are others."""
    if isinstance(value, Mapping):
        return {
            key: _filled(part, (*path, key), responses, names, origins, exact)
            for key, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [
            _filled(part, (*path, index), responses, names, origins, exact)
            for index, part in enumerate(value)
        ]
    if isinstance(value, Ref):
        origins[path] = (value.call, value.path)
        return _at(value, responses if exact is None else exact)
    if isinstance(value, Like):
        fitting: list[tuple[Origin, Any]] = []
        back = value.back
        if value.step is None:
            fitting = candidates(value.name, value.drawn, responses, names)
        if value.step is not None or (not fitting and value.elsewhere is not None):
            fitting = _of_its_type(value.drawn, responses)
            back = back if value.elsewhere is None else value.elsewhere
        if not fitting:
            return value.drawn
        origin, found = fitting[min(back, len(fitting) - 1)]
        if value.step and type(found) is int:
            return found + value.step
        origins[path] = origin
        return found
    return value


def _found(value: Any, kind: type, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, kind):
        yield path, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _found(part, kind, (*path, key))
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _found(part, kind, (*path, index))


def _at(ref: Ref, responses: Responses) -> Any:
    try:
        value = responses[ref.call]
        for step in ref.path:
            value = value[step]
    except (LookupError, TypeError):
        raise Unresolvable(f"{ref!r} leads nowhere") from None
    return value


def candidates(
    name: str, drawn: Any, responses: Responses, names: Mapping[int, str]
) -> list[tuple[Origin, Any]]:
    """Return the values of responses that fit a field of this name and the type of `drawn`.

    The best fit comes first: the same name, then a name that differs by the thing it belongs to,
    as ``order_id`` and the ``id`` of ``create_order`` do, then the only value of a response. Of
    equal ones the latest comes first.
    """
    ranked = []
    for call, response in reversed(list(responses.items())):
        values = list(_scalars(response, (), _VALUES))
        is_only = len(values) == 1
        for path, value in values:
            rank = _rank(name, path, names.get(call, ""), is_only)
            if rank is not None and _is_like(value, drawn):
                ranked.append((rank, (call, path), value))
    ranked.sort(key=lambda entry: entry[0])
    return [(origin, value) for _, origin, value in ranked]


def _of_its_type(drawn: Any, responses: Responses) -> list[tuple[Origin, Any]]:
    """Return all values of responses that are of the type of `drawn`, the latest first."""
    return [
        ((call, path), value)
        for call, response in reversed(list(responses.items()))
        for path, value in _scalars(response, (), _VALUES)
        if type(value) is type(drawn)
    ]


def _rank(name: str, path: Path, method: str, is_only: bool) -> int | None:
    wanted = words(name)
    keys = [step for step in path if isinstance(step, str)]
    if keys:
        given = words(keys[-1])
        owners = {word for key in (*keys[:-1], method) for word in words(key)}
        if given == wanted:
            return 0
        if given == wanted[-len(given) :] and set(wanted[: -len(given)]) <= owners:
            return 1
        if wanted == given[-len(wanted) :] or given == wanted[-len(given) :]:
            return 2
    return 3 if is_only else None


def _scalars(value: Any, path: Path, left: int) -> Iterator[tuple[Path, Any]]:
    """Yield strings and numbers within a response, with their paths."""
    stack = [(value, path)]
    while stack and left:
        value, path = stack.pop()
        if type(value) in (str, int, float):
            left -= 1
            yield path, value
        elif len(path) < _DEPTH:
            parts: Iterator[tuple[str | int, Any]] = iter(())
            if isinstance(value, dict):
                parts = iter(value.items())
            elif isinstance(value, list):
                parts = iter(enumerate(value[:_VALUES]))
            stack.extend((part, (*path, step)) for step, part in reversed(list(parts)))


def _is_like(value: Any, drawn: Any) -> bool:
    if drawn is None:
        return True
    number = (int, float)
    return type(value) is type(drawn) or (type(value) is int and type(drawn) in number)
