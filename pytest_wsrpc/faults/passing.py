"""How what happens at a point passes the rules there, one after the other.

A rule decides when something arrives at the point. What it decided takes effect in its turn, after
what the rules before it did: first it waits, then it fails. A rule that is healed by then does
nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from .rule import Happening, Rule, Strike
from .table import ORDERED

if TYPE_CHECKING:
    from .plan import FaultPlan

Chain: TypeAlias = list[tuple[Rule, Strike | None]]
"""Rules with what they decided, None for one where others may wait in front."""

_HOLDING: Final = frozenset({"latency", "stall"})


def chain_of(plan: FaultPlan, happening: Happening) -> Chain:
    """Let the rules of a point decide about what happens there."""
    ordered = happening.point in ORDERED
    chain: Chain = []
    for rule in plan.at(happening.point):
        strike = None if rule.over else rule.meet(happening)
        if strike is not None or (ordered and rule.spec.effect in _HOLDING):
            chain.append((rule, strike))
    return chain


async def gate(plan: FaultPlan, happening: Happening, key: Hashable) -> int:
    """Pass a call through the rules; return how often it is to be made, 0 for not at all.

    Waits, and raises, as the rules say. Calls of one `key` keep their order.
    """
    __tracebackhide__ = True
    copies = 1
    for rule, strike in chain_of(plan, happening):
        if strike is None or rule.over:
            if (lane := rule.busy_lane(key)) is not None:
                await lane.wait(0)
            continue
        plan.fired(rule, happening)
        effect = rule.spec.effect
        if effect in _HOLDING:
            await rule.lane(key).wait(strike.delay)
        elif effect == "error":
            raise plan.error_of(rule, strike)
        elif effect == "drop":
            return 0
        else:
            copies += 1
    return copies


@dataclass(frozen=True)
class _Parcel:
    """What a message has with it on its way."""

    chain: Chain
    happening: Happening
    go: Callable[[Any], None]
    lost: Callable[[], None] | None


class Stream:
    """The messages of one channel, or the replies of one connection, on their way."""

    def __init__(
        self,
        plan: FaultPlan,
        key: Hashable,
        damage: Callable[[Any, random.Random], Any],
    ) -> None:
        self._plan = plan
        self._key = key
        self._damage = damage

    def send(
        self,
        happening: Happening,
        message: Any,
        go: Callable[[Any], None],
        lost: Callable[[], None] | None = None,
    ) -> None:
        """Pass a message through the rules; call `go` with what comes out.

        It is called now or later, once or more; or never, and `lost` where a rule drops it.
        """
        self._pass(_Parcel(chain_of(self._plan, happening), happening, go, lost), 0, message)

    def _pass(self, parcel: _Parcel, index: int, message: Any) -> None:
        for step in range(index, len(parcel.chain)):
            rule, strike = parcel.chain[step]
            onward = partial(self._pass, parcel, step + 1, message)
            if strike is None or rule.over:
                if (lane := rule.busy_lane(self._key)) is not None:
                    lane.hold(0, onward)
                    return
                continue
            self._plan.fired(rule, parcel.happening)
            effect = rule.spec.effect
            if effect in _HOLDING:
                rule.lane(self._key).hold(strike.delay, onward)
                return
            if effect == "reorder":
                rule.window(self._key).hold(strike.draw.random(), onward)
                return
            if effect == "drop":
                if parcel.lost is not None:
                    parcel.lost()
                return
            if effect == "duplicate":
                onward()
            else:
                message = self._damage(message, strike.draw)
        parcel.go(message)
