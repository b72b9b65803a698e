"""Times with an offset from UTC, and without, where a type takes both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec.inspect as mi

LOCAL: Final = {"date-time": "date-time-local", "time": "time-local"}
"""The formats without an offset, which JSON Schema has no name for."""


def takes_both(annotation: Any) -> bool:
    """Tell whether all times of a type may have an offset and may lack it, as is the default.

    A handler that compares or subtracts two of them fails for one of each: Python's documentation
    of `datetime.datetime` calls them aware and naive. What a model of pydantic takes is not known.
    """
    times = [node for node in _nodes(mi.type_info(annotation)) if isinstance(node, _TIMES)]
    return bool(times) and all(node.tz is None for node in times)


_TIMES: Final = (mi.DateTimeType, mi.TimeType)


def _nodes(root: mi.Type) -> Iterator[Any]:
    seen: set[int] = set()
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, (list, tuple)):
            stack.extend(node)
        elif isinstance(node, (mi.Type, mi.Field)) and id(node) not in seen:
            seen.add(id(node))
            yield node
            stack.extend(getattr(node, name) for name in node.__struct_fields__)


def with_both(schema: Any) -> Any:
    """Return a schema where each time may lack its offset."""
    if isinstance(schema, list):
        return [with_both(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    both = {name: with_both(part) for name, part in schema.items()}
    format = schema.get("format")
    if schema.get("type") != "string" or format not in LOCAL:
        return both
    rest = {name: part for name, part in both.items() if name not in ("type", "format")}
    return {
        **rest,
        "anyOf": [{"type": "string", "format": name} for name in (format, LOCAL[format])],
    }
