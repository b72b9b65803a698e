"""The faults of one test: its rules, where they are attached, and what came of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

from wsrpc.errors import RpcError

from . import exceptions, report
from .rule import Happening, Rule, Strike
from .site import Site
from .spec import WINDOW, WITHIN, Mistake, Spec, make
from .table import Effect, Hook, Passage, Point

if TYPE_CHECKING:
    from wsrpc import SocketsManager, Websocket
    from wsrpc.calls import Call
    from wsrpc.failures import Failure


_NOT_THE_APPLICATIONS: Final = ("call", "unsubscribe")
_OUTAGES: Final = (ConnectionError, RpcError)
"""What a handler may let pass: the protocol has an error for it."""


class Keywords(TypedDict, total=False):
    """What every rule takes: globs of what it strikes, and which of its matches."""

    channel: str
    event: str
    method: str
    nth: int
    """Only this match, the first is 1."""
    every: int
    """Each match whose number this divides."""
    times: int
    """Not more often than this."""
    probability: float
    """With this probability, more than 0 and at most 1."""
    optional: bool
    """That it never matches does not fail the test."""


class FaultPlan:
    """What the fixture ``ws_faults`` gives: make rules, look what they did, heal them.

    Each method that makes a rule returns it at once in force: ``rule.matched``, ``rule.fired``,
    ``rule.heal()``, and ``with ws_faults.stall("publish"): ...``. Rules of one point act in the
    order in which they were made. A mistake in an argument raises `ValueError` or `TypeError`.
    """

    def __init__(
        self,
        seed: int,
        name: str,
        on_fired: Callable[[str, Websocket | None], None] | None = None,
    ) -> None:
        self.seed = seed
        self.running: dict[Call, Websocket] = {}
        """The calls under way, with their connections."""
        self.damaging = False
        """A damaged message is being delivered."""
        self._name = name
        self._on_fired = on_fired
        self._rules: list[Rule] = []
        self._kept = 0  # rules at the front that stay for every example
        self._past: dict[str, Rule] = {}
        self._sites: list[Site] = []
        self._unheard: list[BaseException] = []
        self._was_attached = False

    def __repr__(self) -> str:
        rules = "; ".join(str(rule.spec) for rule in self._rules) or "no rules"
        return f"<FaultPlan: {rules}; seed {self.seed}>"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of this run of the test, healed ones too."""
        return tuple(self._rules)

    def latency(
        self, point: Point, seconds: float, *, jitter: float = 0.0, **keywords: Unpack[Keywords]
    ) -> Rule:
        """Delay what it strikes by `seconds`, give or take up to `jitter`; order is kept."""
        __tracebackhide__ = True
        return self._make(point, "latency", seconds=seconds, jitter=jitter, **keywords)

    def error(
        self,
        point: Hook,
        error: type[BaseException] | BaseException,
        **keywords: Unpack[Keywords],
    ) -> Rule:
        """Raise an exception in place of what it strikes: of a class, or a copy of an instance."""
        __tracebackhide__ = True
        return self._make(point, "error", error=error, **keywords)

    def drop(self, point: Point, **keywords: Unpack[Keywords]) -> Rule:
        """Lose what it strikes; nobody is told."""
        __tracebackhide__ = True
        return self._make(point, "drop", **keywords)

    def duplicate(self, point: Point, **keywords: Unpack[Keywords]) -> Rule:
        """Let happen twice what it strikes."""
        __tracebackhide__ = True
        return self._make(point, "duplicate", **keywords)

    def reorder(
        self,
        point: Passage,
        *,
        window: int = WINDOW,
        within: float = WITHIN,
        **keywords: Unpack[Keywords],
    ) -> Rule:
        """Change the order of each `window` messages, or of what came `within` seconds."""
        __tracebackhide__ = True
        return self._make(point, "reorder", window=window, within=within, **keywords)

    def corrupt(self, point: Passage, **keywords: Unpack[Keywords]) -> Rule:
        """Damage the message that it strikes, each time in a way drawn from the seed."""
        __tracebackhide__ = True
        return self._make(point, "corrupt", **keywords)

    def stall(self, point: Point, **keywords: Unpack[Keywords]) -> Rule:
        """Hold what it strikes until `heal`, then let it go on in order."""
        __tracebackhide__ = True
        return self._make(point, "stall", **keywords)

    def add(self, *specs: Spec, optional: bool = True) -> list[Rule]:
        """Add rules that are values, such as a schedule of ``strategies.faults()``.

        Unless told, they are optional: a test does not fail for one that never matched.
        """
        __tracebackhide__ = True
        for spec in specs:
            if not isinstance(spec, Spec):
                raise TypeError(
                    f"add takes rules as values, of strategies.faults() or faults.parse(), got "
                    f"{spec!r:.80}; for a rule of your own call ws_faults.drop(...) and the like"
                )
        return [self._add(spec, _place(), optional=optional) for spec in specs]

    def keep(self, specs: Iterable[Spec], place: str, *, optional: bool) -> list[Rule]:
        """Add rules that stand before all others, in every example: of a marker, an option."""
        rules = []
        for spec in specs:
            rules.append(self._add(spec, place, optional=optional, index=self._kept))
            self._kept += 1
        return rules

    def heal(self) -> None:
        """End all faults of now: what waits goes on, in order. Rules made later work."""
        for rule in self._rules:
            rule.over = True
        for rule in self._rules:
            rule.heal()

    # What the fixtures do.

    def attach(self, managers: Iterable[SocketsManager]) -> None:
        """Put the rules, those made later too, in the way of these managers."""
        self._was_attached = True
        for rule in self._rules:
            rule.over = rule.healed
        for manager in managers:
            if all(site.manager is not manager for site in self._sites):
                site = Site(self, manager)
                self._sites.append(site)
                for rule in self._rules:
                    site.watch(rule.spec.point)

    def detach(self) -> None:
        """Leave the managers as they were; coroutines that wait go on, messages are dropped."""
        for rule in self._rules:
            rule.over = True
        for rule in self._rules:
            rule.abandon()
        for site in self._sites:
            site.restore()
        self._sites.clear()

    def restart(self) -> None:
        """Begin another example: rules made in the last one are gone, the others start anew."""
        report.remember(self._past, self._rules[self._kept :])
        del self._rules[self._kept :]
        for rule in self._rules:
            rule.restart()

    def unused(self) -> list[Rule]:
        """Return the rules that never matched, and should have: over examples, each place once."""
        return report.unused(self._past, self._rules)

    def summary(self) -> list[str]:
        """Return lines for the report of a failure: the rules, what came of them, the seed."""
        return report.summary(self._rules, self.seed)

    def explains(self, failure: Failure) -> bool:
        """Tell whether a failure is the fault itself, which no application could have dealt with.

        So is what wsrpc reports of a damaged message, of a call whose method never ran, of an
        ``unsubscribe`` that failed, and of a broker that cannot be reached.
        """
        return self.damaging or any(failure.exception is error for error in self._unheard)

    def at(self, point: str) -> list[Rule]:
        """Return the rules at a point, in order."""
        return [rule for rule in self._rules if rule.spec.point == point]

    def fired(self, rule: Rule, happening: Happening) -> None:
        """Count that a rule takes effect, and tell."""
        rule.fired += 1
        if self._on_fired is not None:
            self._on_fired(f"{rule.spec} ({happening})", happening.websocket)

    def error_of(self, rule: Rule, strike: Strike) -> BaseException:
        """Return the exception to raise, with a note that tells whence it comes."""
        assert rule.spec.error is not None
        error = exceptions.make(rule.spec.error)
        error.add_note(
            f"raised by the fault {rule.spec} ({rule.place}), match {strike.number}, "
            f"seed {self.seed}"
        )
        if rule.spec.point in _NOT_THE_APPLICATIONS or isinstance(error, _OUTAGES):
            self._unheard.append(error)
        return error

    @property
    def was_attached(self) -> bool:
        """Whether an application ran under the plan."""
        return self._was_attached

    def _make(self, point: Point, effect: Effect, **arguments: Any) -> Rule:
        __tracebackhide__ = True
        try:
            spec = make(point, effect, **arguments)
        except Mistake as mistake:
            raise mistake.kind(f"ws_faults.{effect}: {mistake}") from None
        return self._add(spec, _place())

    def _add(
        self, spec: Spec, place: str, *, optional: bool = False, index: int | None = None
    ) -> Rule:
        at = len(self._rules) if index is None else index
        seed = f"{self.seed}\n{self._name}\n{at}\n{spec.identity}"
        rule = Rule(spec, seed, place, optional=optional)
        self._rules.insert(at, rule)
        for site in self._sites:
            site.watch(spec.point)
        return rule


def _place() -> str:
    """Return where the caller of the plan's method stands, as ``file.py:12``."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
