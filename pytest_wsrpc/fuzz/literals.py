"""Literals of an application's own code that are worth trying as input.

What a handler, and what it calls, compares with fields of the payload. They may be secrets, so
nothing shows them but a case that fails with one.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType
from typing import Any, Final, TypeAlias

from pytest_wsrpc.strategies.schema.hints import Hints, key
from wsrpc.path import WsPathMixin
from wsrpc.rpc import PREFIX, RpcMethod

from ..traces import is_application
from .comparisons import Compared, comparisons
from .constants import Scalar, Scalars, constants_of

_Values: TypeAlias = dict[tuple[type, Scalar], Any]

MOST: Final = 64
"""Literals offered to one field, and lengths, and names."""
MOST_MEMBERS: Final = 12
"""Names of members of a payload whose type does not tell them."""
MOST_FUNCTIONS: Final = 200
MOST_MODULES: Final = 40
_LONGEST: Final = 10_000
"""A length of more is none that a payload is to have."""


def literals_of(view: type[WsPathMixin], method: RpcMethod) -> Hints:
    """Return what the code of a method compares payloads with, by the names of the fields.

    That code is the method, the type of its payload, and the functions of the application's own
    modules that they call, as far as the names in the source tell. It is read, not run. Numbers
    come with their neighbours, strings with near misses, separators in text that has them.
    """
    hashable: Any = view  # a type checker doubts it
    return _literals(hashable, method)


@lru_cache(maxsize=256)
def _literals(view: Any, method: RpcMethod) -> Hints:
    sources = _sources(view)
    found = _Found(longest=view.limits.message_size)
    for function in _reached(sources, view, method):
        for compared in comparisons(function, sources.constants):
            found.add(compared)
    return found.hints()


@dataclass
class _Sources:
    """The application's own code."""

    functions: dict[str, list[tuple[str, ast.AST]]] = field(default_factory=dict)
    """By name, each with the name of the class that it is in."""
    constants: dict[str, Scalars] = field(default_factory=dict)

    def add(self, body: list[ast.stmt], owner: str) -> None:
        """Add the functions of a module, or of the class that owns them."""
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.functions.setdefault(node.name, []).append((owner, node))
            elif isinstance(node, ast.ClassDef):
                self.add(node.body, node.name)

    def of_class(self, name: str, functions: Iterable[str] = ()) -> Iterator[ast.AST]:
        """Yield the functions of a class, of these names only if any are given."""
        for function in functions or self.functions:
            for owner, node in self.functions.get(function, ()):
                if owner == name:
                    yield node


@lru_cache(maxsize=64)
def _sources(view: Any) -> _Sources:
    sources, trees = _Sources(), list[ast.Module]()
    for module in _own_modules(view):
        try:
            trees.append(ast.parse(inspect.getsource(module)))
        except (OSError, SyntaxError, ValueError):
            continue  # no source, or not one that this Python reads
    for tree in (*trees, *trees):  # twice, as one may refer to another that follows
        constants_of(tree, sources.constants)
    for tree in trees:
        sources.add(tree.body, "")
    return sources


def _own_modules(view: type) -> list[ModuleType]:
    """Return the modules of the view and its bases, and those that they refer to."""
    package = view.__module__.partition(".")[0]
    found = dict.fromkeys(
        cls.__module__ for cls in view.__mro__ if _is_own(cls.__module__, package)
    )
    for name in (todo := [*found]):
        for value in list(vars(sys.modules[name]).values()):
            other = _module_of(value)
            if other not in found and _is_own(other, package) and len(found) < MOST_MODULES:
                found[other] = None
                todo.append(other)
    return [sys.modules[name] for name in found]


def _module_of(value: Any) -> str:
    if isinstance(value, ModuleType):
        return value.__name__
    name = getattr(value, "__module__", None)
    return name if isinstance(name, str) else ""


def _is_own(name: str, package: str) -> bool:
    """Tell the application's modules from those of libraries."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if not isinstance(file, str):
        return False
    return name.partition(".")[0] == package or (
        is_application(file) and "site-packages" not in file and "dist-packages" not in file
    )


_CONSTRUCTORS: Final = ("__init__", "__post_init__")


def _reached(sources: _Sources, view: type, method: RpcMethod) -> list[ast.AST]:
    """Return the method's own function, and those that may be called from there, closest first."""
    found: dict[ast.AST, None] = {}
    for cls in view.__mro__:
        found |= dict.fromkeys(sources.of_class(cls.__name__, [PREFIX + method.name]))
    annotation = getattr(method.payload, "annotation", None)
    found |= dict.fromkeys(sources.of_class(getattr(annotation, "__name__", "")))
    for function in (todo := [*found]):
        for node in ast.walk(function):
            name = getattr(node, "id", None) or getattr(node, "attr", None)
            if not isinstance(name, str):
                continue
            called = [node for _, node in sources.functions.get(name, ())]
            for other in (*called, *sources.of_class(name, _CONSTRUCTORS)):
                if other not in found and len(found) < MOST_FUNCTIONS:
                    found[other] = None
                    todo.append(other)
    return todo


@dataclass
class _Found:
    """What was found so far, by the names of fields."""

    longest: int
    fields: dict[str, tuple[_Values, _Values]] = field(default_factory=dict)
    """For each the literals themselves, and what is near them."""
    anywhere: _Values = field(default_factory=dict)
    lengths: dict[str, _Values] = field(default_factory=dict)
    keys: _Values = field(default_factory=dict)
    members: _Values = field(default_factory=dict)

    def add(self, compared: Compared) -> None:
        value = compared.value
        if compared.use in ("key", "member"):
            _put(self.keys, [str(value)])
            if compared.use == "member":
                _put(self.members, [str(value)])
        elif compared.use == "length":
            assert isinstance(value, int)
            near: list[Scalar] = [n for n in (value - 1, value, value + 1) if 0 <= n <= _LONGEST]
            for name in compared.fields:
                _put(self.lengths.setdefault(key(name), {}), near)
        else:
            itself, near = _forms(value, compared.use == "part")
            for name in compared.fields:
                own = self.fields.setdefault(key(name), ({}, {}))
                _put(own[0], itself)
                _put(own[1], near)
            if value not in _COMMON:
                _put(self.anywhere, itself if isinstance(value, str) else (*itself, *near))

    def hints(self) -> Hints:
        fields = {name: _first(itself) for name, (itself, _) in self.fields.items()}
        near = {name: _first(near) for name, (_, near) in self.fields.items()}
        lengths = {name: _first(values) for name, values in self.lengths.items()}
        return Hints(
            fields,
            near,
            _first(self.anywhere),
            lengths,
            _first(self.keys),
            _first(self.members)[:MOST_MEMBERS],
            self.longest,
        )


_COMMON: Final = ("", -1, 0, 1, 2)
"""What comes up anyway."""


def _put(into: _Values, values: Iterable[Scalar]) -> None:
    for value in values:
        into.setdefault((type(value), value), value)


def _first(values: _Values) -> tuple[Any, ...]:
    return tuple(values.values())[:MOST]


def _forms(value: Scalar, is_part: bool) -> tuple[list[Scalar], list[Scalar]]:
    """Return what stands for a literal, and what is next to it."""
    if not isinstance(value, str):
        return [value], [value + 1, value - 1]
    if is_part:
        whole: list[Scalar] = [f"{value}a", f"a{value}b"]
        return whole, [value, f"a{value}", f"a{value}b{value}c", value * 2, f"1{value}2"]
    return [value], [value.swapcase(), f"{value}x", f" {value}", value[:-1]]
