"""What a test left behind that nobody looked at, by kind, and the verdict on all of it.

Each kind is a module with the leftover as a value, and a class that says what a person needs: what
happened, where, and what to do.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import ClassVar, Protocol

MARKED = "is marked with @pytest.mark.wsrpc(strict=False)."


class Leftovers(Protocol):
    """All leftovers of one kind: at least one."""

    kind: ClassVar[str]
    """The name of `settings.STRICT_KINDS`."""

    def head(self) -> str:
        """Say in a line what is wrong."""

    def details(self) -> str:
        """Show each leftover with the place that caused it."""

    def advice(self) -> str:
        """Say what to do, in a sentence without its full stop."""

    def exception(self) -> BaseException | None:
        """Give the first exception of the application among them."""


def verdict(found: Sequence[Leftovers], exempted_by: str = MARKED) -> str:
    """Say why a test whose own assertions hold fails, and what can be done about it."""
    parts = []
    for leftovers in found:
        advice = leftovers.advice()
        if leftovers is found[-1]:
            own = advice.startswith("A test that ")
            advice += (
                f";\none that does not care {exempted_by}" if own else f".\n{_WHO} {exempted_by}"
            )
        else:
            advice += "."
        parts.append(f"{leftovers.head()}\n\n{leftovers.details()}\n\n{advice}")
    return "\n\n".join(parts)


_WHO = "A test that does not care"


def titled(parts: Iterable[tuple[str, str]]) -> str:
    """Give each text indented below its title."""
    return "\n\n".join(f"{title}:\n{textwrap.indent(text, '    ')}" for title, text in parts)


def count(number: int, one: str, many: str) -> str:
    """Give a number with its noun."""
    return f"{number:,} {one if number == 1 else many}"
