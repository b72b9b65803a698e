"""Check ``loop-not-blocked``: whose call held the event loop."""

from __future__ import annotations

from .case import Exchange
from .failure import Violation
from .held import Held
from .interrupt import Interrupted
from .record import Record
from .registry import check
from .watchdog import LIMIT


def blame(played: Exchange | Record, held: Held | None) -> None:
    """Note a hold of the loop with the call that caused it, as far as can be told."""
    if held is None:
        return
    if isinstance(played, Exchange):
        played.held = held
        return
    calls = [call for call in played.calls if call.case.method is not None]
    interrupted = [call for call in calls if was_interrupted(call)]
    functions = {place.function for place in held.stack}
    own = [call for call in calls if _function(call) in functions]
    for call in interrupted or (own or calls)[-1:]:
        call.held = held


def was_interrupted(exchange: Exchange) -> bool:
    """Tell whether the handler of a call was interrupted, as it held the loop for too long."""
    return any(isinstance(failure.exception, Interrupted) for failure in exchange.failures)


def _function(exchange: Exchange) -> str | None:
    method = exchange.case.method
    return None if method is None else method.function.__name__


@check("loop-not-blocked")
def loop_not_blocked(exchange: Exchange) -> None:
    """No handler holds the event loop for 0.25 s of real time."""
    held = exchange.held
    if held is not None:
        raise Violation(
            expected=f"handlers that give the event loop back within {LIMIT:g} s",
            got=str(held),
            key=held.key,
            exception=held.exception,
        )
