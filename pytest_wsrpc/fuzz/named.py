"""The methods of publish/subscribe by name, and the tokens by which what was published is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from wsrpc import Publish, Subscribe, WsPathMixin

METHODS: Final[Mapping[str, type]] = {
    "subscribe": Subscribe,
    "unsubscribe": Subscribe,
    "publish": Publish,
}
"""The methods of the mixins, each with its mixin."""

_TOKEN: Final = re.compile(r"token-\d+\b")


def token(number: int) -> str:
    """Return a text that stands in no data but that of one publish."""
    return f"token-{number}"


def token_in(text: str) -> str | None:
    """Return the first token in a text."""
    found = _TOKEN.search(text)
    return found[0] if found else None


def has_method(view: type[WsPathMixin], name: str) -> bool:
    """Tell whether a view has one of the mixins' methods, be it overridden."""
    return issubclass(view, METHODS[name])


def is_overridden(view: type[WsPathMixin], name: str) -> bool:
    """Tell whether a view's method of this name is another one than the mixin's."""
    attribute = f"ws_rpc_{name}"
    return getattr(view, attribute, None) is not getattr(METHODS[name], attribute)


def patterns_in(payload: Mapping[str, Any]) -> list[str] | None:
    """Return the patterns that a payload of subscribe or unsubscribe names, None for no one."""
    event = payload.get("event")
    if isinstance(event, str):
        return [event]
    return None if event is None else list(event)
