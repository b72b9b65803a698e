"""Whether, when and how often a client comes back after it has lost its connection."""

from __future__ import annotations

import math
import random
from collections.abc import Set
from dataclasses import dataclass
from typing import Final, Literal

import aiohttp

from .errors import (
    BrokerUnavailable,
    CallTimeout,
    CloseCode,
    InternalError,
    ShuttingDown,
    TooManyRequests,
)
from .link import End

COME_BACK: Final = frozenset(
    {
        1001,  # going away: the server shuts down, another one or its successor is there
        1005,  # a close frame without a code: it says nothing against coming back
        1006,  # lost without a close frame: a cable, a proxy, a process that was killed
        1009,  # one message of this client was too big for the server: its call has failed
        1011,  # the server failed, here: the data of one event could not be made
        1012,  # the server restarts
        1013,  # the server wants the client to come back later: after `busy_delay`
        1014,  # a gateway could not reach the server behind it
    }
)
"""Close codes after which a client comes back.

After any other it stays away: 1000, the application is done with it; 1002, 1003 and 1007, the
server understands its frames no better the next time; 1008, a policy of the server is against it;
3000 to 4999, the application has said something that only the application understands.
"""

RETRIED_STATUSES: Final = frozenset(
    {
        404,  # a proxy reloads its routes: the client was here before
        408,  # the server did not get the request in time
        421,  # the request came to a server that is not meant
        425,  # too early
        429,  # too many requests
    }
)
"""Answers to a handshake that blame the client, 400 to 499, and after which it tries again."""

TEMPORARY: Final = (
    BrokerUnavailable,
    CallTimeout,
    InternalError,
    ShuttingDown,
    TooManyRequests,
)
"""Errors of a reply that another try may not meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnect:
    """How a client comes back; `RpcClient.connect` takes it as `reconnect`.

    Pauses are exponential with full jitter: each is drawn between 0 and a limit that doubles from
    attempt to attempt, so that clients that were cut off together do not return together.
    """

    delay: float = 1.0
    """Limit of the first pause in seconds: a server that restarts is not met by all at once."""

    max_delay: float = 30.0
    """Limit of every later pause: a server that is back is found again within half a minute."""

    busy_delay: float = 10.0
    """Seconds before all that, where the server closed with 1013, "try again later"."""

    stable: float = 5.0
    """Seconds that a connection lasts before its loss is a new one, with short pauses again."""

    attempts: int | None = None
    """Attempts after which the client gives up; by default never. It counts since the last
    connection that was stable."""

    within: float | None = None
    """Seconds after the loss of a stable connection from which no attempt is made any more."""

    calls: Literal["fail", "wait"] = "fail"
    """What a call made while the connection is down does: raise `ConnectionClosed` at once, or
    wait for the next connection within its timeout."""

    codes: Set[int] = COME_BACK
    """Close codes after which to come back; an application with codes of its own adds to them:
    ``COME_BACK | {4000}``."""

    def __post_init__(self) -> None:
        for name in ("delay", "max_delay", "busy_delay", "stable", "within"):
            value = getattr(self, name)
            if name == "within" and value is None:
                continue
            if type(value) not in (int, float) or not 0 <= value < math.inf:
                raise ValueError(
                    f"Reconnect({name}=...) takes seconds, 0 or more, got {value!r:.80}"
                )
        if self.attempts is not None and (type(self.attempts) is not int or self.attempts < 1):
            raise ValueError(
                "Reconnect(attempts=...) takes a whole number from 1 on, or None for no limit, "
                f"got {self.attempts!r:.80}; reconnect=False is for a client that stays away"
            )
        if self.calls not in ("fail", "wait"):
            raise ValueError(f"Reconnect(calls=...) takes 'fail' or 'wait', got {self.calls!r:.80}")
        if not isinstance(self.codes, Set):
            raise TypeError(
                "Reconnect(codes=...) takes a set of close codes, such as COME_BACK | {4000}, "
                f"got {self.codes!r:.80}"
            )

    def comes_back(self, end: End) -> bool:
        """Tell whether a connection that ended this way is to be replaced."""
        return not end.locally and not end.is_final and end.code in self.codes

    def pause(self, attempt: int) -> float:
        """Draw the pause before an attempt, counted from 0."""
        # From the shared generator, which hypothesis and pytest-randomly seed.
        return random.uniform(0, min(self.max_delay, self.delay * 2 ** min(attempt, 64)))


class Backoff:
    """The attempts since the last connection that was stable."""

    def __init__(self, options: Reconnect) -> None:
        self._options = options
        self._connected_at = math.inf
        self._lost_at = math.inf
        self._attempts = 0

    @property
    def attempts(self) -> int:
        """How many were begun."""
        return self._attempts

    def connected(self, now: float) -> None:
        """Note that there is a connection."""
        self._connected_at = now

    def lost(self, now: float) -> None:
        """Note that there is none any more."""
        if now - self._connected_at >= self._options.stable:
            self._attempts = 0
            self._lost_at = math.inf
        self._connected_at = math.inf
        self._lost_at = min(self._lost_at, now)

    def next_attempt(self, now: float, *, busy: bool) -> float | None:
        """Count one more attempt and return the pause before it, None where all are used up."""
        options = self._options
        deadline = math.inf if options.within is None else self._lost_at + options.within
        if self._attempts == options.attempts or now >= deadline:
            return None
        pause = options.pause(self._attempts) + (options.busy_delay if busy else 0.0)
        self._attempts += 1
        return min(pause, deadline - now)


def is_temporary(error: Exception) -> bool:
    """Tell whether an attempt to connect that ended this way may succeed the next time."""
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return error.status in RETRIED_STATUSES or not 400 <= error.status < 500
    if isinstance(error, aiohttp.InvalidURL):
        return False
    return isinstance(error, (OSError, aiohttp.ClientError, *TEMPORARY))


def is_busy(end: End) -> bool:
    """Tell whether the server asked for a longer pause."""
    return end.code == CloseCode.TRY_AGAIN_LATER
