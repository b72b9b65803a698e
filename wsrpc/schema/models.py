"""Types that pydantic checks: its models, and what contains them.

Imported only where the application has imported pydantic itself.
"""

from __future__ import annotations

from typing import Any, Final

import jsonschema_rs
import msgspec
import pydantic
from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaMode,
    JsonSchemaValue,
    JsonSchemaWarningKind,
)
from pydantic_core import PydanticSerializationError, core_schema

from ..errors import InvalidParams
from ._errors import NOT_UNICODE, TOO_DEEP, InvalidResponse
from .document import FLOAT_KEY, INT_KEY, JsonSchema
from .model_errors import errors_of, first_of

_encode = msgspec.json.Encoder().encode
_KEYS: Final = {"integer": INT_KEY, "number": FLOAT_KEY}


class Payload:
    """Validates payloads of one type."""

    def __init__(self, annotation: Any) -> None:
        self._adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(annotation)
        self.schema = _schema(self._adapter, "validation")

    def validate(self, payload: Any) -> Any:
        """Return the payload as an instance of the type; raise `InvalidParams`."""
        # As JSON, not as Python objects: a strict model takes a time from a string only there.
        try:
            text = _encode(payload)
        except UnicodeEncodeError:
            raise InvalidParams({"": NOT_UNICODE}) from None
        except RecursionError:
            raise InvalidParams({"": TOO_DEEP}) from None
        try:
            return self._adapter.validate_json(text)
        except pydantic.ValidationError as refusal:
            errors = errors_of(refusal, payload)
        raise InvalidParams(errors)


class Response:
    """Encodes responses of one type."""

    def __init__(self, annotation: Any) -> None:
        self._adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(annotation)
        self.schema = _schema(self._adapter, "serialization")
        self._check = jsonschema_rs.Draft202012Validator(self.schema)

    def encode(self, value: Any) -> bytes:
        """Return the JSON; raise `InvalidResponse`, `TypeError` or `ValueError`."""
        try:
            text = self._adapter.dump_json(self._instance(value), by_alias=True, warnings="error")
        except pydantic.ValidationError as refusal:
            raise InvalidResponse(first_of(refusal)) from refusal
        except PydanticSerializationError as refusal:
            raise InvalidResponse(" ".join(str(refusal).split())) from refusal
        # The schema, as what a model serializes need not be what it validates (aliases, computed
        # fields, serializers), and as pydantic writes NaN as null without a warning.
        try:
            self._check.validate(msgspec.json.decode(text))
        except msgspec.DecodeError as refusal:
            raise InvalidResponse(str(refusal)) from refusal
        except jsonschema_rs.ValidationError as refusal:
            path = "".join(f"[{step!r}]" for step in refusal.instance_path)
            raise InvalidResponse(f"{refusal.message} - at ${path}") from refusal
        return text

    def _instance(self, value: Any) -> Any:
        """Return an instance as it is, and make one of plain data: Python's or JSON's."""
        try:
            return self._adapter.validate_python(value)
        except pydantic.ValidationError as refusal:
            try:
                text = _encode(value)
            except TypeError:
                raise refusal from None
            return self._adapter.validate_json(text)


class _Generator(GenerateJsonSchema):
    """Says what pydantic's own generator leaves out, so that values can be made from a schema."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {
        "skipped-choice",
        "non-serializable-default",
    }

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        generated = super().decimal_schema(schema)
        for option in generated.get("anyOf", [generated]):
            if option.get("type") == "string":
                option.setdefault("format", "decimal")
        return generated

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        generated = super().datetime_schema(schema)
        return {**generated, "format": "date-time-local"} if _is_naive(schema) else generated

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        generated = super().dict_schema(schema)
        keys = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else {}
        if keys.get("type") in _KEYS:
            generated["propertyNames"] = {"pattern": _KEYS[keys["type"]]}
        return generated

    def encode_default(self, dft: Any) -> Any:
        encoded = super().encode_default(dft)
        # A set that pydantic leaves as it is would be in the order of its hashes: it sorts what can
        # be compared, and before 2.13 nothing.
        return sorted(encoded, key=_encode) if isinstance(dft, set | frozenset) else encoded


def _is_naive(schema: core_schema.DatetimeSchema) -> bool:
    return schema.get("tz_constraint") == "naive"


def _schema(adapter: pydantic.TypeAdapter[Any], mode: JsonSchemaMode) -> JsonSchema:
    try:
        return adapter.json_schema(mode=mode, schema_generator=_Generator)
    except pydantic.PydanticUserError as error:
        if error.code == "class-not-fully-defined":
            raise NameError(error.message) from error
        raise
