"""What the checks say about one message, or about a conversation of several."""

from __future__ import annotations

from pathlib import Path

from .case import Exchange
from .checks import first_failure
from .failure import CheckFailure
from .record import Record
from .registry import failures

EXPLAINED_BY_FAULTS = frozenset(
    {"one-reply-in-time", "no-internal-error", "valid-accepted", "invalid-refused"}
)
"""Checks not made of calls under a fault; ``clean-under-faults`` says what holds for them."""

ASTRAY = "right-connection"


def judge(played: Exchange | Record, excluded: frozenset[str], root: Path) -> list[CheckFailure]:
    """Return the failures: of a conversation those of its calls in order, then its own."""
    if isinstance(played, Exchange):
        failure = first_failure(played, excluded, root)
        return [] if failure is None else [failure]
    found = []
    # what comes after a handler that had to be interrupted is nobody's doing but its own
    interrupted = [call for call in played.calls if call.held and not call.held.is_over]
    for exchange in interrupted or played.calls:
        left_out = excluded | EXPLAINED_BY_FAULTS if exchange.under_faults else excluded
        failure = first_failure(exchange, left_out, root)
        if failure is not None:
            failure.call = exchange.call
            found.append(failure)
    if interrupted:
        return found
    found_in_all = list(failures(played, excluded, root, "record"))
    if any(failure.check == ASTRAY for failure in found_in_all):
        # that explains replies that are missing, and those that are too many
        found = [failure for failure in found if failure.check != "one-reply-in-time"]
    return [*found, *found_in_all]
