"""What the check ``pubsub`` says is wrong, with the lines of a test that show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_wsrpc.delivery import DeliveryError, content_of

from .failure import Violation

_ONE_DEFECT = {"once": "delivered again", "late": "delivered again"}
"""Rules that one defect breaks for those who have had the event, and for those who came later."""
_EARLY = "before the reply that acknowledges the subscription"
_LATE = "after the reply that acknowledges the end of the subscription"


def text_of(event: dict[str, Any]) -> str:
    """Return a text that is the same for events that a client cannot tell apart."""
    return content_of([event["channel"], event.get("event") or "", event.get("data")])


def missing(
    client: int, call: int | None, event: dict[str, Any], patterns: Sequence[str], count: int
) -> Violation:
    """Return what to say of an event that has come only so often."""
    return Violation(
        expected=f"event {event['event']!r} with data {event['data']!r:.80} on channel "
        f"{event['channel']!r} for client {client}, as it was subscribed with {patterns} before "
        "the publishing and since",
        got="no such event" if not count else f"it only {count} times",
        key="missing",
        call=call,
        test=_counted(client, event, f">= {count + 1}"),
    )


def unwanted(
    client: int, error: DeliveryError, call: int | None, event: dict[str, Any], before: int
) -> Violation:
    """Return what to say of an event that was not to come, after so many that were."""
    return Violation(
        expected=error.expected,
        got=f"{error.got}, by client {client}",
        key=_ONE_DEFECT.get(error.rule, error.rule),
        call=call,
        test=_counted(client, event, f"<= {before}"),
    )


def disordered(
    client: int,
    error: DeliveryError,
    call: int | None,
    channel: str,
    got: Sequence[tuple[Any, Any]],
) -> Violation:
    """Return what to say of events in another order than they were published in."""
    return Violation(
        expected=error.expected,
        got=f"{error.got}, by client {client}",
        key=error.rule,
        call=call,
        test=(
            *_events(client, channel),
            "# another order than that of publishing",
            f"assert events != {list(got)!r}",
        ),
    )


def unrequested(client: int, event: dict[str, Any], call: int, *, is_early: bool) -> Violation:
    """Return what to say of an event to who is not subscribed yet, or no more."""
    channel, when = event["channel"], _EARLY if is_early else _LATE
    return Violation(
        expected=f"no event of channel {channel!r} {when}",
        got=f"event {event.get('event')!r} on the connection of client {client}",
        key=f"an event {when}",
        call=call,
        test=(
            *_events(client, channel),
            f"# {when}",
            f"assert ({event.get('event')!r}, {event.get('data')!r}) not in events",
        ),
    )


def refused(error: DeliveryError, call: int) -> Violation:
    """Return what to say of an event that has come although its publishing was refused."""
    return Violation(
        expected=error.expected,
        got=error.got,
        key=error.rule,
        call=call,
        test=(f'assert "error" not in reply_{call}, "it was delivered"',),
    )


def unacknowledged(error: DeliveryError, call: int, response: Any) -> Violation:
    """Return what to say of a reply that does not name the patterns that there are."""
    return Violation(
        expected=error.expected,
        got=error.got,
        key=error.rule,
        call=call,
        test=(f'assert reply_{call}.get("response") != {response!r}',),
    )


def _events(client: int, channel: str) -> list[str]:
    return [
        "events = [",
        '    (one["event"], one["data"])',
        f"    for one in client_{client}.unread",
        f'    if one.get("channel") == {channel!r}',
        "]",
    ]


def _counted(client: int, event: dict[str, Any], comparison: str) -> list[str]:
    """Return lines that count how often an event came."""
    wanted = (event.get("event") or "", event.get("data"))
    return [
        *_events(client, event["channel"]),
        f"assert events.count({wanted!r}) {comparison}, events",
    ]
