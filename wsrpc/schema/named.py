"""A NamedTuple as a payload: nested it is an array, as a payload an object of its fields."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from typing import Annotated, Any


def named_tuple_of(annotation: Any) -> Any:
    """Return the NamedTuple class that an annotation stands for, or None."""
    cls = _class_of(annotation)
    cls = typing.get_origin(cls) or cls
    if isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return cls
    return None


def from_fields(annotation: Any) -> Any:
    """Return a dataclass with the fields of a NamedTuple, annotated and subscribed like it."""
    alias = _class_of(annotation)
    cls = typing.get_origin(alias) or alias
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = []
    for name in cls._fields:
        field: Any = dataclasses.field()
        if name in cls._field_defaults:
            default = cls._field_defaults[name]
            if type(default).__hash__ is None:  # dataclasses refuse a mutable one
                field = dataclasses.field(default_factory=_returns(default))
            else:
                field = dataclasses.field(default=default)
        fields.append((name, hints.get(name, Any), field))
    parameters = getattr(cls, "__parameters__", ())
    generic: Any = typing.Generic
    made: Any = dataclasses.make_dataclass(
        cls.__name__,
        fields,
        bases=(generic[parameters],) if parameters else (),
        namespace={"__doc__": cls.__doc__, "__module__": cls.__module__},
    )
    if typing.get_args(alias):
        made = made[typing.get_args(alias)]
    metadata = getattr(annotation, "__metadata__", ())
    return Annotated[(made, *metadata)] if metadata else made


def _returns(value: Any) -> Callable[[], Any]:
    return lambda: value


def _class_of(annotation: Any) -> Any:
    return annotation.__origin__ if hasattr(annotation, "__metadata__") else annotation
