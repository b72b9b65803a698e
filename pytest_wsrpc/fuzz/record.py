"""What came of a conversation: every call with what came back, and all that happened in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_wsrpc.transcript import Transcript
from wsrpc.failures import Failure

from .case import Exchange, Message
from .conversation import Conversation
from .narration import Said, narrated

What = Literal[
    "connected",
    "refused",
    "sent",
    "answered",
    "stray",
    "event",
    "closed",
    "disconnected",
    "note",
]

_WORDS = {"answered": "received", "stray": "received", "event": "received", "note": "fault"}


@dataclass(frozen=True)
class Happening:
    """One thing that happened; its place in `Record.trace` is when."""

    what: What
    time: float
    """On the virtual clock."""
    client: int | None = None
    call: int | None = None
    """The number in `Record.calls` of the call that was sent or answered."""
    message: Message | None = None
    """What came: an answer, an event, or a stray, which answers no call of this connection."""
    text: str = ""
    """The frame; for ``closed`` the code; for ``note`` a fault, a heal, time that passed."""

    def is_plain_from(self, following: Happening | None) -> bool:
        """Tell whether it need not be said, as what follows does: who speaks has connected."""
        if self.what != "connected" or following is None:
            return False
        return (following.what, following.client) == ("sent", self.client)


@dataclass
class Record:
    """What came back for a conversation."""

    conversation: Conversation
    timeout: float
    calls: list[Exchange] = field(default_factory=list)
    """Those that were sent, in that order; `Exchange.client` and `Exchange.call` say which."""
    events: dict[int, list[tuple[int, Message]]] = field(default_factory=dict)
    """The events of each client, each with its place in `trace`."""
    strays: list[tuple[int, Message]] = field(default_factory=list)
    """Clients, each with an answer that answers no call of its own."""
    probes_astray: list[tuple[int, int, Message]] = field(default_factory=list)
    """Clients that received the answer to what another one sent to see whether it is served."""
    closed: dict[int, int] = field(default_factory=dict)
    """The code with which the server has closed the connection of a client, the last one."""
    failures: list[Failure] = field(default_factory=list)
    """What failed on the server, in order; each call's own are with the call, too."""
    logins: dict[int, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    """The calls of the user's hook that logs in, of each client."""
    transcripts: dict[int, Transcript] = field(default_factory=dict)
    trace: list[Happening] = field(default_factory=list)
    is_over: bool = False
    """Whether all steps are done: what comes now, comes of closing the connections."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What a phase's own play has to tell its checks."""

    @property
    def case(self) -> Conversation:
        """The conversation, under the name that an `Exchange` has for its message."""
        return self.conversation

    @property
    def exception(self) -> BaseException | None:
        """The first exception that the server had."""
        return self.failures[0].exception if self.failures else None

    def of(self, call: int) -> Exchange | None:
        """Return the exchange of a call by its number in the conversation, None if left out."""
        return next((exchange for exchange in self.calls if exchange.call == call), None)

    def render(self, last: int | None = None) -> str:
        """Return the conversation for a person, up to the reply to its `last` call if there is one.

        All clients stand in one order.
        """
        trace = self.until(last)
        missing = self._missing() if trace is self.trace else ()
        return narrated([*self._said(trace), *missing])

    def until(self, last: int | None) -> list[Happening]:
        """Return what happened up to the reply to a call; all where there is no such reply."""
        shown = None if last is None else self.of(last)
        if shown is None or shown.answered is None:
            return self.trace
        return self.trace[: shown.answered + 1]

    def unanswered(self) -> Iterator[tuple[int, str]]:
        """Yield for each call to which no reply came in time its client, and words for that."""
        for exchange in self.calls:
            if exchange.silent and not exchange.answers:
                text = f"no reply to id {exchange.case.id!r} within {exchange.timeout:g} s"
                yield exchange.client, text

    def _missing(self) -> Iterator[Said]:
        end = self.trace[-1].time if self.trace else 0.0
        for client, text in self.unanswered():
            yield Said(end, "fault", text, client)

    def _said(self, trace: Sequence[Happening]) -> Iterator[Said]:
        for happening, following in zip(trace, [*trace[1:], None], strict=True):
            if not happening.is_plain_from(following):
                what = _WORDS.get(happening.what, happening.what)
                yield Said(happening.time, what, happening.text, happening.client)
