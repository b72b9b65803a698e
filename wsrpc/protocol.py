"""The wire format, without any input or output: messages from bytes, bytes from answers.

Requests and replies follow the shape and the codes of JSON-RPC 2.0 (sections 4 and 5), with
``method``, ``payload`` and ``response`` as member names.
"""

from __future__ import annotations

import gc
import json
import math
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final

import msgspec

from .errors import (
    InvalidParams,
    InvalidRequest,
    ParseError,
    RpcError,
)

MessageId = str | int


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """A call as it came."""

    id: MessageId
    method: str
    payload: dict[str, Any] = {}


class Rejected(Exception):
    """A message that is no request: the error to answer, with what could be read of it."""

    def __init__(
        self, error: RpcError, id: MessageId | None = None, method: str | None = None
    ) -> None:
        super().__init__(error)
        self.error = error
        self.id = id
        self.method = method


_decode = msgspec.json.Decoder().decode
_decode_request = msgspec.json.Decoder(Request).decode
_LONGEST_NEGATIVE: Final = re.compile(rb"-[0-9]{4300}(?![0-9])")


def decode(data: bytes | str, depth: int = 64) -> Any:
    """Return the JSON value of a text frame.

    Raises `ParseError` for all that is not JSON in the strict sense of RFC 8259 or has no exact
    counterpart here, wherever it stands: NaN and infinities, numbers beyond a double, integers of
    more than 4,300 digits, lone surrogates, invalid UTF-8, more than `depth` nested containers.
    """
    try:
        if isinstance(data, str):
            data = data.encode()
        try:
            value = _decode(data)
        except msgspec.ValidationError:
            if _LONGEST_NEGATIVE.search(data) is None:
                raise
            value = _decode_longest(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        # ValueError: UnicodeError and what the json module raises
        raise ParseError from None
    if _may_nest_deeper(data, depth) and _nests_deeper(value, depth):
        raise ParseError
    return value


def _may_nest_deeper(data: bytes, depth: int) -> bool:
    """Tell whether a text is long enough, or a short one has enough brackets, to nest so deeply."""
    size = len(data)
    # to count the brackets of a long text takes as long as to look at its value
    return size > 2 * depth and (size > 2000 or data.count(b"[") + data.count(b"{") > depth)


def _nests_deeper(value: Any, depth: int) -> bool:
    """Tell whether a JSON value has more than `depth` containers within each other.

    Python's collector of garbage tells what a whole level of containers refers to, in one call;
    scalars refer to nothing.
    """
    level: Sequence[Any] = (value,)
    for _ in range(depth):
        level = gc.get_referents(*level)
        if not level:
            return False
    return any(isinstance(item, (dict, list)) for item in level)


def _decode_longest(data: bytes) -> Any:
    """Decode with the json module, as msgspec counts the minus sign as a digit."""
    value = json.loads(data.decode(), parse_constant=_refuse, parse_float=_finite)
    msgspec.json.encode(value)  # raises UnicodeEncodeError for a lone surrogate
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def request(data: bytes, depth: int = 64) -> Request:
    """Return the request that a text frame is; raise `ParseError` or `Rejected` if it is none."""
    try:
        taken = _decode_request(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        # there may be other members, or null for a payload; what is wrong is told here
        return parse_request(decode(data, depth))
    if _may_nest_deeper(data, depth) and _nests_deeper(taken.payload, depth - 1):
        raise ParseError
    return taken


def parse_request(message: Any) -> Request:
    """Return the request that a decoded message is; raise `Rejected` if it is none."""
    if type(message) is not dict:
        raise Rejected(
            InvalidRequest(f"Malformed message; expected dictionary, got {type(message).__name__}")
        )
    id: Any = message.get("id")
    method: Any = message.get("method")
    payload: Any = message.get("payload")
    is_named = (type(id) is str or type(id) is int) and type(method) is str
    if is_named and (payload is None or type(payload) is dict):
        return Request(id, method, payload or {})
    raise _rejection(message, id, method, payload)


def _rejection(message: dict[str, Any], id: Any, method: Any, payload: Any) -> Rejected:
    errors = {}
    readable_id = id if type(id) is str or type(id) is int else None
    readable_method = method if type(method) is str else None
    if readable_id is None:
        errors["id"] = _wrong(message, "id", "a string or an integer")
    if readable_method is None:
        errors["method"] = _wrong(message, "method", "a string")
    if payload is not None and type(payload) is not dict:
        errors["payload"] = _wrong(message, "payload", "an object")
    return Rejected(InvalidParams(errors), readable_id, readable_method)


_JSON_TYPES: Final = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def _wrong(message: dict[str, Any], member: str, expected: str) -> str:
    if member not in message:
        return "required"
    return f"expected {expected}, got {_JSON_TYPES[type(message[member])]}"


BINARY_FRAME: Final = "Text message expected"
"""The message of the `InvalidRequest` that answers a binary frame."""


def plain(value: Any) -> Any:
    """Return a string or number of a derived class, such as numpy's float64, as its base's."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"{type(value).__qualname__} has no JSON form")


encode = msgspec.json.Encoder(enc_hook=plain).encode
"""msgspec's JSON of a value, where a type says what it holds; for others see `encode_json`."""

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_all_scalars = _SCALARS.issuperset
_CONTAINERS: Final = frozenset({dict, list, tuple, set, frozenset})
_PLAIN: Final = _SCALARS | _CONTAINERS


def encode_json(value: Any) -> bytes:
    """Return the JSON of a value; NaN and infinities become null.

    Raises `TypeError` for what has no JSON form, bytes among it, and `ValueError` for lone
    surrogates and for values that contain themselves.
    """
    try:
        encoded = encode(value)
    except RecursionError:
        raise ValueError("the value contains itself, or is nested too deeply") from None
    except (TypeError, ValueError):
        raise
    except Exception as error:
        # code of the value's own: a property that fails, a field that was never set
        raise TypeError(f"{type(value).__qualname__} has no JSON form") from error
    if type(value) not in _SCALARS and holds_bytes(value):
        raise TypeError("bytes have no JSON form: declare the type of the response, or encode")
    return encoded


def holds_bytes(value: Any) -> bool:
    """Tell whether bytes are in a value, which msgspec would write as base64 unasked."""
    level: Sequence[Any] = (value,)
    is_plain = type(value) in _CONTAINERS
    while True:
        if is_plain:
            level = gc.get_referents(*level)  # scalars refer to nothing
        elif any(isinstance(item, (bytes, bytearray, memoryview)) for item in level):
            return True
        else:
            level = list(chain.from_iterable(map(_parts, level)))
        if _all_scalars(map(type, level)):
            return False
        is_plain = _PLAIN.issuperset(map(type, level))


def _parts(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return chain(item, item.values())
    return item if isinstance(item, (list, tuple, set, frozenset)) else ()


def reply(id: MessageId, method: str, response: bytes) -> bytes:
    """Return the reply that carries an encoded response."""
    return b'{"id":%b,"method":%b,"response":%b}' % (encode(id), encode(method), response)


def error(id: MessageId | None, method: str | None, error: RpcError) -> bytes:
    """Return the reply that carries an error; `id` and `method` are left out where None.

    Raises `TypeError` or `ValueError` if the error's fields have no JSON form.
    """
    message: dict[str, Any] = {}
    if id is not None:
        message["id"] = id
    if method is not None:
        message["method"] = method
    detail: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.errors is not None:
        detail["errors"] = error.errors
    message["error"] = detail
    return encode_json(message)


def event(
    channel: str, event: str, data: Any, json: bytes | None = None, offset: int | None = None
) -> bytes:
    """Return the message that carries an event; raises as `encode_json` does.

    `json` is the data where it is encoded already, `offset` the event's number in its channel.
    """
    return b'{"channel":%b,"event":%b,"data":%b%b}' % (
        encode(channel),
        encode(event),
        encode_json(data) if json is None else json,
        b"" if offset is None else b',"offset":%d' % offset,
    )


def unknown_method(name: str) -> dict[str, str]:
    """Return the ``errors`` that answer a call of a method that the endpoint does not have."""
    return {"method": f"{name} method not available"}
