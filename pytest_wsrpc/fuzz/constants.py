"""Constant expressions of a source, worked out without running it."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

Scalar: TypeAlias = str | int | float
Scalars: TypeAlias = tuple[Scalar, ...]

_MOST: Final = 64
"""Values of one table that are taken; a longer one is data."""
_LONGEST: Final = 200
"""Characters of a string that is still taken for something to compare with."""
_LARGEST: Final = 2**70
_OPERATORS: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Pow: lambda base, exponent: base**exponent if exponent <= _BITS else None,
    ast.LShift: lambda number, bits: number << bits if bits <= _BITS else None,
}
_BITS: Final = 70


def values_of(node: ast.AST | None, known: Mapping[str, Scalars]) -> Scalars:
    """Return the strings and numbers that an expression stands for, nothing if it is no constant.

    A table stands for its items, a dict for its keys. `known` are the constants by name.
    """
    match node:
        case ast.Constant(value=str() | int() | float() as value):
            return (value,) if _is_scalar(value) else ()
        case ast.Attribute(attr="value" | "name", value=ast.Attribute() as member):
            return values_of(member, known)  # of an enum
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return known.get(name, ())
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return tuple(-n for n in values_of(inner, known) if not isinstance(n, str))
        case ast.BinOp():
            return _folded(node, known)
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return _all(items, known)
        case ast.Dict(keys=keys):
            return _all(keys, known)
        case ast.Call(func=ast.Name(id="frozenset" | "set" | "tuple" | "list"), args=[inner]):
            return values_of(inner, known)
    return ()


def _all(nodes: Iterable[ast.AST | None], known: Mapping[str, Scalars]) -> Scalars:
    return tuple(value for node in nodes for value in values_of(node, known))[:_MOST]


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST
    return type(value) in (int, float) and abs(value) < _LARGEST


def _folded(node: ast.BinOp, known: Mapping[str, Scalars]) -> Scalars:
    function = _OPERATORS.get(type(node.op))
    left, right = values_of(node.left, known), values_of(node.right, known)
    if function is None or len(left) != 1 or len(right) != 1:
        return ()
    try:
        value = function(left[0], right[0])
    except (ArithmeticError, TypeError, ValueError):  # 1 / 0, 1 + "a", 1 << -1
        return ()
    return (value,) if _is_scalar(value) else ()


def constants_of(module: ast.Module, known: dict[str, Scalars]) -> None:
    """Add the constants of a module, of its classes and of ``self``, to those that are known.

    An enum's own name stands for the values of its members.
    """
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=value):
                _add(name, values_of(value, known), known)
            case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), value=value):
                if name.isupper():  # else it is the default of a field
                    _add(name, values_of(value, known), known)
            case ast.ClassDef(name=name, bases=bases) if any(map(_is_enum, bases)):
                members = (part.value for part in node.body if isinstance(part, ast.Assign))
                _add(name, _all(members, known), known)


def _is_enum(base: ast.expr) -> bool:
    name = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
    return name.endswith(("Enum", "Flag"))


def _add(name: str, values: Scalars, known: dict[str, Scalars]) -> None:
    if values:
        known[name] = tuple(dict.fromkeys((*known.get(name, ()), *values)))[:_MOST]
