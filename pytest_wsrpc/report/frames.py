"""What a message says, in a few words and the part that matters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from ..transcript import shorten
from .story import Step

SHOWN_TEXT: Final = 1_000
"""Characters of a message on the page."""

_SHOWN_NAME: Final = 80
_REQUEST: Final = {"id", "method", "payload"}
_REPLY: Final = {"id", "method", "response", "error"}
_EVENT: Final = {"channel", "event", "data", "offset"}
_ERROR: Final = {"code", "message", "errors"}


@dataclass(frozen=True, slots=True)
class Frame:
    """A message as it is shown."""

    kind: str
    """``call``, ``reply``, ``error``, ``event``, or ``message`` for any other."""
    title: str
    """Its method, its error, its channel and name."""
    id: str
    """Of the call; empty where it has none."""
    text: str
    """The payload, the response; the whole message where it has no form of ours."""


def read(step: Step) -> Frame:
    """Return what the message of a step says."""
    message = None if step.cut else _message(step.text)
    if message is None:
        return Frame("message", "", "", shorten(step.text, SHOWN_TEXT, step.cut))
    keys = message.keys()
    id = _brief(message["id"]) if "id" in message else ""
    if step.what == "sent" and "method" in keys <= _REQUEST:
        return Frame(
            "call",
            _name(message["method"]),
            id,
            _text(message["payload"]) if message.get("payload") else "",
        )
    if step.what == "received" and keys <= _EVENT and keys >= {"channel", "event"}:
        title = f"{_name(message['event'])} on {_name(message['channel'])}"
        offset = f", offset {_brief(message['offset'])}" if "offset" in message else ""
        return Frame("event", title + offset, "", _text(message.get("data")))
    if step.what == "received" and keys <= _REPLY and ("response" in keys) != ("error" in keys):
        method = _name(message.get("method", ""))
        if "response" in message:
            return Frame("reply", method, id, _text(message["response"]))
        return _error(message["error"], method, id)
    return Frame("message", "", "", shorten(step.text, SHOWN_TEXT))


def _error(error: Any, method: str, id: str) -> Frame:
    if not isinstance(error, dict) or not error.keys() <= _ERROR:
        return Frame("error", method, id, _text(error))
    told = f"{_brief(error.get('code'))} {_name(error.get('message'))}"
    errors = f" {_text(error['errors'])}" if error.get("errors") else ""
    return Frame("error", method, id, told + errors)


def _message(text: str) -> dict[str, Any] | None:
    """Return an object that is written as we would write it, so that nothing of it is hidden."""
    try:
        value = json.loads(text)
        same = isinstance(value, dict) and _squeezed(_compact(value)) == _squeezed(text)
    except (ValueError, RecursionError):
        return None
    return value if same else None


def _squeezed(text: str) -> str:
    return text.replace(" ", "")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _name(value: Any) -> str:
    return shorten(value, _SHOWN_NAME) if isinstance(value, str) else _brief(value)


def _brief(value: Any) -> str:
    return shorten(_compact(value), _SHOWN_NAME)


def _text(value: Any) -> str:
    return shorten(_compact(value), SHOWN_TEXT)
