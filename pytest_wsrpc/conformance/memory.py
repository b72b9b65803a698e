"""What a broker still holds on to: names of channels that can be reached from it."""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Collection
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    ModuleType,
)
from typing import Any, Final

from wsrpc import SocketsManager

_OPAQUE: Final = (
    type,
    ModuleType,
    FunctionType,
    BuiltinFunctionType,
    FrameType,
    CodeType,
    # what is done last stays in its variables as long as it waits for more to do
    CoroutineType,
    GeneratorType,
    AsyncGeneratorType,
    asyncio.AbstractEventLoop,
)
_HARNESS: Final = "_wsrpc_calls"
_LONGEST_NAME: Final = 1000


def remembered(broker: SocketsManager, names: Collection[str]) -> dict[str, str]:
    """Return those of the names that can be reached from a broker, each with where it was found."""
    found: dict[str, str] = {}
    seen = {id(broker)}
    queue: deque[tuple[Any, str]] = deque(
        (value, f"{type(broker).__name__}.{name}")
        for name, value in vars(broker).items()
        if name != _HARNESS
    )
    while queue:
        value, path = queue.popleft()
        if id(value) in seen or isinstance(value, _OPAQUE):
            continue
        seen.add(id(value))
        if isinstance(value, str | bytes):
            if len(value) <= _LONGEST_NAME:
                text = value if isinstance(value, str) else value.decode(errors="replace")
                for name in names:
                    if name in text:
                        found.setdefault(name, path)
            continue
        inside = f"{path} ({type(value).__name__})" if path.count("(") < 3 else path
        parts = gc.get_referents(value)
        if isinstance(value, dict):
            parts += value  # of keys that are strings alone, the collector knows nothing
        queue.extend((part, inside) for part in parts)
    return found
