"""What was said, as data: it passes between processes, into files, and onto the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal, Self

from ..transcript import ends

What = Literal[
    "connected",
    "refused",
    "sent",
    "received",
    "missing",
    "failed",
    "fault",
    "passed",
    "closed",
    "disconnected",
    "left_out",
]
"""``received``: by the client. ``missing``: no reply came. ``failed``: an exception on the server.
``passed``: time did. ``closed``: by whoever the text names, ``disconnected``: by the client."""

KEPT_STEPS: Final = 400
"""Steps of a conversation; of more, the middle is left out."""

KEPT_TEXT: Final = 10_000
"""Characters of one message, likewise."""

KEPT_CHARACTERS: Final = 200_000
"""Characters of all messages; when the last ones have used them up, the others are cut short."""

SHORT_TEXT: Final = 200
"""Characters of a message that is cut short."""


@dataclass(frozen=True, slots=True)
class Step:
    """What happened at one moment."""

    time: float
    """Seconds since the conversation began."""
    what: What
    client: int | None = None
    """The number of the client in `Story.clients`; None: nobody, or everybody."""
    text: str = ""
    """The message, or what there is to say; a long one without its middle."""
    cut: int = 0
    """Characters that the text lacks, behind two thirds of it."""

    def shortened(self, limit: int) -> Self:
        """Return it with a text of at most so many characters."""
        if len(self.text) <= limit:
            return self
        begin, end = ends(self.text, limit)
        return replace(self, text=begin + end, cut=self.cut + len(self.text) - limit)


@dataclass(frozen=True, slots=True)
class Story:
    """A conversation of one client or of several with a server."""

    clients: list[str] = field(default_factory=list)
    """Their names."""
    steps: list[Step] = field(default_factory=list)

    @classmethod
    def of(cls, clients: Sequence[str], steps: Iterable[Step]) -> Self:
        """Return a story that is short enough to be kept and sent."""
        kept = without_middle(list(steps), KEPT_STEPS)
        left = KEPT_CHARACTERS
        for index in reversed(range(len(kept))):
            step = kept[index]
            step = replace(step, text=encodable(step.text))
            kept[index] = step.shortened(KEPT_TEXT if left > 0 else SHORT_TEXT)
            left -= len(kept[index].text)
        return cls([encodable(name) for name in clients], kept)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Return what `as_json` has given."""
        return cls(fields["clients"], [Step(**step) for step in fields["steps"]])

    def as_json(self) -> dict[str, Any]:
        """Return it as what JSON knows."""
        return asdict(self)


def without_middle(steps: list[Step], limit: int) -> list[Step]:
    """Return at most so many steps, and one that tells of those that are left out."""
    cut = len(steps) - limit
    if cut <= 0:
        return steps
    first = limit // 4
    gap = Step(steps[first].time, "left_out", None, f"{cut:,} steps")
    return [*steps[:first], gap, *steps[first + cut :]]


def encodable(text: str) -> str:
    """Return the text with question marks for lone surrogates, which no file and no JSON has."""
    return text.encode("utf-8", "replace").decode()
