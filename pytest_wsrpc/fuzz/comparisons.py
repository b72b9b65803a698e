"""What a function's source compares fields with: literals, lengths, parts of text, names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from .constants import Scalar, Scalars, values_of

Names: TypeAlias = tuple[str, ...]
Use: TypeAlias = Literal["value", "part", "length", "key", "member"]


@dataclass(frozen=True, repr=False)
class Compared:
    """Something that a function compares fields with; it may be a secret, so no repr shows it."""

    value: Scalar
    fields: Names
    """The names that the other side goes by."""
    use: Use = "value"
    """As a value, as a part of text, as the length of a value, as the name of a member of
    anything or of a parameter of the function, such as the payload."""


def comparisons(function: ast.AST, known: Mapping[str, Scalars]) -> Iterator[Compared]:
    """Yield what a function compares fields with; `known` are the constants by name."""
    return _Function(function, known).comparisons()


_PARTS: Final = frozenset(
    f"{side}{name}" for side in ("", "r", "l")
    for name in ("startswith", "endswith", "removeprefix", "removesuffix", "split", "partition",
                 "find", "index", "count", "replace", "strip")
)  # fmt: skip
_LOOKUPS: Final = frozenset({"get", "pop", "setdefault"})


class _Function:
    """One function, and what its local names stand for."""

    def __init__(self, function: ast.AST, known: Mapping[str, Scalars]) -> None:
        self._nodes = list(ast.walk(function))
        self._known = dict(known)
        self._aliases: dict[str, Names] = {}
        self._parameters = {node.arg for node in self._nodes if isinstance(node, ast.arg)}
        for node in self._nodes:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                    | ast.NamedExpr(target=ast.Name(id=name), value=value)
                    | ast.For(target=ast.Name(id=name), iter=value)
                    | ast.AsyncFor(target=ast.Name(id=name), iter=value)
                    | ast.comprehension(target=ast.Name(id=name), iter=value)
                ):
                    self._aliases[name] = self._names(value)
                    self._known[name] = self._values(value)

    def comparisons(self) -> Iterator[Compared]:
        for node in self._nodes:
            match node:
                case ast.Compare():
                    yield from self._comparison(node)
                case ast.Match(subject=subject, cases=cases):
                    for case in cases:
                        yield from self._pattern(case.pattern, self._names(subject))
                case ast.Subscript():
                    yield from self._subscript(node)
                case ast.Call():
                    yield from self._call(node)
                case ast.BinOp(left=left, right=right):
                    for one, other in ((left, right), (right, left)):
                        numbers = [n for n in self._values(other) if not isinstance(n, str)]
                        yield from _each(numbers, self._names(one))

    def _comparison(self, node: ast.Compare) -> Iterator[Compared]:
        sides = [node.left, *node.comparators]
        for left, test, right in zip(sides, node.ops, sides[1:], strict=False):
            is_in = isinstance(test, (ast.In, ast.NotIn))
            for one, other in ((left, right), (right, left)):
                values, names = self._values(other), self._names(one)
                if _is_length(one):
                    yield from _each(values, names, "length")
                elif is_in and other is left:  # "@" in payload.email
                    yield from _each(values, names, "part")
                else:
                    yield from _each(values, names)

    def _pattern(self, pattern: ast.pattern, names: Names) -> Iterator[Compared]:
        match pattern:
            case ast.MatchValue(value=value):
                yield from _each(self._values(value), names)
            case ast.MatchMapping(keys=keys, patterns=members):
                for key, member in zip(keys, members, strict=True):
                    given = self._values(key)
                    yield from _each(given, (), self._key_of(names))
                    yield from self._pattern(member, tuple(map(str, given)))
            case ast.MatchClass(patterns=members, kwd_attrs=attributes, kwd_patterns=named):
                for member in members:
                    yield from self._pattern(member, names)
                for name, member in zip(attributes, named, strict=True):
                    yield from self._pattern(member, (name,))
            case ast.MatchSequence(patterns=members):
                yield from _each((len(members),), names, "length")
                for member in members:
                    yield from self._pattern(member, names)
            case ast.MatchOr(patterns=members):
                for member in members:
                    yield from self._pattern(member, names)
            case ast.MatchAs(pattern=ast.pattern() as member):
                yield from self._pattern(member, names)

    def _subscript(self, node: ast.Subscript) -> Iterator[Compared]:
        index = node.slice
        table, names = self._values(node.value), self._names(node.value)
        yield from _each(table, self._names(index))
        for bound in (index.lower, index.upper) if isinstance(index, ast.Slice) else (index,):
            for value in self._values(bound):
                if isinstance(value, str):
                    yield from _each((value,), (), self._key_of(names))
                else:
                    yield from _each((value,), names, "length")

    def _call(self, node: ast.Call) -> Iterator[Compared]:
        match node:
            case ast.Call(func=ast.Attribute(attr=attribute, value=owner), args=[first, *_]):
                if attribute in _PARTS:
                    yield from _each(self._values(first), self._names(owner), "part")
                elif attribute in _LOOKUPS:
                    yield from _each(self._values(owner), self._names(first))
                    yield from _each(self._values(first), (), self._key_of(self._names(owner)))
            case ast.Call(func=ast.Name(id="min" | "max"), args=arguments):
                for argument in arguments:
                    yield from _each(self._values(argument), self._all_names(arguments))
            case ast.Call(func=ast.Name() as enum, args=arguments):
                yield from _each(self._values(enum), self._all_names(arguments))

    def _key_of(self, names: Names) -> Use:
        return "key" if self._parameters.isdisjoint(names) else "member"

    def _names(self, node: ast.expr | None) -> Names:
        """Return the names of the fields that an expression may be made of."""
        match node:
            case ast.Name(id=name):
                return (*self._aliases.get(name, ()), name)
            case ast.Attribute(attr="value" | "name" as name, value=ast.Attribute() as member):
                return (name, *self._names(member))  # of an enum
            case ast.NamedExpr(target=target, value=value):
                return (*self._names(value), target.id)
            case ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
                return (name,)
            case ast.Call(
                func=ast.Attribute(attr=lookup), args=[ast.Constant(value=str(name)), *_]
            ) if lookup in _LOOKUPS:
                return (name,)
            case ast.Call(func=ast.Attribute(value=owner), args=arguments):
                return self._all_names([owner, *arguments])
            case ast.Call(args=items) | ast.Tuple(elts=items) | ast.List(elts=items):
                return self._all_names(items)
            case ast.BinOp(left=left, right=right):
                return self._all_names([left, right])
            case ast.Subscript(value=inner) | ast.Await(value=inner) | ast.UnaryOp(operand=inner):
                return self._names(inner)
        return ()

    def _all_names(self, nodes: Iterable[ast.expr]) -> Names:
        return tuple(dict.fromkeys(name for node in nodes for name in self._names(node)))

    def _values(self, node: ast.AST | None) -> Scalars:
        return values_of(node, self._known)


def _is_length(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"


def _each(values: Iterable[Scalar], names: Names, use: Use = "value") -> Iterator[Compared]:
    for value in values:
        if use != "length" or type(value) is int:
            yield Compared(value, names, use)
