"""Where in a conversation a failure is plain to see: what comes after is no part of the report."""

from __future__ import annotations

from typing import Final

from .failure import CheckFailure
from .record import Record
from .registry import CHECKS

_LATER: Final = frozenset({"loop-not-blocked", "one-reply-in-time", "stays-open"})
"""Checks of single calls that may show only after the reply."""

_BY_A_REPLY: Final = "clean-under-faults"


def last_call(record: Record, failure: CheckFailure) -> int | None:
    """Return the number of the call whose reply shows the failure, None if all of it is needed."""
    exchange = None if failure.call is None else record.of(failure.call)
    if exchange is None or exchange.answered is None or not _is_of_a_reply(failure):
        return None
    if failure.check == "no-internal-error" and exchange.code is None:
        return None  # what failed on the server may have done so later
    # a reply that nobody waits for comes some steps later
    return exchange.call if record.conversation.calls[exchange.call].wait else None


def _is_of_a_reply(failure: CheckFailure) -> bool:
    if failure.check == _BY_A_REPLY:
        return any("reply_" in line for line in failure.test)
    check = CHECKS.get(failure.check)
    return check is not None and check.of == "exchange" and failure.check not in _LATER
