"""Error replies that nobody received: an answer to a raw message that the test did not read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from wsrpc import ParseError, protocol

from ..traces import Place, calling_place
from ..transcript import shorten
from . import count, titled

if TYPE_CHECKING:
    from ..client import WsTestClient

KEPT: Final = 10_000
"""Requests whose places are kept: a load test must not fill the memory."""

_WIDTH: Final = 300


class RawRequests:
    """Which line of the test sent which raw message."""

    def __init__(self) -> None:
        self._places: dict[object, Place | None] = {}
        self._nameless: deque[Place | None] = deque()

    def note(self, data: bytes) -> None:
        """Note the line of the test that is sending a message."""
        place = calling_place()
        key = _key(data)
        if key is None:
            self._nameless.append(place)
            if len(self._nameless) > KEPT:
                self._nameless.popleft()
        else:
            self._places[key] = place
            if len(self._places) > KEPT:
                del self._places[next(iter(self._places))]

    def places_of(self, replies: Iterable[dict[str, Any]]) -> Iterator[Place | None]:
        """Give for each reply the line that sent what it answers.

        A reply without an id answers a message whose id could not be read; these are answered in
        order, so where all are unread, the place is certain.
        """
        replies = list(replies)
        nameless = sum("id" not in reply for reply in replies)
        certain = list(self._nameless) if nameless == len(self._nameless) else []
        for reply in replies:
            if "id" in reply:
                yield self._places.get(_id_key(reply["id"]))
            else:
                yield certain.pop(0) if certain else None


@dataclass(frozen=True)
class UnreadError:
    """An error reply that is among a client's unread messages."""

    client: str
    reply: dict[str, Any]
    sent: Place | None

    def message(self) -> str:
        """Give the text of the error and its code."""
        error = self.reply["error"]
        if not isinstance(error, dict):
            return shorten(repr(error), _WIDTH)
        return f"{shorten(str(error.get('message')), _WIDTH)} ({error.get('code')})"

    def title(self) -> str:
        """Give the place in the test that caused it."""
        return f"{self.client}, sent at {self.sent or 'a line that is not known'}"

    def text(self) -> str:
        """Give the reply."""
        return shorten(protocol.encode_json(self.reply).decode(), _WIDTH)


@dataclass(frozen=True)
class UnreadErrors:
    """The error replies that a test did not read."""

    kind: ClassVar[str] = "unread-errors"
    errors: Sequence[UnreadError]

    def head(self) -> str:
        """Name the first."""
        first = self.errors[0]
        if len(self.errors) == 1:
            return (
                f"{first.client} was answered with an error that the test did not read: "
                f"{first.message()}."
            )
        return (
            f"{count(len(self.errors), 'error reply was', 'error replies were')} not read by the "
            f"test, the first is {first.message()}."
        )

    def details(self) -> str:
        """Give each error with the line that sent what it answers."""
        return titled((error.title(), error.text()) for error in self.errors)

    def advice(self) -> str:
        """Say where the test finds what it expects."""
        it = "it" if len(self.errors) == 1 else "them"
        clients = ", ".join(
            f"await {error.client}.receive()"
            if error.client == "ws_client"
            else f"receive() of {error.client}"
            for error in {error.client: error for error in self.errors}.values()
        )
        return f"A test that expects {it} reads {it} with {clients}"

    def exception(self) -> BaseException | None:
        """Give the first exception of the application among them."""
        return None


def unread_errors(
    clients: Iterable[WsTestClient], has_failed: Callable[[WsTestClient, object], bool]
) -> list[UnreadError]:
    """Give the error replies that these clients have and nobody took or looked at.

    A reply to a call that was given up is nobody's, and one that stands for an exception of the
    server, which `has_failed` tells by its id, is told with that.
    """
    found = []
    for client in clients:
        replies = [
            unread.message
            for unread in client._unread
            if _is_error(unread.message) and not (unread.is_late or unread.is_seen)
        ]
        places = client.raw_requests.places_of(replies)
        found += [
            UnreadError(client.name, reply, place)
            for reply, place in zip(replies, places, strict=True)
            if not has_failed(client, reply.get("id"))
        ]
    return found


def _is_error(message: object) -> bool:
    return type(message) is dict and "error" in message and "response" not in message


def _key(data: bytes) -> object:
    with suppress(ParseError):
        message = protocol.decode(data)
        if type(message) is dict:
            return _id_key(message.get("id"))
    return None


def _id_key(id: object) -> object:
    """Give what tells 1 from True and 1.0, None for what is the id of no request."""
    return (type(id), id) if type(id) in (int, str) else None
