"""The messages of the wire format, as schemas: request, response, error, event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Protocol

import jsonschema_rs

from ..channel import GAP, POSITION
from ..errors import (
    BrokerUnavailable,
    CallTimeout,
    Forbidden,
    InternalError,
    InvalidParams,
    InvalidRequest,
    MethodNotFound,
    ParseError,
    ShuttingDown,
    TooManyRequests,
)
from ..schema.document import JsonSchema


class StandardError(Protocol):
    CODE: ClassVar[int]


STANDARD_ERRORS: Final[Mapping[type[StandardError], str]] = {
    ParseError: "The message is not JSON.",
    InvalidRequest: "The message is JSON, but no object in a text frame.",
    MethodNotFound: "The endpoint has no such method.",
    InvalidParams: "The request, its payload or its channel is refused; `errors` tells what is "
    "wrong with which field.",
    InternalError: "The method failed, or made a response that is not of its type.",
    CallTimeout: "No answer within the call timeout; what was called may have happened.",
    TooManyRequests: "Too many calls, or bytes of calls, wait for their turn.",
    Forbidden: "The caller may not do this.",
    BrokerUnavailable: "The broker cannot be reached; an event may have been published.",
    ShuttingDown: "The server is shutting down and takes no more calls.",
}
"""The protocol's own errors, and what they tell a client."""


def _reference(name: str) -> JsonSchema:
    return {"$ref": f"#/components/schemas/{name}"}


FAILED: Final = "wsrpc.error"
EVENT: Final = "wsrpc.event"
EVENTS: Final = (EVENT, GAP, POSITION)
CORRELATION: Final = {"location": "$message.payload#/id"}
ID: Final = _reference("wsrpc.Id")
ERROR: Final = _reference("wsrpc.Error")
PLACE: Final = _reference("wsrpc.Position")


def components() -> dict[str, JsonSchema]:
    """Return the schemas that all endpoints share."""
    return {
        "wsrpc.Error": {
            "title": "Error",
            "description": "Why a call failed.",
            "type": "object",
            "properties": {
                "code": {
                    "description": "What kind of error it is.",
                    "anyOf": [
                        *(
                            {"title": error.__name__, "description": text, "const": error.CODE}
                            for error, text in STANDARD_ERRORS.items()
                        ),
                        {
                            "title": "Application",
                            "description": "A refusal of the application itself.",
                            "type": "integer",
                        },
                    ],
                },
                "message": {"type": "string", "description": "A short sentence for people."},
                "errors": {
                    "type": "object",
                    "description": "What is wrong with which field, nested like the payload; "
                    "items of a list by their index, the value as a whole under an empty name.",
                },
            },
            "required": ["code", "message"],
        },
        "wsrpc.Id": {
            "title": "Id",
            "description": "Chosen by the client, and repeated in the reply.",
            "type": ["string", "integer"],
        },
        "wsrpc.Position": {
            "title": "Position",
            "description": "A place in the history of a channel.",
            "type": "object",
            "properties": {
                "epoch": {"type": "string"},
                "offset": {"type": "integer", "minimum": 0},
            },
            "required": ["epoch", "offset"],
        },
    }


def request(method: str, payload: JsonSchema, *, optional: bool) -> JsonSchema:
    """Return the schema of a request; `optional` says that it may come without a payload."""
    return {
        "type": "object",
        "properties": {"id": ID, "method": {"const": method}, "payload": payload},
        "required": ["id", "method"] if optional else ["id", "method", "payload"],
        # also what tells it from a response in a channel of both
        "additionalProperties": False,
    }


def response(method: str, result: JsonSchema) -> JsonSchema:
    """Return the schema of the reply to a call that succeeded."""
    return {
        "type": "object",
        "properties": {"id": ID, "method": {"const": method}, "response": result},
        "required": ["id", "method", "response"],
    }


def may_be_left_out(payload: JsonSchema) -> bool:
    """Tell whether a payload's type, self-contained, accepts what no payload stands for."""
    return jsonschema_rs.Draft202012Validator(payload).is_valid({})


def messages() -> dict[str, dict[str, Any]]:
    """Return the messages that all endpoints share: errors and events."""
    return {FAILED: _failed(), EVENT: _event_message(), GAP: _gap(), POSITION: _position()}


def _failed() -> dict[str, Any]:
    return {
        "name": FAILED,
        "title": "Error",
        "summary": "The reply to a call that failed",
        "description": "Where the id or the method of a request could not be read, the reply has "
        "none.",
        "correlationId": CORRELATION,
        "payload": {
            "type": "object",
            "properties": {"id": ID, "method": {"type": "string"}, "error": ERROR},
            "required": ["error"],
        },
        "examples": [
            {
                "name": "invalid",
                "payload": {
                    "id": 1,
                    "method": "add",
                    "error": {
                        "code": InvalidParams.CODE,
                        "message": "Invalid RPC parameters",
                        "errors": {"a": "required"},
                    },
                },
            },
            {
                "name": "internal",
                "payload": {
                    "id": 1,
                    "method": "add",
                    "error": {"code": InternalError.CODE, "message": InternalError.MESSAGE},
                },
            },
        ],
    }


def _event_message() -> dict[str, Any]:
    offset = {
        "type": "integer",
        "description": "Counts the events of the channel, where the broker keeps history.",
    }
    data = {"price": 1}
    return {
        "name": EVENT,
        "title": "Event",
        "summary": "An event of a channel that the connection is subscribed to",
        "payload": _event({"type": "string", "not": {"pattern": r"^wsrpc\."}}, {}, offset=offset),
        "examples": [_event_example("tick.ACME", data)],
    }


def _gap() -> dict[str, Any]:
    return {
        "name": GAP,
        "title": "Gap",
        "summary": "Events of a channel may have been lost",
        "description": "Whoever keeps a state that follows from the events reads it anew. `data` "
        "is where events come again, null without a history.",
        "payload": _event({"const": GAP}, {"anyOf": [PLACE, {"type": "null"}]}),
        "examples": [_event_example(GAP, None)],
    }


def _position() -> dict[str, Any]:
    return {
        "name": POSITION,
        "title": "Position",
        "summary": "How far a channel has come with events that the connection does not get",
        "description": "A client that comes back asks for what came after it with `since`.",
        "payload": _event({"const": POSITION}, PLACE),
        "examples": [_event_example(POSITION, {"epoch": "b3f1", "offset": 250})],
    }


def _event_example(event: str, data: Any) -> dict[str, Any]:
    return {"name": "example", "payload": {"channel": "prices", "event": event, "data": data}}


def _event(name: JsonSchema, data: JsonSchema, **more: JsonSchema) -> JsonSchema:
    return {
        "type": "object",
        "properties": {"channel": {"type": "string"}, "event": name, "data": data, **more},
        "required": ["channel", "event", "data"],
    }
