"""Virtual time for applications that keep the loop busy: it passes all the same."""

from __future__ import annotations

import time
from typing import Any

from .. import internals
from ..clock import LOOK, VirtualLoop

PATIENCE = 0.5
"""Seconds of real time that everything may take which is ready at one instant."""

PACE = 10.0
"""Seconds of virtual time for each second that it takes longer."""


class FuzzLoop(VirtualLoop):
    """A virtual loop on which timers fire also while something is always ready to run.

    So a handler that polls (``while not done: await asyncio.sleep(0)``) and one that floods its
    client run into the timeout of a call, as they would on a loop of real time.
    """

    _busy_since = 0.0

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Say nothing of tasks whose exception nobody has asked for.

        What cases log is not shown. To write a trace while garbage is collected is to upset the
        parser of Python 3.11, which pytest and we may be in.
        """

    def _look(self) -> None:
        now = time.monotonic()
        if self._turns == LOOK:
            self._busy_since = now
        over = now - self._busy_since - PATIENCE
        handle = internals.next_timer(self)
        if over > 0 and handle is not None:
            self._busy_since += over
            self._move(min(self._now + over * PACE, handle.when()))
            # a new instant; where no timer is to come, the limit of turns at one instant holds
            self._turns = LOOK
        super()._look()
