"""What a type of payloads says of one, whatever its validators do."""

from __future__ import annotations

from typing import Any

from wsrpc.schema import PayloadType


def error_of(type: PayloadType, payload: Any) -> Exception | None:
    """Return what a type raises for a payload: a refusal, or whatever its validators raise."""
    try:
        type.validate(payload)
    except Exception as error:
        # the application's own code
        return error
    return None
