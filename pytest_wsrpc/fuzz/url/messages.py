"""The methods of a channel, read from its messages: requests, and the replies to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hypothesis.errors import InvalidArgument

from pytest_wsrpc.strategies.described import DescribedPayload, DescribedResponse
from pytest_wsrpc.strategies.payloads import source_of
from wsrpc.asyncapi.channel import BUILTIN, PUBSUB
from wsrpc.rpc import RpcMethod

from ..named import METHODS
from .fetching import BadDocument
from .references import Documents, Node
from .schemas import is_anything, schema_of, unwrapped

_MEMBERS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "subscribe": (frozenset({"channel"}), frozenset({"channel", "event", "since"})),
    "unsubscribe": (frozenset({"channel"}), frozenset({"channel", "event"})),
    "publish": (frozenset({"channel", "data"}), frozenset({"channel", "event", "data"})),
}
"""What payloads of the protocol's own methods have at least, and at most."""


@dataclass(frozen=True)
class _Message:
    node: Node
    payload: Node
    method: str | None


class Messages:
    """The messages of one channel of a document."""

    def __init__(self, document: Node, channel: Node, documents: Documents) -> None:
        self._documents = documents
        self._channel = channel
        self._all = list(self._messages(channel.children("messages")))
        self._operations: dict[tuple[str, str], list[Node]] = {}
        for operation in map(documents.follow, document.children("operations")):
            if self._is_here(operation):
                for place in {documents.follow(m).place for m in operation.children("messages")}:
                    self._operations.setdefault(place, []).append(operation)
        self._has_tags = any({BUILTIN, PUBSUB} & self._tags(message) for message in self._all)

    def methods(self) -> dict[str, RpcMethod]:
        """Return the methods by name; raises `BadDocument` for one that cannot be understood."""
        found: dict[str, RpcMethod] = {}
        for message in self._all:
            if message.method is not None and not self._is_reply(message):
                found[message.method] = self._method(message.method, message)
        return dict(sorted(found.items()))

    def _messages(self, nodes: Iterator[Node]) -> Iterator[_Message]:
        for node in map(self._documents.follow, nodes):
            payload = node.get("payload")
            if payload is not None:
                method = self._constant(self._member(payload, "method"))
                yield _Message(node, payload, method)

    def _is_here(self, operation: Node) -> bool:
        channel = operation.get("channel")
        return channel is not None and (
            self._documents.follow(channel).place == self._channel.place
        )

    def _is_reply(self, message: _Message) -> bool:
        return any(self._member(message.payload, name) for name in ("response", "error"))

    # -- one method

    def _method(self, name: str, message: _Message) -> RpcMethod:
        payload = self._member(message.payload, "payload")
        responses = list(self._responses(name, message))
        tags = self._tags(message)
        is_own = name in METHODS and (
            PUBSUB in tags if self._has_tags else self._is_of_protocol(name, payload)
        )
        return RpcMethod(
            name=name,
            function=_called,
            payload=None if payload is None else self._payload(name, payload),
            response=self._response(name, responses) if responses else None,
            description="",
            channel_call=is_own,
            builtin=is_own and (BUILTIN in tags or not self._has_tags),
        )

    def _payload(self, name: str, node: Node) -> DescribedPayload | None:
        schema = schema_of(self._documents, [node])
        if is_anything(schema):
            return None
        try:
            made = DescribedPayload(schema, name)
            source_of(made)
        except (ValueError, InvalidArgument) as error:
            raise BadDocument(f"the payload of {name} ({node}): {error}") from None
        return made

    def _response(self, name: str, nodes: Sequence[Node]) -> DescribedResponse | None:
        schema = schema_of(self._documents, nodes)
        if is_anything(schema) and "type" not in schema:
            return None
        try:
            return DescribedResponse(schema, _title(schema, name))
        except ValueError as error:
            raise BadDocument(f"the response of {name} ({nodes[0]}): {error}") from None

    def _responses(self, name: str, request: _Message) -> Iterator[Node]:
        """Yield the schemas of responses: those that an operation names, else those by method."""
        replies = [
            reply
            for operation in self._operations.get(request.node.place, ())
            for whole in operation.children("reply")
            if whole.pointer.endswith("/messages")
            for reply in self._messages(iter(map(whole.child, range(len(whole.value)))))
        ]
        if not replies:
            replies = [reply for reply in self._all if reply.method == name]
        for reply in replies:
            response = self._member(reply.payload, "response")
            if response is not None and reply.method in (None, name):
                yield response

    def _tags(self, message: _Message) -> set[str]:
        return {
            str(tag.value.get("name"))
            for operation in self._operations.get(message.node.place, ())
            for tag in map(self._documents.follow, operation.children("tags"))
            if isinstance(tag.value, dict)
        }

    def _is_of_protocol(self, name: str, payload: Node | None) -> bool:
        """Tell whether a method is to all appearance the protocol's own of this name."""
        least, most = _MEMBERS[name]
        return payload is not None and least <= self._members(payload) <= most

    # -- looking into schemas

    def _member(self, schema: Node, name: str) -> Node | None:
        return next((node for key, node in self._properties(schema, 0) if key == name), None)

    def _members(self, schema: Node) -> set[str]:
        return {key for key, _ in self._properties(schema, 0)}

    def _properties(self, schema: Node, depth: int) -> Iterator[tuple[str, Node]]:
        schema = unwrapped(self._documents.follow(unwrapped(schema)))
        properties = schema.get("properties")
        if properties is not None and isinstance(properties.value, dict):
            yield from ((key, properties.child(key)) for key in properties.value)
        if depth < _DEEPEST:
            for part in schema.children("allOf"):
                yield from self._properties(part, depth + 1)

    def _constant(self, schema: Node | None) -> str | None:
        if schema is None:
            return None
        value: Any = self._documents.follow(schema).value
        if not isinstance(value, dict):
            return None
        allowed = [value["const"]] if "const" in value else value.get("enum")
        if isinstance(allowed, list) and len(allowed) == 1 and isinstance(allowed[0], str):
            return allowed[0]
        return None


_DEEPEST: Final = 8
"""Levels of ``allOf`` in which members of a message are looked for."""


def _title(schema: Mapping[str, Any], name: str) -> str:
    reference = schema.get("$ref", "")
    return str(reference).removeprefix("#/$defs/") or schema.get("title") or f"that {name} has"


async def _called(view: object, payload: object) -> None:
    """Stand for the function of a method, which is on a server that is not to be seen."""
