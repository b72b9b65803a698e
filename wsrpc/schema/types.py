"""`PayloadType` and `ResponseType`."""

from __future__ import annotations

import copy
from typing import Any, Final, Protocol

from . import native
from ._errors import InvalidResponse
from .document import JsonSchema
from .named import from_fields, named_tuple_of
from .parts import is_pydantic
from .tree import describe

_CLASSES: Final = "a dataclass, TypedDict, msgspec.Struct, attrs class, NamedTuple, pydantic model"


class _Payload(Protocol):
    schema: JsonSchema

    def validate(self, payload: Any) -> Any: ...


class _Response(Protocol):
    schema: JsonSchema

    def encode(self, value: Any) -> bytes: ...


class PayloadType:
    """What the payload of a method has to be.

    `where` names the place of the annotation in the `TypeError` that refuses one that msgspec (or
    pydantic, for its models) does not know, or that no JSON object can satisfy. A name that is not
    defined yet is a `NameError`.
    """

    annotation: Any

    def __init__(self, annotation: Any, where: str) -> None:
        self.annotation = annotation
        self._tuple = named_tuple_of(annotation)
        try:
            by_name = annotation if self._tuple is None else from_fields(annotation)
            self._type = _payload(by_name)
        except (NameError, MemoryError):
            raise
        except Exception as reason:  # whatever msgspec, pydantic or evaluating annotations raises
            text = f"{_first_line(reason)}; write {_CLASSES} or dict"
            raise _unusable(annotation, where, "payload", text) from reason
        if not _can_be_object(self._type.schema, self._type.schema.get("$defs", {}), frozenset()):
            raise _unusable(
                annotation,
                where,
                "payload",
                "a payload is always a JSON object, which this type refuses; "
                f"write {_CLASSES} or dict with a field for it",
            )

    def __repr__(self) -> str:
        return f"PayloadType({describe(self.annotation)})"

    def validate(self, payload: Any) -> Any:
        """Return an instance of the type for a payload as decoded from JSON.

        Raises `InvalidParams` with every field that is wrong, nested like the payload, and nothing
        else, whatever the JSON value; but what a ``__post_init__`` or a validator raises other
        than `ValueError` and `TypeError` is a defect of the application and goes through.
        """
        instance = self._type.validate(payload)
        if self._tuple is None:
            return instance
        return self._tuple._make(getattr(instance, field) for field in self._tuple._fields)

    def json_schema(self) -> JsonSchema:
        """Return the JSON Schema (draft 2020-12, self-contained) of what `validate` accepts."""
        return copy.deepcopy(self._type.schema)


class ResponseType:
    """What the response of a method has to be; `where` as for `PayloadType`."""

    annotation: Any

    def __init__(self, annotation: Any, where: str) -> None:
        self.annotation = annotation
        self._where = where
        try:
            self._type = _response(annotation)
        except (NameError, MemoryError):
            raise
        except Exception as reason:  # whatever msgspec, pydantic or evaluating annotations raises
            text = f"{_first_line(reason)}; write {_CLASSES}, dict, list or scalar"
            raise _unusable(annotation, where, "response", text) from reason

    def __repr__(self) -> str:
        return f"ResponseType({describe(self.annotation)})"

    def encode(self, value: Any) -> bytes:
        """Return the JSON of an instance of the type, or of plain data of the same shape.

        What goes out is checked against the type: `InvalidResponse` is raised for a float that is
        NaN, as JSON has null for it. What has no JSON form raises `TypeError` or `ValueError`:
        objects of other classes, bytes where the type has none, lone surrogates, a value that
        contains itself.
        """
        try:
            return self._type.encode(value)
        except InvalidResponse as error:
            raise InvalidResponse(f"{self._where}: {error}") from error.__cause__
        except RecursionError:
            text = f"{self._where}: the value contains itself, or is nested too deeply"
            raise ValueError(text) from None

    def json_schema(self) -> JsonSchema:
        """Return the JSON Schema (draft 2020-12, self-contained) of what `encode` lets out."""
        return copy.deepcopy(self._type.schema)


def _payload(annotation: Any) -> _Payload:
    if is_pydantic(annotation):
        from . import models

        return models.Payload(annotation)
    return native.Payload(annotation)


def _response(annotation: Any) -> _Response:
    if is_pydantic(annotation):
        from . import models

        return models.Response(annotation)
    return native.Response(annotation)


def _unusable(annotation: Any, where: str, role: str, reason: str) -> TypeError:
    return TypeError(f"{where}: {describe(annotation)} cannot be the type of a {role}: {reason}")


def _first_line(reason: Exception) -> str:
    return (str(reason) or type(reason).__name__).splitlines()[0].rstrip(".")


def _can_be_object(schema: Any, definitions: dict[str, Any], seen: frozenset[str]) -> bool:
    """Tell whether an object can satisfy a schema, from its types, enums and branches."""
    if not isinstance(schema, dict):
        return schema is not False  # True, or a reference to another document
    answers = []
    if "type" in schema:
        types = schema["type"]
        answers.append("object" in types if isinstance(types, list) else types == "object")
    if "enum" in schema:
        answers.append(any(isinstance(value, dict) for value in schema["enum"]))
    if "const" in schema:
        answers.append(isinstance(schema["const"], dict))
    for keyword, decide in (("anyOf", any), ("oneOf", any), ("allOf", all)):
        if keyword in schema:
            branches = schema[keyword]
            answers.append(decide(_can_be_object(b, definitions, seen) for b in branches))
    reference = schema.get("$ref")
    if reference is not None and reference not in seen:
        target = definitions.get(reference.removeprefix("#/$defs/"))
        answers.append(_can_be_object(target, definitions, seen | {reference}))
    return all(answers)
