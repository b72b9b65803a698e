"""Payloads of calls: what an object of a payload type stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_BYTES: Final = (bytes, bytearray, memoryview)
"""They stay bytes, which a message cannot have, rather than turn into base64 unasked."""


def plain(payload: Any) -> Any:
    """Return the dict that an object of a payload type stands for; the rest as it is."""
    if payload is None or isinstance(payload, Mapping):
        return payload
    try:
        made = msgspec.to_builtins(payload, builtin_types=_BYTES, enc_hook=_dump)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"the payload {payload!r:.80} has no JSON form: {error}") from error
    return made if isinstance(made, dict) else payload


def _dump(value: Any) -> Any:
    """Return what a pydantic model stands for; raises `TypeError` for everything else."""
    if isinstance(value, type) or not hasattr(value, "model_dump"):
        raise TypeError(f"{type(value).__qualname__} has no JSON form")
    return value.model_dump(mode="json")
