"""What is wrong, as an exception that knows when it is the same as another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .case import Case, Exchange


NO_REPLY = "no reply"
"""The key of a missing reply."""


class Violation(Exception):
    """Raised by a check: what it expected, what it got, and what tells this defect from others."""

    def __init__(self, *, expected: str, got: str, key: str, text: str = "") -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got
        self.key = key
        self.text = text
        """The very text that must not be there, if that is what is wrong."""


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

    @property
    def identity(self) -> tuple[str, str, str | None, str]:
        """What makes two failures the same."""
        return (self.check, self.endpoint, self.method, self.key)

    @property
    def defect(self) -> tuple[str, ...]:
        """What makes two failures the same defect: one line of code may serve many methods."""
        if self.place is not None:
            return (self.check, self.place)
        return tuple(str(part) for part in self.identity)

    @property
    def is_silence(self) -> bool:
        """Whether no answer came at all."""
        return self.check == "one-reply-in-time" and self.key == NO_REPLY

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CheckFailure) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)


@dataclass(frozen=True)
class Finding:
    """A failed check with the shortest conversation that shows it."""

    case: Case
    exchange: Exchange
    failure: CheckFailure


class FuzzFailure(AssertionError):
    """What one item has found; the item's report shows it."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("; ".join(str(finding.failure) for finding in findings))
        self.findings = findings
