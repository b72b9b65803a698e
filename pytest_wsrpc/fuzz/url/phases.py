"""The phases as they are played on a server that keeps its state, in real time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from hypothesis import strategies as st

from ..case import Case
from ..conversation import Advance, Conversation, Fault, Heal
from ..phases import Phase, Subject, pubsub
from ..playing import play_conversation
from . import delivery

NOT_MADE: Final = {
    "the checks loop-not-blocked, nothing-left": "they need the application in process",
    "the check serial": "it needs a fresh application for each order of the calls",
    "the check clean-under-faults": "it needs the broker in process, to make it fail",
    "the check valid-accepted": "a schema does not tell all that a server goes by, so that "
    "refusals are only counted, and many are a warning",
}
"""Checks that are not made of a server that is elsewhere, and why."""

_EXACT: Final = 2**53
"""Integers below are the same in languages that have doubles alone."""


def adapted(phase: Phase) -> Phase | str:
    """Return a phase as it is played there, or why it is not."""
    if phase.name == "sequence":
        return replace(phase, cases=_at_once(phase.cases), then=None, needs_fresh=False)
    if phase.name == "concurrent":
        # their answers are not compared with those in a row, which would need fresh state
        return replace(
            phase, cases=_at_once(phase.cases), play=play_conversation, needs_fresh=False
        )
    if phase.name == "pubsub":
        return replace(
            phase,
            cases=_at_once(pubsub.builtin_cases),
            not_applied=delivery.not_applied,
            play=delivery.play,
            needs_fresh=False,
        )
    if phase.needs_fresh:
        return "it needs the broker in process, to make it fail"
    return replace(phase, cases=_for_all(phase.cases))


def _for_all(
    cases: Callable[[Subject], st.SearchStrategy[Case]],
) -> Callable[[Subject], st.SearchStrategy[Case]]:
    """Leave out messages that servers of some languages cannot answer as they have to."""
    return lambda subject: cases(subject).filter(_is_for_all)


def _is_for_all(case: Case) -> bool:
    if isinstance(case.id, int) and abs(case.id) >= _EXACT:
        return False
    # most libraries end a connection for what is no UTF-8, as RFC 6455 has it
    return case.binary or isinstance(case.frame, str)


def _at_once(
    cases: Callable[[Subject], st.SearchStrategy[Conversation]],
) -> Callable[[Subject], st.SearchStrategy[Conversation]]:
    """Leave out of conversations what needs virtual time, or the broker."""
    return lambda subject: cases(subject).map(_without_time).filter(_has_calls)


def _without_time(conversation: Conversation) -> Conversation:
    steps = tuple(
        step for step in conversation.steps if not isinstance(step, Advance | Fault | Heal)
    )
    return replace(conversation, steps=steps)


def _has_calls(conversation: Conversation) -> bool:
    return bool(conversation.calls)
