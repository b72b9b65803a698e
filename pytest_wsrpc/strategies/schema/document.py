"""A JSON Schema as it is read once: every reference resolved, every place known by its pointer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

import jsonschema_rs
from hypothesis.errors import InvalidArgument

Schema: TypeAlias = dict[str, Any]

ANYTHING: Final[Schema] = {}
"""The schema of all values, wherever one is absent."""

IN_ONE: Final = (
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
)
IN_LIST: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
IN_MAP: Final = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")
UNSUPPORTED: Final = ("$dynamicRef", "$recursiveRef", "$vocabulary")
EXACT: Final = frozenset({"const", "default", "enum", "examples"})
"""Keywords that hold values, which may look like schemas."""


class Contradiction(Exception):
    """No value can satisfy the schema here; the text says why."""


class Unsupported(Exception):
    """The schema says something here that no values can be made for; the text says what."""


class Document:
    """One schema and all that is read of it only once.

    Subschemas are dicts of its own, known by identity: `place` tells where each came from.
    ``True`` is read as ``{}``, ``False`` as ``{"not": {}}``.
    """

    def __init__(
        self, schema: Schema | bool, *, kind: str | None = None, asserts_all: bool = False,
        floats: bool = True,
    ) -> None:  # fmt: skip
        """Read a schema, of values of one `kind` only if given.

        `asserts_all` if something stricter than JSON Schema has the last word on values; `floats`
        if it lets an integer be written as a float.
        """
        if isinstance(schema, bool):
            schema = {} if schema else {"not": {}}
        if not isinstance(schema, dict):
            raise InvalidArgument(f"expected a JSON Schema as a dict, got {schema!r}")
        self.asserts_all = asserts_all
        self.floats = floats
        self.source = schema
        self.definitions: dict[str, Schema] = {}
        self.problems: list[tuple[str, str]] = []
        self._places: dict[int, tuple[Schema, str]] = {}
        self._names: dict[str, str] = {}
        self._validators: dict[int, Callable[[Any], bool]] = {}
        self.made(ANYTHING, "#")
        _refuse_malformed(schema, asserts_all)
        self.root = self._read(schema, "#")
        if kind is not None:
            self.root = self.both(self.made({"type": kind}, "#"), self.root)
        self.recursive = _recursive(self.definitions)

    def place(self, schema: Schema) -> str:
        """Return the pointer of a subschema, such as ``#/properties/price``."""
        return self._places[id(schema)][1]

    def made(self, schema: Schema, place: str) -> Schema:
        """Take in a subschema that was derived from others."""
        self._places[id(schema)] = (schema, place)
        return schema

    def both(self, first: Schema, second: Schema) -> Schema:
        """Return the schema of the values that satisfy two of the document's."""
        if first is second or not second:
            return first
        if not first:
            return second
        return self.made({"allOf": [first, second]}, self.place(first))

    def problem(self, place: str, what: str) -> None:
        """Remember why there are no values at a place, for the error if none remain at all."""
        if (place, what) not in self.problems:
            self.problems.append((place, what))

    def accepts(self, schema: Schema) -> Callable[[Any], bool]:
        """Return the predicate of the values that a subschema accepts, formats asserted."""
        known = self._validators.get(id(schema))
        if known is None:
            whole = {**schema, "$defs": self.definitions} if self.definitions else schema
            known = jsonschema_rs.Draft202012Validator(
                _portable(whole, self.asserts_all), validate_formats=True
            ).is_valid
            self._validators[id(schema)] = known
        return known

    def _read(self, schema: Any, place: str) -> Schema:
        if isinstance(schema, bool):
            return self.made({} if schema else {"not": ANYTHING}, place)
        read: Schema = {}
        self.made(read, place)
        for keyword, value in schema.items():
            at = f"{place}/{escaped(keyword)}"
            if keyword in UNSUPPORTED:
                raise InvalidArgument(f"{at} is not supported")
            if keyword == "$ref":
                read[keyword] = f"#/$defs/{self._resolve(value, at)}"
            elif keyword in IN_ONE:
                read[keyword] = self._read(value, at)
            elif keyword in IN_LIST:
                read[keyword] = [self._read(sub, f"{at}/{i}") for i, sub in enumerate(value)]
            elif keyword in ("$defs", "definitions"):
                continue  # read where a reference leads to them
            elif keyword in IN_MAP:
                read[keyword] = {
                    name: self._read(sub, f"{at}/{escaped(name)}") for name, sub in value.items()
                }
            elif keyword not in ("$id", "$schema", "$anchor"):
                read[keyword] = value
        return read

    def _resolve(self, reference: str, at: str) -> str:
        """Read what a reference leads to, once; return its name among the definitions."""
        if reference in self._names:
            return self._names[reference]
        if reference != "#" and not reference.startswith("#/"):
            raise InvalidArgument(f"{at}: {reference!r} is not a place in this schema")
        target: Any = self.source
        for part in unquote(reference).split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            try:
                target = target[int(name) if isinstance(target, list) else name]
            except (KeyError, IndexError, ValueError, TypeError):
                raise InvalidArgument(f"{at}: {reference!r} leads nowhere") from None
        name = self._names[reference] = str(len(self._names))  # so that a reference back ends here
        self.definitions[name] = self._read(target, reference)
        return name

    def target(self, schema: Schema) -> tuple[str, Schema]:
        """Return the name and the schema that the reference of a subschema leads to."""
        name = _name(schema)
        return name, self.definitions[name]


