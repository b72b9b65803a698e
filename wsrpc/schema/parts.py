"""The parts of an annotation, to find out who has to check it."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import typing
from collections.abc import Iterator
from typing import Any, Final

import msgspec

_PYDANTIC: Final = (
    "__get_pydantic_core_schema__",
    "__pydantic_core_schema__",
    "__pydantic_validator__",
)


def is_pydantic(annotation: Any) -> bool:
    """Tell whether pydantic has to check the annotation, because a part of it is pydantic's.

    Raises `TypeError` for constraints that would go unchecked: msgspec's where pydantic checks,
    and pydantic's where msgspec does. Never imports pydantic: who has a model has imported it.
    """
    parts = list(_parts(annotation))
    if "pydantic" in sys.modules and any(map(_is_pydantic, parts)):
        if any(isinstance(part, msgspec.Meta) for part in parts):
            raise TypeError(
                "msgspec.Meta is not checked in a type that contains a pydantic model; "
                "write pydantic.Field(...) instead"
            )
        return True
    for part in parts:
        if _module(type(part)) == "annotated_types":
            raise TypeError(f"only pydantic checks {part!r}; write msgspec.Meta(...) instead")
    return False


def _is_pydantic(part: Any) -> bool:
    cls = part if isinstance(part, type) else type(part)  # Field(...)
    return _module(cls) in ("pydantic", "pydantic_core") or (
        cls is part and any(hasattr(part, name) for name in _PYDANTIC)
    )


def _module(cls: type) -> str:
    return cls.__module__.partition(".")[0]


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield what an annotation is made of: arguments, metadata, fields of classes."""
    seen: dict[int, Any] = {}
    classes: set[type] = set()
    todo = [annotation]
    while todo:
        part = todo.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part
        yield part
        cls = typing.get_origin(part) or part
        todo += typing.get_args(part)
        todo += (
            getattr(part, name) for name in ("__value__", "__supertype__") if hasattr(part, name)
        )
        if isinstance(cls, type) and cls not in classes and _has_fields(cls):
            classes.add(cls)
            with contextlib.suppress(NameError):  # told by whoever checks the type
                todo += typing.get_type_hints(cls, include_extras=True).values()


def _has_fields(cls: type) -> bool:
    return not _is_pydantic(cls) and (
        dataclasses.is_dataclass(cls)
        or (issubclass(cls, dict) and hasattr(cls, "__total__"))  # typing_extensions' too
        or hasattr(cls, "__attrs_attrs__")
        or issubclass(cls, msgspec.Struct)
        or (issubclass(cls, tuple) and hasattr(cls, "_fields"))
    )
