"""What a broker promises, clause by clause, and the failure that names the one that is broken."""

from __future__ import annotations

from typing import Final, NoReturn

CLAUSES: Final = {
    "subscribed": "An event goes to connections with a matching pattern and to nobody else; none "
    "of a channel comes before the reply that acknowledges its subscription, and none after the "
    "reply that acknowledges the end of it.",
    "once": "An event goes once to each connection that has at least one matching pattern.",
    "missing": "What is published after the acknowledgement of a subscription is delivered, in "
    "all processes.",
    "order": "Events of a channel arrive in the order in which they were published, and "
    "everywhere in the same one.",
    "late": "What a process has delivered reaches nobody who subscribes there afterwards.",
    "published": "An event arrives as it was published, with its channel, name and data; one "
    "that nobody published, or whose publishing was refused, reaches nobody.",
    "acknowledged": "The reply to subscribe or unsubscribe names all patterns of the connection "
    "on the channel.",
    "accepted": "As long as nothing fails, publish and subscribe take a channel that they have "
    "taken before.",
    "refused": "A channel that the broker does not take is refused: CannotPublish is answered with "
    "Cannot publish to channel, CannotSubscribe with Invalid channel.",
    "answered": "Each hook returns or raises within a bounded time.",
    "raised": "A hook raises CannotPublish or CannotSubscribe to refuse, BrokerUnavailable or "
    "ConnectionError where the backend cannot be reached, and nothing else.",
    "unavailable": "What the backend has not taken is answered with Service unavailable, never "
    "with success.",
    "healed": "When the backend is back, the broker publishes and subscribes again.",
    "gap": "An event that a subscriber should have had comes, or lies where the subscriber is "
    "told of a gap; where nothing was lost, no gap is told.",
    "offsets": "With history, the events of a channel count up by one within an epoch, and all "
    "processes have the same epoch and offsets.",
    "recovered": 'Where the reply says "recovered": true, every missed event that matches comes, '
    "in order and once, before the live ones; where that is not certain, it says false.",
    "kept": "A client that comes back to what the history still has recovers it.",
    "unsubscribed": "After unsubscribe(channel), the backend hands the channel's events over no "
    "longer.",
    "forgotten": "A channel that nobody wants any more leaves nothing behind in the broker.",
    "closed": "close() ends all that the broker has begun: tasks, connections, subscriptions.",
}
"""Each promise by its name; those of `PubSubModel` have the names of its rules."""


class ConformanceError(AssertionError):
    """A clause that a broker breaks."""

    def __init__(self, clause: str, who: object, expected: str, got: str) -> None:
        self.clause = clause
        """Its name in `CLAUSES`."""
        self.expected = expected
        self.got = got
        super().__init__(
            f"the broker breaks the clause {clause!r}:\n"
            f"  {CLAUSES[clause]}\n"
            f"{who}: expected {expected}\n"
            f"got {got}"
        )


def holds(is_so: object, clause: str, who: object, expected: str, got: object) -> None:
    """Raise `ConformanceError` unless something is so."""
    __tracebackhide__ = True
    if not is_so:
        breaks(clause, who, expected, f"{got}")


def breaks(clause: str, who: object, expected: str, got: str) -> NoReturn:
    """Raise `ConformanceError`; always here, as by the place hypothesis tells defects apart."""
    __tracebackhide__ = True
    # from None: what the model said tells the same in other words
    raise ConformanceError(clause, who, expected, got) from None
