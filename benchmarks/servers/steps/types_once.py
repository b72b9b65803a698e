"""The types that a call is checked against are read once, not with each call."""

from __future__ import annotations

import json
from typing import Any, get_type_hints

from benchmarks.servers.steps import naive

TYPES = tuple(get_type_hints(naive.Call).items())


class Stream(naive.Stream):
    """Checks a call with what it knows of the types beforehand."""

    def call_in(self, message: Any) -> Any:
        """Return the call that a message is."""
        return checked(json.loads(message))


def checked(data: dict[str, Any]) -> naive.Call:
    """Return a call; raise `TypeError` where the data is none."""
    for name, kind in TYPES:
        if not isinstance(data.get(name), kind):
            raise TypeError(f"{name} is not of the type {kind}")
    return naive.Call(**data)


if __name__ == "__main__":
    naive.main(Stream)
