"""What is said of a test on virtual time that waits in vain, or that real time holds up."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from .. import internals
from . import waiting
from .horizon import Horizon, Ticker
from .timers import name_of

if TYPE_CHECKING:
    from . import VirtualLoop

NOTHING: Final = "nothing"
HORIZON: Final = "horizon"
BUSY: Final = "busy"

_SHOWN: Final = 10
_TIES: Final = 1.5
"""Periodic timers that are named; of more there is a number."""


def explain(
    why: str,
    loop: VirtualLoop,
    main: asyncio.Future[Any] | None,
    horizon: Horizon,
    outside: Sequence[str],
) -> str:
    """Say what the main task waits for, why it cannot come, and what all others wait for.

    `why` is one of the constants of this module, `outside` names what is not of the loop.
    """
    waits = waiting.wait_of(main) if isinstance(main, asyncio.Task) else None
    head = f"{_subject(main, waits)}, {_verdict(why, loop, horizon)}."
    places = [str(place) for place in waits.lines] if waits is not None else []
    others = waiting.describe_tasks(task for task in asyncio.all_tasks(loop) if task is not main)
    parts = [
        "\n".join([head, *textwrap.indent("\n".join(places), "    ").splitlines()]),
        _because(why, loop, horizon),
        f"Time passed no faster than real time, because of {', '.join(outside)}."
        if outside
        else "",
        _titled("Still pending:", others),
    ]
    return "\n\n".join(part for part in parts if part)


def held(causes: Sequence[str]) -> str:
    """Say why a test on virtual time takes real time."""
    return (
        "Virtual time passed no faster than real time for more than a second, because of what the "
        f"clock does not control: {', '.join(causes)}."
    )


def _subject(main: asyncio.Future[Any] | None, waits: waiting.Wait | None) -> str:
    if main is None:
        return "The event loop waits for somebody to stop it"
    if waits is None:
        return f"The event loop waits for {waiting.ends(internals.gathered(main) or [main])}"
    function = waits.lines[-1].function if waits.lines else waits.function
    return f"{function} waits for {waits.what}"


def _verdict(why: str, loop: VirtualLoop, horizon: Horizon) -> str:
    if why == NOTHING:
        return "which can never come"
    if why == BUSY:
        return f"and time stands still at {loop.time():g} s"
    gone = duration(loop.time() - horizon.still.since)
    jumps = horizon.still.jumps
    times = f"{jumps:,} jump{'' if jumps == 1 else 's'}"
    return f"which has not come in {gone} of virtual time ({times})"


def _because(why: str, loop: VirtualLoop, horizon: Horizon) -> str:
    if why == NOTHING:
        return (
            f"At {loop.time():g} s of virtual time nothing is ready to run, no timer is set, and "
            "no socket, thread or executor job is under way that could wake anything."
        )
    if why == BUSY:
        return (
            "Something was ready to run in each of a million turns of the loop, as where code "
            "polls with asyncio.sleep(0); the clock moves only when all wait. Sleep for more "
            "than 0 s there."
        )
    periodic = [ticker for ticker in horizon.tickers.values() if ticker.count > 1]
    tickers = sorted(
        periodic or horizon.tickers.values(), key=lambda ticker: ticker.count, reverse=True
    )
    lines = [_ticker(ticker) for ticker in tickers[:_SHOWN]]
    if len(tickers) > _SHOWN:
        lines.append(f"and {len(tickers) - _SHOWN} more")
    only = _titled("Only these timers kept the clock going:", lines) + "\n" if lines else ""
    limit = loop.time() - horizon.still.since >= horizon.limit
    setting = "raises wsrpc_clock_limit, or " if limit else ""
    return (
        f"{only}A test that means to wait for longer {setting}goes there with "
        "`await ws_clock.advance(seconds)`."
    )


def _ticker(ticker: Ticker) -> str:
    if isinstance(ticker.woken, asyncio.Task):
        task = ticker.woken
        places = () if task.done() else waiting.wait_of(task).lines
        purpose = ", ".join([waiting.coroutine_name(task), *map(str, places[-1:])])
    else:
        purpose = name_of(ticker.woken)
    if ticker.count == 1:
        return f"once, at {ticker.last:g} s: {purpose}"
    # Of two that are due at once only one is seen: the other seems to have left one out.
    left_out = ticker.longest - 2 * ticker.shortest
    if ticker.longest - ticker.shortest < 1e-6 or (
        abs(left_out) < 1e-6 and ticker.mean < _TIES * ticker.shortest
    ):
        return f"every {duration(ticker.shortest)}: {purpose}"
    return f"every {duration(ticker.shortest)} to {duration(ticker.longest)}: {purpose}"


def duration(seconds: float) -> str:
    """Write a duration in the largest unit of which it has at least one."""
    for unit, length in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= length:
            return f"{round(seconds / length, 3):g} {unit}"
    return f"{round(seconds * 1000, 3):g} ms"


def _titled(title: str, lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return f"{title}\n{textwrap.indent(text, '  ')}" if text else ""
