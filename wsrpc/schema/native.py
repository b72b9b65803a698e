"""Types that msgspec checks."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ..errors import InvalidParams
from ..protocol import encode, holds_bytes, plain
from ._errors import NOT_UNICODE, TOO_DEEP, InvalidResponse, deeper_than
from .collect import Collector
from .document import JsonSchema, json_schema
from .tree import tree_of

_BYTES: Final = (bytes, bytearray, memoryview)
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_DEEP: Final = 100
"""Levels of nesting from which on a recursion that is too deep is the payload's fault."""


class Payload:
    """Validates payloads of one type."""

    def __init__(self, annotation: Any) -> None:
        root = tree_of(annotation)
        self.schema: JsonSchema = json_schema(root)
        self._decode = msgspec.json.Decoder(annotation).decode
        self._collector = Collector(root)

    def validate(self, payload: Any) -> Any:
        """Return the payload as an instance of the type; raise `InvalidParams`."""
        # Not msgspec.convert: it differs from the decoder (the length of a set with duplicates),
        # and is slower for small payloads.
        try:
            return self._decode(encode(payload))
        except msgspec.ValidationError as refusal:
            errors = self._collector.collect(payload, refusal)
        except UnicodeEncodeError:
            errors = {"": NOT_UNICODE}
        except RecursionError:
            if not deeper_than(payload, _DEEP):
                raise
            errors = {"": TOO_DEEP}
        raise InvalidParams(errors)


class Response:
    """Encodes responses of one type."""

    def __init__(self, annotation: Any) -> None:
        self.schema: JsonSchema = json_schema(tree_of(annotation))
        self._decode = msgspec.json.Decoder(annotation).decode

    def encode(self, value: Any) -> bytes:
        """Return the JSON; raise `InvalidResponse`, `TypeError` or `ValueError`."""
        text = encode(value)
        try:
            decoded = self._decode(text)
        except msgspec.ValidationError as refusal:
            raise InvalidResponse(str(refusal)) from refusal
        # msgspec writes bytes as base64 wherever they stand: a text, for the decoder
        if _holds_bytes(value) and count_bytes(value) > count_bytes(decoded):
            raise TypeError("bytes have no JSON form where the type does not say bytes")
        return text


def _holds_bytes(value: Any) -> bool:
    return holds_bytes(msgspec.to_builtins(value, builtin_types=_BYTES, enc_hook=plain))


def count_bytes(value: Any) -> int:
    """Return how many bytes objects a value holds, in fields and keys too."""
    if type(value) in _SCALARS:
        return 0
    count = 0
    todo = [msgspec.to_builtins(value, builtin_types=_BYTES, enc_hook=plain)]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            todo.extend(part for part in item if type(part) not in _SCALARS)
            todo.extend(part for part in item.values() if type(part) not in _SCALARS)
        elif isinstance(item, list | tuple | set | frozenset):
            todo.extend(part for part in item if type(part) not in _SCALARS)
        else:
            count += isinstance(item, _BYTES)
    return count
