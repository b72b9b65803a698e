"""The check ``pubsub``: what connections receive, against the model of the delivery contract.

What a conversation's clients publish carries tokens, by which it is known again. The model is told
what was sent and what came, and what the application itself published; what it cannot know, such
as what a method of the application's own does to subscriptions, is not judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Any, Final

from pytest_wsrpc.delivery import Operation, Published, content_of
from pytest_wsrpc.model import DeliveryError, PubSubModel
from wsrpc import Publish, Subscribe

from . import misdelivery
from .case import Exchange
from .named import METHODS, is_overridden, patterns_in, token_in
from .publishing import SEEN, Publication, Seen
from .record import Happening, Record
from .registry import check

FROM: Final = "pubsub from"
"""Under this name `Record.extra` has the place in the trace from which on deliveries are judged."""

_AGAIN: Final = frozenset({"once", "late", "order"})
"""Rules that a subscribe method of the application's own may seem to break: it shows the past."""

_UNKNOWN: Final = -32004


@check("pubsub", of="record")
def pubsub(record: Record) -> None:
    """Events reach those who are subscribed, once and in order, and nobody else."""
    start = record.extra.get(FROM)
    if start is not None:
        Judge(record, start).judge()


class Judge:
    """Tells the model what happened, and makes of its errors what a person can read."""

    def __init__(self, record: Record, start: int) -> None:
        self._record = record
        self._start = start
        self._seen: Seen = record.extra[SEEN]
        self._model = PubSubModel(hides=self._hides)
        view = record.conversation.endpoint.view
        self._own_publish = not issubclass(view, Publish) or is_overridden(view, "publish")
        names = ("subscribe", "unsubscribe")
        self._own_subscribe = any(is_overridden(view, name) for name in names)
        self._can_subscribe = issubclass(view, Subscribe)
        self._connections: dict[int, str] = {}
        self._opened = 0
        self._unknown: set[Hashable] = set()
        """Connections of which it is not known what they are subscribed to."""
        self._asked: dict[tuple[str, str], set[str]] = {}
        """The patterns that a connection has ever asked for, by channel."""
        self._unsolicited: set[str] = set()
        """Channels of events that the application sends to whoever has not subscribed."""
        self._operations: dict[int, Operation] = {}
        self._calls: dict[Operation, int] = {}
        self._by_token: dict[str, list[Operation]] = {}
        self._data: dict[Operation, Any] = {}
        self._received: Counter[tuple[str, str]] = Counter()
        self._rewritten: set[str] = set()
        """Channels where data arrives as another than was handed to the backend."""
        self._handed_over: set[Operation] = set()
        """Calls of ``publish`` that have reached the backend."""
        self._ours: dict[Publication, Operation] = {}
        """What the application publishes by itself."""
        self._last_call: int | None = None

    def judge(self) -> None:
        """Raise `Violation` at the first thing that breaks the contract."""
        for event in self._happenings():
            if isinstance(event, Happening):
                self._happened(event)
            elif event[1]:
                self._begun(event[0])
            else:
                self._ended(event[0])
        for operation in self._data:
            self._complete(operation)

    def _happenings(self) -> Iterator[Happening | tuple[Publication, bool]]:
        """Yield what clients saw and what the application published, in one order."""
        inside: list[tuple[float, int, Publication, bool]] = []
        for number, one in enumerate(self._seen.publications):
            if one.begun >= self._start:
                inside.append((one.begun, number, one, True))
                inside.append((one.ended, number, one, False))
        inside.sort(key=lambda entry: (entry[0], entry[1], not entry[3]))
        for place, happening in enumerate(self._record.trace):
            while inside and inside[0][0] <= place:
                yield inside.pop(0)[2:]
            if place >= self._start:
                yield happening
        for entry in inside:
            yield entry[2:]

    # -- what clients do and see

    def _happened(self, happening: Happening) -> None:
        client = happening.client
        if client is None:
            return
        if happening.what == "connected":
            self._opened += 1
            self._connections[client] = f"client {client}, connection {self._opened}"
            return
        connection = self._connections.get(client)
        if connection is None:
            return  # it was there before, and it is not known what it is subscribed to
        if happening.what in ("disconnected", "closed"):
            self._model.closed(connection)
            del self._connections[client]
        elif happening.what == "event" and happening.message is not None:
            self._event(client, connection, happening.message.value)
        elif happening.call is not None and (exchange := self._record.of(happening.call)):
            if happening.what == "sent":
                self._sent(connection, exchange)
            else:
                self._answered(connection, exchange)

    def _sent(self, connection: str, exchange: Exchange) -> None:
        method, payload = exchange.method or "", exchange.payload or {}
        self._last_call = exchange.call
        channel = payload.get("channel")
        if not self._is_builtin(method):
            self._unknown.add(connection)
        elif isinstance(channel, str) and exchange.case.is_valid:
            operation = self._operation(connection, method, channel, payload)
            self._operations[exchange.call] = operation
            self._calls[operation] = exchange.call

    def _is_builtin(self, method: str) -> bool:
        if method == "publish":
            return issubclass(self._record.conversation.endpoint.view, Publish)
        return method in METHODS and self._can_subscribe

    def _operation(
        self, connection: str, method: str, channel: str, payload: dict[str, Any]
    ) -> Operation:
        patterns = patterns_in(payload)
        if method == "subscribe":
            self._asked.setdefault((connection, channel), set()).update(patterns or ("*",))
            return self._model.subscribing(connection, channel, patterns or ("*",))
        if method == "unsubscribe":
            return self._model.unsubscribing(connection, channel, patterns)
        event, data = payload.get("event") or "", payload.get("data")
        # calls of one connection that name one channel wait for each other: ours, not others
        publisher: Any = (connection, object()) if self._own_publish else connection
        operation = self._model.publishing(publisher, channel, event, data)
        self._remember(operation, data)
        return operation

    def _remember(self, operation: Operation, data: Any) -> None:
        self._data[operation] = data
        token = token_in(_published(operation).content)
        if token is not None:
            self._by_token.setdefault(token, []).append(operation)

    def _answered(self, connection: str, exchange: Exchange) -> None:
        operation = self._operations.pop(exchange.call, None)
        if operation is None:
            return
        reply = exchange.reply or {"error": {}}
        try:
            self._model.answered(operation, reply)
        except DeliveryError as error:
            if error.rule == "published":
                raise misdelivery.refused(error, exchange.call) from None
            if not self._is_own_answer(connection, operation, reply):
                response = reply.get("response")
                raise misdelivery.unacknowledged(error, exchange.call, response) from None

    def _is_own_answer(self, connection: str, operation: Operation, reply: dict[str, Any]) -> bool:
        """Tell whether an unusual answer is what a method of the application's own may say."""
        if connection in self._unknown:
            return True
        if not self._own_subscribe:
            return False
        self._unknown.add(connection)
        response = reply.get("response")
        subscribed = response.get("subscribed") if isinstance(response, dict) else None
        listed = subscribed.get(operation.channel, []) if isinstance(subscribed, dict) else None
        if not isinstance(listed, list):
            return True
        ended = self._asked.get((connection, operation.channel), set())
        if operation.method == "subscribe":
            return set(operation.patterns or ()) <= set(listed)
        if operation.patterns is not None:
            ended = set(operation.patterns)
        return not ended & set(listed)

    def _event(self, client: int, connection: str, value: dict[str, Any]) -> None:
        channel, name, data = value.get("channel"), value.get("event") or "", value.get("data")
        if not isinstance(channel, str) or not isinstance(name, str):
            return  # that is well-formed's
        self._received[connection, misdelivery.text_of(value)] += 1
        operation = self._known(connection, channel, name, data)
        if operation is None:
            self._unrequested(client, connection, value)
            return
        if connection in self._unknown:
            return
        shown = {"channel": channel, "event": name, "data": self._data[operation]}
        if not self._is_of(operation, channel, name) and self._own_publish:
            return  # it may give it another name
        try:
            self._model.received(connection, shown)
        except DeliveryError as error:
            if error.rule in _AGAIN and self._own_subscribe:
                return
            self._broken(error, operation, client, connection, value)

    def _known(self, connection: str, channel: str, name: str, data: Any) -> Operation | None:
        """Return what was published as this, by its content or else by the token in it."""
        content = content_of(data)
        token = token_in(content)
        with_token = self._by_token.get(token, []) if token is not None else []
        for operation in with_token or self._data:
            if self._is_of(operation, channel, name) and _published(operation).content == content:
                return operation
        if with_token:
            self._rewritten.add(channel)
            # each of those that are the same in all but what the backend makes of them
            waiting = [one for one in with_token if connection not in _published(one).received]
            return next(iter(waiting or with_token))
        return None

    def _unrequested(self, client: int, connection: str, value: dict[str, Any]) -> None:
        """Judge an event that nobody published: it may be sent to this connection alone."""
        channel = value["channel"]
        if (connection, channel) not in self._asked:
            self._unsolicited.add(channel)
        if (
            connection in self._unknown
            or channel in self._unsolicited
            or str(value.get("event")).startswith("wsrpc.")
            or self._model.may_receive(connection, channel, value.get("event") or "")
            or self._model.patterns(connection, channel)
        ):
            return
        calls = [
            call
            for operation, call in self._calls.items()
            if (operation.connection, operation.channel) == (connection, channel)
            and operation.method == "subscribe"
            and (exchange := self._record.of(call)) is not None
            and exchange.is_success
        ]
        if calls:
            call = calls[-1]
            raise misdelivery.unrequested(client, value, call, is_early=call in self._operations)

    # -- what the application publishes

    def _begun(self, publication: Publication) -> None:
        try:
            content = content_of(publication.body)
        except (TypeError, ValueError, RecursionError):
            return  # callable, or no JSON
        operation = self._origin(publication, content)
        if operation is not None:
            _published(operation).content = content
            self._data[operation] = publication.body
            self._handed_over.add(operation)
            return
        operation = self._model.publishing(
            publication, publication.channel, publication.event, publication.body
        )
        self._remember(operation, publication.body)
        self._ours[publication] = operation
        last = None if self._last_call is None else self._record.of(self._last_call)
        if last is not None and (last.answered is None or last.answered >= publication.begun):
            self._calls[operation] = last.call

    def _origin(self, publication: Publication, content: str) -> Operation | None:
        """Return the call of ``publish`` that the application does with this."""
        token = token_in(content)
        possible = {
            operation: self._record.of(call)
            for call, operation in self._operations.items()
            if operation.published is not None
            and operation not in self._handed_over
            and token_in(operation.published.content) == token
            and self._is_of(operation, publication.channel, publication.event)
        }
        same = [one for one in possible if _published(one).content == content]
        for operation in same or possible:
            exchange = possible[operation]
            if exchange is not None and exchange.case.id == publication.request_id:
                return operation
        return next(iter(same or possible), None)

    def _is_of(self, operation: Operation, channel: str, name: str) -> bool:
        return (operation.channel, _published(operation).event) == (channel, name)

    def _ended(self, publication: Publication) -> None:
        operation = self._ours.get(publication)
        if operation is not None:
            is_done = publication.is_done
            reply = {"response": None} if is_done else {"error": {"code": _UNKNOWN}}
            self._model.answered(operation, reply)

    # -- what is wrong

    def _hides(self, connection: Hashable, channel: str, event: str) -> bool:
        """Tell whether it is not known that an event reaches a connection."""
        return (
            connection in self._unknown
            or (channel, event) in self._seen.hidden
            or self._seen.revoked
        )

    def _broken(
        self,
        error: DeliveryError,
        operation: Operation,
        client: int,
        connection: str,
        value: dict[str, Any],
    ) -> None:
        call = self._calls.get(operation)
        if error.rule == "order":
            got = [
                (one.value.get("event"), one.value.get("data"))
                for _, one in self._record.events[client]
                if one.value.get("channel") == value["channel"]
            ]
            raise misdelivery.disordered(client, error, call, value["channel"], got)
        before = self._received[connection, misdelivery.text_of(value)] - 1
        raise misdelivery.unwanted(client, error, call, value, before)

    def _complete(self, operation: Operation) -> None:
        """See whether all have received an event, if its data is known to come as published."""
        one = _published(operation)
        if not one.is_accepted or (
            token_in(one.content) is None and operation.channel in self._rewritten
        ):
            return
        for client, connection in self._connections.items():
            if connection not in one.owed or self._hides(connection, operation.channel, one.event):
                continue
            value = {
                "channel": operation.channel,
                "event": one.event,
                "data": self._data[operation],
            }
            raise misdelivery.missing(
                client,
                self._calls.get(operation),
                value,
                self._model.patterns(connection, operation.channel),
                self._received[connection, misdelivery.text_of(value)],
            )


def _published(operation: Operation) -> Published:
    assert operation.published is not None
    return operation.published
