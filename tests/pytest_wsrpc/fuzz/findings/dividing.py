"""A method with a defect, and what the fixtures of these tests are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]
Paste = Callable[[pytest.RunResult], str]

DIVIDE = """
async def ws_rpc_divide(self, payload: Numbers) -> Number:
    return Number(payload.a // payload.b)
"""
