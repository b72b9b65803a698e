"""What is wrong, as an exception that knows when it is the same as another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .case import Case, Exchange
    from .conversation import Conversation
    from .record import Record


NO_REPLY = "no reply"
"""The key of a missing reply."""


class Violation(Exception):
    """Raised by a check: what it expected, what it got, and what tells this defect from others.

    Two violations of one check with the same `key` are one defect; by default what was expected
    tells them apart.
    """

    def __init__(
        self,
        *,
        expected: str,
        got: str,
        key: str | None = None,
        text: str = "",
        call: int | None = None,
        test: Sequence[str] = (),
        exception: BaseException | None = None,
        by_exception: bool = False,
    ) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.exception = exception
        """What to show in place of the server's exception."""
        self.by_exception = by_exception
        """Whether the server's exception is what is wrong, so that its place tells the defect."""
        self.expected = expected
        self.got = got
        self.key = expected if key is None else key
        self.text = text
        """The very text that must not be there, if that is what is wrong."""
        self.call = call
        """Of a conversation: the number of the call that it is about; None is the last one."""
        self.test = tuple(test)
        """Of a conversation: the lines that end a test of it, such as ``assert reply_0 ...``."""


class CheckFailure(AssertionError):
    """A check that failed on a method of an endpoint.

    Two are equal if check, endpoint, method and key are, whatever message brought them about: so
    shrinking keeps its failure, and one that many cases hit is reported once.
    """

    def __init__(
        self,
        check: str,
        endpoint: str,
        method: str | None,
        *,
        expected: str,
        got: str,
        key: str,
        exception: BaseException | None = None,
        place: str | None = None,
        text: str = "",
        call: int | None = None,
        test: Sequence[str] = (),
    ) -> None:
        super().__init__(f"{check}: expected {expected}, got {got}")
        self.check = check
        self.endpoint = endpoint
        self.method = method
        self.expected = expected
        self.got = got
        self.key = key
        self.exception = exception
        self.place = place
        """The exception's class and where the application raised it."""
        self.text = text
        self.call = call
        self.test = tuple(test)

    @property
    def identity(self) -> tuple[str, str, str | None, str]:
        """What makes two failures the same."""
        return (self.check, self.endpoint, self.method, self.key)

    @property
    def defect(self) -> tuple[str, ...]:
        """What makes two failures the same defect: one line of code may serve many methods.

        Which check an exception breaks depends on what the client waits for; the form of messages
        is the matter of what serves all methods.
        """
        if self.place is not None:
            return (self.place,)
        if self.check == "well-formed":
            return (self.check, self.endpoint, self.key)
        return tuple(str(part) for part in self.identity)

    @property
    def headline(self) -> str:
        """What is wrong, in one line."""
        return f"{self.check}: {self.place or self.got}"

    @property
    def is_silence(self) -> bool:
        """Whether no answer came at all."""
        return self.check == "one-reply-in-time" and self.key == NO_REPLY

    @property
    def is_of_real_time(self) -> bool:
        """Whether a machine that is busy with other things may hide it."""
        return self.check == "loop-not-blocked"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CheckFailure) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)


@dataclass(frozen=True)
class Finding:
    """A failed check with the shortest conversation that shows it."""

    case: Case | Conversation
    exchange: Exchange | Record
    failure: CheckFailure
    same_as: Finding | None = None
    """What shows the same defect with less."""


class FuzzFailure(AssertionError):
    """What one item has found; the item's report shows it."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("; ".join(finding.failure.headline for finding in findings))
        self.findings = findings
