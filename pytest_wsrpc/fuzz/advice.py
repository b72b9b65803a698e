"""Warnings: where the cases have tested little, and what to do about it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from .summary import share, title
from .tally import Counts, Tally

MOSTLY = 0.95
"""The share of refused valid payloads from which on the type hardly tells what is accepted."""

ENOUGH = 20
"""Valid payloads of which a share says something."""

_FORBIDDEN = -32003


def warnings(
    tallies: Sequence[Tally], failing: Container[tuple[str, str, str]] = ()
) -> Iterator[str]:
    """Yield what there is to warn of: of the methods, then of single items.

    Of a `failing` method there is more to say than how often it is refused, if it ever succeeds.
    """
    several = len({tally.target for tally in tallies}) > 1
    for key, own in _by_method(tallies).items():
        for text in _of_method(own, key[2], key in failing):
            yield f"{title(key, several)}: {text}"
    told: dict[tuple[str, str], list[str]] = {}
    for tally in tallies:
        name = f"{tally.target} {tally.subject}" if several else tally.subject
        for text in tally.warnings:
            told.setdefault((name, text), []).append(tally.phase)
    for (name, text), phases in told.items():
        yield f"{name}, {', '.join(dict.fromkeys(phases))}: {text}"


def _by_method(tallies: Iterable[Tally]) -> dict[tuple[str, str, str], list[Tally]]:
    found: dict[tuple[str, str, str], list[Tally]] = {}
    for tally in tallies:
        for method in tally.methods:
            found.setdefault((tally.target, tally.endpoint, method), []).append(tally)
    return dict(sorted(found.items()))


def _of_method(tallies: Sequence[Tally], method: str, is_failing: bool) -> Iterator[str]:
    alone, together = Counts(), Counts()
    for tally in tallies:
        (alone if tally.method else together).add(tally.methods[method])
    parts = [part for part in (alone, together) if part.valid >= ENOUGH]
    total = Counts()
    total.add(alone)
    total.add(together)
    if is_failing and (total.success or total.errors > total.refused):
        parts = []
    if parts and all(part.errors >= MOSTLY * part.valid for part in parts):
        failing = share(total.errors, total.valid)
        yield f"{failing} of valid payloads ended in an error: the handler fails"
    elif parts and all(part.refused >= MOSTLY * part.valid for part in parts):
        # neither alone nor after other calls is it accepted
        yield _of_refusals(total, any(tally.with_headers for tally in tallies))
    if any(tally.untyped for tally in tallies if tally.method == method):
        yield "no typed payload: add an annotation to get better cases"


def _of_refusals(total: Counts, with_headers: bool) -> str:
    code, message, errors, _ = total.refusals[0]
    reason = " ".join(part for part in (str(code), message, errors) if part)
    if code == _FORBIDDEN and with_headers:
        advice = "is what the headers give enough for it?"
    elif code == _FORBIDDEN:
        advice = "does it need a login (--wsrpc-header, or the hook pytest_wsrpc_login)?"
    elif total.success == 0:
        advice = "does it need what is not there, or is the type looser than the handler?"
    else:
        advice = "is the type looser than the handler?"
    told = "never answered with success"
    if total.success:
        told = f"{share(total.refused, total.valid)} of valid payloads were refused"
    return f"{told}, mostly with {reason}: {advice}"
