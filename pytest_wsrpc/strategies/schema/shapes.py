"""Values of another shape: longer or shorter, with the same item twice, nested more deeply."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]


def nesting(value: Any) -> int:
    """Return how many lists and objects are inside of each other."""
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(nesting, value), default=0) if isinstance(value, list) else 0


def of_length(value: Any, length: int) -> Any:
    """Return text, a list or an object of a length, as far as what it holds can be repeated."""
    if isinstance(value, str):
        return value[:length] + (value[-1:] or "a") * (length - len(value))
    if isinstance(value, list):
        return repeated(value, length)[:length]
    if isinstance(value, dict):
        return dict(list(value.items())[:length])
    return value


def repeated(items: list[Any], length: int) -> list[Any]:
    """Return the items over and over until there are that many, if they are fewer."""
    if not items or length <= len(items):
        return items
    whole = items * (length // len(items)) + items[: length % len(items)]
    return [copy.deepcopy(item) for item in whole]


def twice(items: list[Any]) -> list[Any]:
    """Return the items with the first one again at the end."""
    return [*items, copy.deepcopy(items[0])] if items else items


def alike(items: list[Any]) -> list[Any]:
    """Return the items with the first member of the first one in all that are made like it.

    Where they have no members, all become the first one.
    """
    first = items[0] if items else None
    if not isinstance(first, dict) or not first:
        return [copy.deepcopy(first) for _ in items]
    name = next(iter(first))
    return [
        {**item, name: copy.deepcopy(first[name])}
        if isinstance(item, dict) and item.keys() == first.keys()
        else item
        for item in items
    ]


def backwards(items: list[Any]) -> list[Any]:
    """Return the items from the last to the first, in descending order where they have one."""
    try:
        return sorted(items, reverse=True)
    except TypeError:
        return items[::-1]


_TRIES: Final = 16
_LARGEST: Final = 10_000
"""Characters of JSON that a value may have grown to."""


def deeper(value: Any, levels: int, accepts: Callable[[Any], bool]) -> Any:
    """Return a value that holds itself in place of a part, over and over, if that is accepted."""
    most = _LARGEST // len(json.dumps(value))
    for path in list(_parts(value))[:_TRIES]:
        times = min(levels // len(path), most)
        if times and accepts(_replaced(value, path, value)):
            nested = value
            for _ in range(times):
                nested = _replaced(value, path, nested)
            if accepts(nested):
                return nested
    return value


def _parts(value: Any) -> Iterator[Path]:
    """Yield the paths to the objects and lists inside, and into empty lists, closest first."""
    todo: list[tuple[Path, Any]] = [((), value)] if isinstance(value, (dict, list)) else []
    for path, part in todo:
        members = part.items() if isinstance(part, dict) else enumerate(part)
        if part == []:
            yield (*path, 0)
        for name, member in members:
            if isinstance(member, (dict, list)):
                todo.append(((*path, name), member))
                yield (*path, name)


def _replaced(value: Any, path: Path, part: Any) -> Any:
    if not path:
        return copy.deepcopy(part)
    name, *rest = path
    changed = dict(value) if isinstance(value, dict) else list(value or [None])
    changed[name] = _replaced(changed[name], tuple(rest), part)  # type: ignore[index]
    return changed
