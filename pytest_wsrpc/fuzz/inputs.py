"""Payloads with the user's own strategies for their fields in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from hypothesis import strategies as st

from wsrpc.errors import InvalidParams
from wsrpc.protocol import decode
from wsrpc.rpc import RpcMethod

from .endpoints import Endpoint
from .rules import HookError, Rules

_HOOK = "pytest_wsrpc_strategy"
_DEPTH = 5
"""Objects within objects deeper than this have no name that a hook is asked with."""

Path = tuple[str, ...]
Payloads = st.SearchStrategy[dict[str, Any]]


def payloads(endpoint: Endpoint, method: RpcMethod, base: Payloads) -> Payloads:
    """Return payloads for a method as the user's hooks have them, `base` where none has a say."""
    rules = endpoint.rules
    if rules is None:
        return base
    whole = rules.strategy(endpoint.path, method.name, None)
    if whole is not None:
        return whole.map(lambda value: _accepted(rules, method, value, "the payload"))
    fields: dict[Path, st.SearchStrategy[Any]] = {}
    for path in paths_of(method):
        strategy = rules.strategy(endpoint.path, method.name, ".".join(path))
        if strategy is not None:
            fields[path] = strategy
    if not fields:
        return base
    told = "the payload with " + ", ".join(".".join(path) for path in fields)
    return _filled_in(base, fields).map(lambda value: _accepted(rules, method, value, told))


@st.composite
def _filled_in(
    draw: st.DrawFn, base: Payloads, fields: Mapping[Path, st.SearchStrategy[Any]]
) -> dict[str, Any]:
    payload: Any = draw(base)
    for path, strategy in fields.items():
        payload = _with(payload, path, partial(draw, strategy))
    filled: dict[str, Any] = payload
    return filled


def _with(value: Any, path: Path, make: Callable[[], Any]) -> Any:
    """Return a value with others at the path, in each item of the lists on the way."""
    if isinstance(value, list):
        return [_with(item, path, make) for item in value]
    if not isinstance(value, dict) or path[0] not in value:
        return value
    name, rest = path[0], path[1:]
    return {**value, name: _with(value[name], rest, make) if rest else make()}


def _accepted(rules: Rules, method: RpcMethod, value: Any, told: str) -> dict[str, Any]:
    """Return the payload as JSON has it; raise `HookError` for one that is not of its type."""
    try:
        payload = decode(msgspec.json.encode(value))
        if not isinstance(payload, dict):
            raise TypeError("a payload is an object")
        if method.payload is not None:
            method.payload.validate(payload)
    except InvalidParams as refusal:
        why = f"which its type refuses: {refusal.errors}"
    except (TypeError, ValueError) as error:
        why = f"which is no payload: {error}"
    else:
        return payload
    raise HookError(f"{rules.places(_HOOK)}: for {method.name}, {told} was {value!r:.200}, {why}")


def paths_of(method: RpcMethod) -> list[Path]:
    """Return the names of the fields of a method's payload, those of objects within it too."""
    if method.payload is None:
        return []
    schema = method.payload.json_schema()
    return list(dict.fromkeys(_paths(schema, schema, ())))


def free_paths(endpoint: Endpoint, method: RpcMethod, members: Sequence[str]) -> list[Path]:
    """Return the names of the fields that no hook of the user has a strategy for.

    Where no type tells the fields, they are these `members`.
    """
    paths = paths_of(method) or [(name,) for name in members]
    rules = endpoint.rules
    if rules is None:
        return paths
    strategy = partial(rules.strategy, endpoint.path, method.name)
    if strategy(None) is not None:
        return []
    return [path for path in paths if strategy(".".join(path)) is None]


def _paths(schema: Any, root: Mapping[str, Any], path: Path) -> Iterator[Path]:
    if not isinstance(schema, dict) or len(path) >= _DEPTH:
        return
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        yield from _paths(root.get("$defs", {}).get(reference[len("#/$defs/") :]), root, path)
    for name, member in schema.get("properties", {}).items():
        yield (*path, name)
        yield from _paths(member, root, (*path, name))
    for part in (schema.get("items"), *schema.get("prefixItems", ())):
        yield from _paths(part, root, path)
    for keyword in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(keyword, ()):
            yield from _paths(part, root, path)