def escaped(name: str) -> str:
    """Return a name as it stands in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def children(schema: Schema) -> Iterator[Schema]:
    """Yield the direct subschemas of a schema."""
    for keyword, value in schema.items():
        if keyword in IN_ONE:
            yield value
        elif keyword in IN_LIST:
            yield from value
        elif keyword in IN_MAP:
            yield from value.values()


def _recursive(definitions: dict[str, Schema]) -> frozenset[str]:
    """Return the names of the definitions that lead back to themselves."""
    leads = {name: frozenset(_references(schema)) for name, schema in definitions.items()}
    found = set()
    for name in leads:
        seen: set[str] = set()
        todo = [*leads[name]]
        while todo:
            reached = todo.pop()
            if reached not in seen:
                seen.add(reached)
                todo.extend(leads[reached])
        if name in seen:
            found.add(name)
    return frozenset(found)


def _references(schema: Schema) -> Iterator[str]:
    if "$ref" in schema:
        yield _name(schema)
    for child in children(schema):
        yield from _references(child)


def _name(schema: Schema) -> str:
    reference: str = schema["$ref"]
    return reference.removeprefix("#/$defs/")


def _refuse_malformed(schema: Schema, lenient: bool) -> None:
    try:
        jsonschema_rs.meta.validate({"$schema": _DIALECT, **_portable(schema, lenient)})
    except jsonschema_rs.ValidationError as error:
        place = "".join(f"/{escaped(str(part))}" for part in error.instance_path)
        raise InvalidArgument(f"#{place} is no JSON Schema: {_first_line(error)}") from None


_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_END: Final = re.compile(r"\\(Z)|\\.", re.DOTALL)


def _portable(schema: Any, lenient: bool, keyword: str = "") -> Any:
    """Spell Python's regular expressions as a validator of JSON Schema reads them.

    The `lenient` leave out those that it cannot read.
    """
    if isinstance(schema, dict) and keyword not in EXACT:
        inner = "" if keyword in IN_MAP else None
        members = {}
        for name, member in schema.items():
            is_pattern = keyword == "patternProperties" or (name == "pattern" and inner is None)
            text = name if keyword == "patternProperties" else member
            if is_pattern and isinstance(text, str):
                text = _END.sub(lambda match: "$" if match[1] else match[0], text)
                if lenient and not _is_readable(text):
                    continue
            if keyword == "patternProperties":
                members[text] = _portable(member, lenient)
            elif is_pattern:
                members[name] = text
            else:
                members[name] = _portable(member, lenient, name if inner is None else inner)
        return members
    if isinstance(schema, list) and keyword in IN_LIST:
        return [_portable(item, lenient) for item in schema]
    return schema


@lru_cache(maxsize=1024)
def _is_readable(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except jsonschema_rs.ValidationError:
        return False
    return True


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
