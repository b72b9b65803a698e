"""One endpoint as a channel of the document, with its messages and operations."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from ..rpc import RpcMethod
from . import envelope
from .endpoints import Endpoint
from .samples import NoSample, sample
from .schemas import Place, Schemas

Object: TypeAlias = dict[str, Any]

BUILTIN: Final = "builtin"
PUBSUB: Final = "publish/subscribe"
_TAGS: Final = {
    BUILTIN: "A method of the library, not of the application.",
    PUBSUB: "Publishing to channels, and subscribing to them.",
}
_EXAMPLES: Final[Mapping[tuple[str, str], Any]] = {
    ("publish", "payload"): {"channel": "prices", "event": "tick.ACME", "data": {"price": 1}},
    ("publish", "response"): {"channel": "prices", "event": "tick.ACME", "data": {"price": 1}},
    ("subscribe", "payload"): {"channel": "prices", "event": "tick.*"},
    ("subscribe", "response"): {"subscribed": {"prices": ["tick.*"]}},
    ("unsubscribe", "payload"): {"channel": "prices"},
    ("unsubscribe", "response"): {"subscribed": {}},
}
"""Of the builtin methods, whose types tell nothing of channels and patterns."""


def channel(endpoint: Endpoint, schemas: Schemas) -> Object:
    """Return the channel of an endpoint, with all messages that it takes and sends."""
    described: Object = {
        "address": endpoint.address,
        "title": endpoint.view.__name__,
        **_texts(endpoint.documentation),
    }
    if endpoint.parameters:
        described["parameters"] = {
            name: {} if pattern is None else {"description": f"Matches `{pattern}`."}
            for name, pattern in endpoint.parameters.items()
        }
    messages: Object = {}
    for name, method in endpoint.methods.items():
        messages |= _messages(endpoint.id, name, method, schemas)
    shared = (envelope.FAILED, *_events(endpoint))
    described["messages"] = messages | {
        name: {"$ref": f"#/components/messages/{name}"} for name in shared
    }
    described["bindings"] = {"ws": {"method": "GET", "bindingVersion": "0.1.0"}}
    described["x-wsrpc-limits"] = dataclasses.asdict(endpoint.view.limits)
    return described


def operations(endpoint: Endpoint) -> dict[str, Object]:
    """Return what clients of an endpoint can do, and what it does of itself."""
    place = {"$ref": f"#/channels/{endpoint.id}"}

    def messages(*names: str) -> list[Object]:
        return [{"$ref": f"{place['$ref']}/messages/{quote(name)}"} for name in names]

    found: dict[str, Object] = {}
    for name, method in endpoint.methods.items():
        tags = [tag for tag, on in ((BUILTIN, method.builtin), (PUBSUB, method.channel_call)) if on]
        found[f"{endpoint.id}.{name}"] = {
            "action": "receive",
            "channel": place,
            "title": name,
            **_texts(method.description),
            **({"tags": [{"name": t, "description": _TAGS[t]} for t in tags]} if tags else {}),
            "messages": messages(f"{name}.request"),
            "reply": {"channel": place, "messages": messages(f"{name}.response", envelope.FAILED)},
        }
    found[f"{endpoint.id}.wsrpc.events"] = {
        "action": "send",
        "channel": place,
        "title": "Events",
        "summary": "What comes without being asked for",
        "messages": messages(*_events(endpoint)),
    }
    return found


def _messages(endpoint: str, name: str, method: RpcMethod, schemas: Schemas) -> dict[str, Object]:
    payload = schemas.whole(Place(endpoint, name, "payload"))
    response = schemas.whole(Place(endpoint, name, "response"))
    head = {"id": 1, "method": name}
    call: Object = {
        "name": f"{name}.request",
        "title": f"{name}: request",
        "correlationId": envelope.CORRELATION,
        "payload": envelope.request(
            name,
            schemas.of(Place(endpoint, name, "payload")),
            optional=envelope.may_be_left_out(payload),
        ),
    }
    reply: Object = {
        "name": f"{name}.response",
        "title": f"{name}: response",
        "correlationId": envelope.CORRELATION,
        "payload": envelope.response(name, schemas.of(Place(endpoint, name, "response"))),
    }
    for message, member, schema in ((call, "payload", payload), (reply, "response", response)):
        try:
            value = _EXAMPLES[name, member] if method.builtin else sample(schema)
        except NoSample:
            continue
        message["examples"] = [{"name": "example", "payload": {**head, member: value}}]
    return {call["name"]: call, reply["name"]: reply}


def _events(endpoint: Endpoint) -> tuple[str, ...]:
    return envelope.EVENTS if "subscribe" in endpoint.methods else envelope.EVENTS[:1]


def _texts(documentation: str) -> Object:
    """Return the first paragraph of a docstring as the summary, the rest as the description."""
    summary, _, rest = documentation.partition("\n\n")
    texts = {"summary": " ".join(summary.split()), "description": rest.strip()}
    return {name: text for name, text in texts.items() if text}
