"""Where a fault can strike and what it can do there: one table, as data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Point: TypeAlias = Literal["publish", "subscribe", "unsubscribe", "deliver", "call", "reply"]
Hook: TypeAlias = Literal["publish", "subscribe", "unsubscribe", "call"]
"""The points where somebody waits for what happens."""
Passage: TypeAlias = Literal["deliver", "reply"]
"""The points where a message passes."""
Effect: TypeAlias = Literal["latency", "error", "drop", "duplicate", "reorder", "corrupt", "stall"]

POINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "publish": "an event is handed to the backend: SocketsManager.publish is called",
        "subscribe": "a channel is subscribed at the backend: SocketsManager.subscribe is called",
        "unsubscribe": "a channel is given up: SocketsManager.unsubscribe is called",
        "deliver": "an event arrives from the backend: channels(channel, message) is called",
        "call": "a request with a valid payload is about to run its method",
        "reply": "the reply to a request, or its error, is about to be sent",
    }
)
"""What happens at each point."""

MATCHERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "publish": ("channel", "event"),
        "subscribe": ("channel",),
        "unsubscribe": ("channel",),
        "deliver": ("channel", "event"),
        "call": ("method",),
        "reply": ("method",),
    }
)
"""The globs by which a rule at each point picks what it strikes."""

SELECTION: Final = ("nth", "every", "times", "probability", "optional")
"""What any rule takes."""

SETTINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"latency": ("jitter",), "reorder": ("window", "within")}
)
"""What only rules of one effect take."""

_HOOKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "latency": "it begins later; what is behind it on the channel waits too",
        "error": "it raises, and the backend is not reached",
        "drop": "it returns, and the backend was not reached",
        "duplicate": "the backend is called twice",
        "stall": "it waits until healed, and what is behind it on the channel too",
    }
)

EFFECTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "publish": _HOOKS,
        "subscribe": _HOOKS,
        "unsubscribe": _HOOKS,
        "deliver": MappingProxyType(
            {
                "latency": "it arrives later; what is behind it on the channel waits too",
                "drop": "it never arrives",
                "duplicate": "it arrives twice",
                "reorder": "events of a channel arrive in another order",
                "corrupt": "it arrives damaged: of wrong types, cut short, or no object at all",
                "stall": "nothing arrives on the channel until healed, then all in order",
            }
        ),
        "call": MappingProxyType(
            {
                "latency": "the method begins later",
                "error": "the method raises, without having run",
                "drop": "the method does not run, and nothing is answered",
                "duplicate": "the request arrives twice: the method runs twice, with two replies",
                "stall": "the method does not begin until healed",
            }
        ),
        "reply": MappingProxyType(
            {
                "latency": "it is sent later; other replies may pass it",
                "drop": "it is never sent",
                "duplicate": "it is sent twice",
                "reorder": "replies of a connection are sent in another order",
                "corrupt": "its bytes are damaged: it is no JSON object any more",
                "stall": "it is not sent until healed",
            }
        ),
    }
)
"""What each effect means at each point; what is not here is not possible."""

INSTEAD: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("deliver", "error"): "nobody waits for a delivery; drop it, or let 'publish' fail",
        ("reply", "error"): "let the 'call' fail, and the reply is an error",
        ("publish", "reorder"): "who publishes waits; reorder what arrives, at 'deliver'",
        ("publish", "corrupt"): "damage what arrives, at 'deliver'",
        ("subscribe", "reorder"): "who subscribes waits; delay it with latency",
        ("subscribe", "corrupt"): "there is no message to damage; let it fail with error",
        ("unsubscribe", "reorder"): "who unsubscribes waits; delay it with latency",
        ("unsubscribe", "corrupt"): "there is no message to damage; let it fail with error",
        ("call", "reorder"): "reorder what is sent back, at 'reply'",
        ("call", "corrupt"): "damage what is sent back, at 'reply', or send what is no request",
    }
)
"""Why the rest is not possible, and what to write in its place."""

ORDERED: Final = frozenset({"publish", "subscribe", "unsubscribe", "deliver"})
"""The points where order is a promise: nothing passes what waits on its channel."""


def legend() -> str:
    """Return the table as text, for errors and the documentation."""
    return "\n".join(
        f"{point:<11}  {', '.join(effects):<53}  for {', '.join(MATCHERS[point])}"
        for point, effects in EFFECTS.items()
    )
