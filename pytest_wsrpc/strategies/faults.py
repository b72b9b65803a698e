"""Fault schedules: rules as values, drawn so that they shrink with what fails under them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

import wsrpc
from wsrpc.names import suggestion

from ..faults.spec import Spec, make
from ..faults.table import EFFECTS, Effect, Point

_ENDLESS: Final = "stall"

_SECONDS: Final = (0.001, 0.01, 0.05, 0.1, 0.5)

_ERRORS: Final[dict[str, tuple[type[Exception], ...]]] = {
    "publish": (wsrpc.BrokerUnavailable, wsrpc.CannotPublish, ConnectionError, TimeoutError),
    "subscribe": (wsrpc.BrokerUnavailable, wsrpc.CannotSubscribe, ConnectionError, TimeoutError),
    "unsubscribe": (wsrpc.BrokerUnavailable, ConnectionError, TimeoutError),
    "call": (wsrpc.BrokerUnavailable, wsrpc.Forbidden, ConnectionError, RuntimeError),
}


@st.composite
def faults(
    draw: st.DrawFn,
    *,
    points: Collection[Point] | None = None,
    effects: Collection[Effect] | None = None,
    max_rules: int = 3,
) -> tuple[Spec, ...]:
    """Return fault schedules: tuples of up to `max_rules` rules for ``ws_faults.add(*schedule)``.

    Rules are of these points and effects, by default of all but ``stall``, which needs somebody to
    heal it. They pick their matches by number and never at random, so that a schedule that shrinks
    to one rule tells which event or call it takes; the simplest schedule is none at all.
    """
    names = _names("points", points, EFFECTS)
    known = {effect: "" for legal in EFFECTS.values() for effect in legal}
    wanted = _names("effects", effects, known)
    if effects is None:
        wanted = tuple(effect for effect in wanted if effect != _ENDLESS)
    if type(max_rules) is not int or max_rules < 1:
        raise InvalidArgument(f"max_rules must be an integer of at least 1, got {max_rules!r}")
    return tuple(draw(st.lists(_rules(names, wanted), max_size=max_rules)))


@lru_cache(maxsize=64)
def _rules(points: tuple[str, ...], effects: tuple[str, ...]) -> st.SearchStrategy[Spec]:
    pairs = [(point, effect) for point in points for effect in effects if effect in EFFECTS[point]]
    if not pairs:
        raise InvalidArgument(
            f"none of the effects {', '.join(effects)} is possible at {', '.join(points)}"
        )
    return st.one_of([_rule(point, effect) for point, effect in pairs])


@st.composite
def _rule(draw: st.DrawFn, point: str, effect: str) -> Spec:
    # Not by st.builds: hypothesis would show its call, and not the rule.
    return make(point, effect, **draw(_settings(point, effect)), **draw(_SELECTIONS))


def _settings(point: str, effect: str) -> st.SearchStrategy[dict[str, Any]]:
    if effect == "latency":
        return st.fixed_dictionaries({"seconds": st.sampled_from(_SECONDS)})
    if effect == "error":
        return st.fixed_dictionaries({"error": st.sampled_from(_ERRORS[point])})
    if effect == "reorder":
        return st.fixed_dictionaries({"window": st.integers(2, 5)})
    return st.just({})


_SELECTIONS: Final[st.SearchStrategy[dict[str, int]]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"nth": st.integers(1, 5)}),
    st.fixed_dictionaries({"times": st.integers(1, 3)}),
    st.fixed_dictionaries({"every": st.integers(2, 4)}),
)


def _names(option: str, value: Collection[str] | None, known: Collection[str]) -> tuple[str, ...]:
    if value is None:
        return tuple(known)
    if isinstance(value, str) or not isinstance(value, Collection) or not value:
        raise InvalidArgument(f"{option} must be names such as {[*known][:2]}, got {value!r}")
    for name in value:
        if name not in known:
            raise InvalidArgument(
                f"{option}: there is no {name!r}{suggestion(str(name), known)}; "
                f"known are {', '.join(known)}"
            )
    order: Sequence[str] = [name for name in known if name in value]
    return tuple(order)
