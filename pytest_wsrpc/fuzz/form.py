"""The form of replies and events, section 2 of the protocol: what is wrong with one."""

from __future__ import annotations

from typing import Any

from .case import Case, Message

_EVENT = {"channel", "event", "data"}


def reply_fault(message: Message, case: Case) -> str | None:
    """Return what is wrong with the form of a reply, None if nothing is."""
    value = message.value
    if not message.is_json:
        return "no JSON in a text frame"
    if not isinstance(value, dict):
        return f"a reply that is no object but {type(value).__name__}"
    unknown = sorted(value.keys() - {"id", "method", "response", "error"})
    if unknown:
        return f"a reply with the unknown member {unknown[0]!r}"
    if ("response" in value) == ("error" in value):
        return "a reply with " + ("both" if "error" in value else "neither") + " response and error"
    return (
        _echo_fault("id", value, case.id)
        or _echo_fault("method", value, case.name)
        or ("error" in value and _error_fault(value["error"]))
        or None
    )


def event_fault(message: Message) -> str | None:
    """Return what is wrong with the form of an event, None if nothing is."""
    value = message.value
    missing = sorted(_EVENT - value.keys())
    if missing:
        return f"an event without {missing[0]!r}"
    for member in ("channel", "event"):
        if not isinstance(value[member], str):
            return f"an event whose {member} is no string"
    if type(value.get("offset", 0)) is not int:
        return "an event whose offset is no integer"
    unknown = sorted(value.keys() - _EVENT - {"offset"})
    return f"an event with the unknown member {unknown[0]!r}" if unknown else None


def _echo_fault(member: str, reply: dict[str, Any], sent: str | int | None) -> str | None:
    if sent is None:
        return f"a reply with {member}, which was not readable" if member in reply else None
    if member not in reply:
        return f"a reply without {member}"
    # 1 == True == 1.0 in Python
    if type(reply[member]) is not type(sent) or reply[member] != sent:
        return f"another {member} in the reply: {reply[member]!r:.80}"
    return None


def _error_fault(error: Any) -> str | None:
    if not isinstance(error, dict):
        return "an error that is no object"
    if type(error.get("code")) is not int:
        return "an error whose code is no integer"
    if not isinstance(error.get("message"), str):
        return "an error whose message is no string"
    if not isinstance(error.get("errors", {}), dict):
        return "an error whose errors are no object"
    unknown = sorted(error.keys() - {"code", "message", "errors"})
    return f"an error with the unknown member {unknown[0]!r}" if unknown else None
