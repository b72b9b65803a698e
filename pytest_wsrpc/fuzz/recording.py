"""Writes down a conversation while it is played."""

from __future__ import annotations

import asyncio

from pytest_wsrpc.transcript import Transcript
from wsrpc.failures import Failure

from .case import Exchange, Message
from .record import Happening, Record, What


class Recorder:
    """Keeps a record: what happens now, and which call a failure or the end belongs to."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.addresses: dict[object, int] = {}
        """The clients by the addresses that the server sees."""
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._heard: list[tuple[Failure, int]] = []

    def heard(self, failure: Failure) -> None:
        """Note a failure of the server."""
        self._heard.append((failure, len(self.record.calls)))

    def assign_failures(self) -> None:
        """Give each failure to its call, one of none to the call before it."""
        for failure, calls in self._heard:
            self.record.failures.append(failure)
            sender = None
            if failure.websocket is not None:
                sender = self.addresses.get(failure.websocket.peername)
            before = self.record.calls[: max(calls, 1)]
            own = [
                exchange for exchange in before if sender is None or exchange.client == sender
            ] or before
            same = [exchange for exchange in own if exchange.case.id == failure.request_id]
            for exchange in (same or own)[-1:]:
                exchange.failures.append(failure)

    def last(self, client: int) -> Exchange | None:
        """The last call of a client, else the last one of any."""
        calls = self.record.calls
        own = [exchange for exchange in calls if exchange.client == client]
        chosen = own or calls
        return chosen[-1] if chosen else None

    def transcript(self, client: int) -> Transcript:
        transcripts = self.record.transcripts
        if client not in transcripts:
            transcripts[client] = Transcript(clock=self._loop.time)
        return transcripts[client]

    def note(
        self,
        what: What,
        client: int | None = None,
        *,
        call: Exchange | None = None,
        message: Message | None = None,
        frame: str | bytes | None = None,
        text: str = "",
    ) -> int:
        """Note what happens now, and return its place in the trace."""
        said = frame if frame is not None else message.frame if message is not None else text
        shown = said if isinstance(said, str) else repr(said)
        trace = self.record.trace
        number = call.call if call is not None else None
        now = self._loop.time() - self._began
        trace.append(Happening(what, now, client, number, message, shown))
        if client is None:
            for transcript in self.record.transcripts.values():
                transcript.record("fault", text)
        elif what in ("sent", "closed"):
            self.transcript(client).record("sent" if what == "sent" else "closed", said)
        elif message is not None:
            self.transcript(client).record("received", said)
        elif what != "connected":
            self.transcript(client).record("fault", f"{what} {text}".strip())
        return len(trace) - 1
