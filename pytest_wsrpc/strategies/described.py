"""Types of payloads and responses of which nothing is known but a JSON Schema."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs

from wsrpc.errors import InvalidParams
from wsrpc.schema import PayloadType, ResponseType
from wsrpc.schema.document import FLOAT_KEY, INT_KEY, JsonSchema

from .schema.document import EXACT, IN_MAP

_REFUSED: Final = "refused"
_END: Final = re.compile(r"(\\.)|\$", re.DOTALL)
_KEYS: Final = (INT_KEY, FLOAT_KEY)
"""What wsrpc writes of keys that are numbers, which may be longer in truth."""


class _Described:
    def __init__(self, schema: JsonSchema, name: str) -> None:
        self.annotation: Any = name
        self._schema = schema
        _validator(schema)

    def json_schema(self) -> JsonSchema:
        """Return the schema."""
        return copy.deepcopy(self._schema)


class DescribedPayload(_Described, PayloadType):
    """The type of a payload that a JSON Schema (draft 2020-12, self-contained) describes.

    It refuses what whoever goes by the schema refuses. So formats are no constraints, as JSON
    Schema has them: a text that is no date passes for one. Lists with repeats pass for sets, and a
    line break passes at the end of a pattern, as in Python. Raises `ValueError` for a schema that
    is none.
    """

    def __init__(self, schema: JsonSchema, name: str) -> None:
        super().__init__(schema, name)
        self._validator = _validator(_lenient(schema))

    def validate(self, payload: Any) -> Any:
        """Return the payload; raise `InvalidParams` with all that the schema refuses about it."""
        errors: dict[str, Any] = {}
        for path in _wrong(self._validator, payload):
            _put(errors, path)
        if errors:
            raise InvalidParams(errors)
        return payload


class DescribedResponse(_Described, ResponseType):
    """The type of a response that a JSON Schema (draft 2020-12, self-contained) describes.

    Raises `ValueError` for a schema that is none.
    """


def _lenient(schema: Any) -> Any:
    """Return a schema without what servers read in different ways."""
    if isinstance(schema, list):
        return [_lenient(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {}
    for keyword, value in schema.items():
        if keyword in EXACT:
            made[keyword] = value
        elif keyword in IN_MAP and isinstance(value, dict):
            made[keyword] = {name: _lenient(part) for name, part in value.items()}
        elif keyword == "pattern":
            if value not in _KEYS:
                made[keyword] = _END.sub(lambda found: found[1] or r"\n?$", value)
        elif keyword != "uniqueItems":
            made[keyword] = _lenient(value)
    return made


def _validator(schema: JsonSchema) -> jsonschema_rs.Draft202012Validator:
    try:
        return jsonschema_rs.Draft202012Validator(schema, validate_formats=False)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        raise ValueError(str(error).splitlines()[0]) from None


def _wrong(
    validator: jsonschema_rs.Draft202012Validator, payload: Any
) -> Iterator[tuple[str, ...]]:
    """Yield where a payload is wrong, in names and decimal indexes."""
    for error in validator.iter_errors(payload):
        path = tuple(map(str, error.instance_path))
        kind: Any = error.kind
        if kind.name == "required":
            yield (*path, kind.property)
        elif kind.name in ("additionalProperties", "unevaluatedProperties"):
            yield from ((*path, name) for name in kind.unexpected)
        else:
            yield path


def _put(errors: dict[str, Any], path: tuple[str, ...]) -> None:
    """Note that something is wrong at a place; what is wrong about a part stays noted, too."""
    *outer, last = path or ("",)
    here = errors
    for name in outer:
        inner = here.setdefault(name, {})
        if not isinstance(inner, dict):
            inner = here[name] = {"": inner}
        here = inner
    known = here.setdefault(last, _REFUSED)
    if isinstance(known, dict):
        known[""] = _REFUSED
