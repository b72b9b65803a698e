"""A stream, what goes in and what comes out."""

from __future__ import annotations

from typing import Any

from wsrpc import History, Past, PastEvent, Position
from wsrpc.stream import Stream


class Counts:
    duplicates = 0
    filled = 0
    gaps = 0


class Log:
    """A stream, and what came out of it."""

    def __init__(self, offset: int = 0, history: History | None = None) -> None:
        self.out: list[Any] = []
        self.counts = Counts()
        self.stream = Stream(
            history or History(),
            self.counts,
            lambda message: self.out.append(message["offset"]),
            lambda position: self.out.append((position.epoch, position.offset)),
        )
        self.stream.open(Position("E", offset))

    def live(self, offset: int, epoch: str = "E", **more: Any) -> None:
        message = {"event": "a", "json": b"1", "epoch": epoch, "offset": offset, **more}
        if self.stream.receive(message):
            self.out.append(offset)

    def read(self, top: int, *offsets: int, epoch: str = "E") -> None:
        """Ask for the history, and get it."""
        self.stream.ask()
        self.get(top, *offsets, epoch=epoch)

    def get(self, top: int, *offsets: int, epoch: str = "E") -> None:
        events = [PastEvent(offset, "a", b"1") for offset in offsets]
        for _ in self.stream.fill(Past(Position(epoch, top), events)):
            pass

    def fail(self) -> None:
        self.stream.ask()
        for _ in self.stream.fill(None):
            pass
