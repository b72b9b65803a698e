"""Methods that end the process, or hold it where nothing can interrupt them: tried in a child.

One child tries a few cases of each method of an endpoint, some with huge numbers. That takes some
milliseconds, and tells which methods need a process of their own for each case.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from . import child
from .case import Case, request
from .child import Ended, Note, run_in_child
from .containing import ProcessEnded
from .endpoints import Endpoint
from .phases import Subject, accepts
from .play import play, shake_hands
from .search import NothingToTry, search
from .serving import Host
from .settings import Settings

CASES: Final = 6
"""Cases that are drawn for each method."""

HUGE: Final = (2**31 - 1, 2**53, 2**63 - 1, -(2**63))
"""Numbers in place of all those of a payload."""

SLOW: Final = 0.5
"""Seconds that a method may take for its cases; one that waits outside gets no more of them."""

IDLE: Final = 0.05
"""Seconds of the processor's time within `child.QUIET`, below which a copy hardly does anything."""

LONGEST: Final = 20.0
"""Seconds for all methods."""


class StartHangs(Exception):
    """The application never comes to its first call."""


def dangers(
    make: Callable[[], Host], endpoint: Endpoint, path: str, settings: Settings
) -> dict[str, str]:
    """Return the methods of an endpoint that need a process of their own, each with what it does.

    Raises `StartHangs`, with the place, where the application itself cannot be interrupted.
    """
    found: dict[str, str] = {}
    left = list(endpoint.methods_in(accepts.PHASE.name))
    end = time.monotonic() + LONGEST
    while left and hasattr(os, "fork") and time.monotonic() < end:
        ended = run_in_child(
            partial(_try, make, endpoint, left, path, settings),
            quiet=child.QUIET,
            limit=LONGEST,
        )
        method = ended.doing
        if ended.how in ("returned", "raised"):
            break
        if method not in left:
            if ended.how == "hung" and _is_danger(ended):
                raise StartHangs(_told(ended))
            break  # a copy of this process does not work here: nothing is known of the application
        if _is_danger(ended):
            found[method] = _told(ended)
        left = left[left.index(method) + 1 :]
    return found


def _is_danger(ended: Ended[None]) -> bool:
    """Tell what the application does from what becomes of libraries in a copy of the process.

    Some wait there for threads that are gone, but without using the processor.
    """
    return ended.how == "died" or (ended.how == "hung" and ended.seconds > IDLE)


def _told(ended: Ended[None]) -> str:
    if ended.how == "died":
        return ended.detail + (f" at {ended.stack[-1]}" if ended.stack else "")
    return f"it never returns from {ended.stack[-1]}" if ended.stack else "it never returns"


def _try(
    make: Callable[[], Host],
    endpoint: Endpoint,
    methods: list[str],
    path: str,
    settings: Settings,
    note: Note,
) -> None:  # pragma: no cover - in a process that is not measured
    doing = ""
    host = make()
    host.alive = lambda: note(doing)
    try:
        host.run(shake_hands(host, path, settings.headers, settings.case_timeout))
        for doing in methods:
            note(doing)
            end = time.monotonic() + SLOW
            for case in cases_of(endpoint, doing, settings.seed.value):
                host.run(play(host, case, path, settings.headers, settings.case_timeout))
                is_known = host.held is not None and not host.held.is_over
                if is_known or time.monotonic() > end:
                    break
    except (Exception, ProcessEnded):
        return  # this process will see it, too


def cases_of(endpoint: Endpoint, name: str, seed: int) -> list[Case]:
    """Return a few cases of a method, and those with huge numbers in place of its own."""
    method = endpoint.methods[name]
    drawn: list[Case] = []
    try:
        search(
            accepts.PHASE.cases(Subject(endpoint, method)),
            drawn.append,
            name=f"dangers of {endpoint.path} {name}",
            seed=seed,
            max_examples=CASES,
        )
    except NothingToTry:
        return []
    first = drawn[0].payload
    huge = [_with_numbers(first, number) for number in HUGE]
    return drawn + [request(endpoint, method, 1, payload) for payload in huge if payload != first]


def _with_numbers(value: Any, number: int) -> Any:
    """Return a JSON value with this number in place of all that it has."""
    if isinstance(value, Mapping):
        return {name: _with_numbers(member, number) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_numbers(item, number) for item in value]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number if is_number else value
