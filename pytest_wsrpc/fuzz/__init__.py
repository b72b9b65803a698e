"""Fuzz an application's methods: ``pytest --wsrpc-fuzz module:attribute``, or in code.

``from pytest_wsrpc import fuzz``, then ``fuzz.load(create_app)`` for tests that get cases, and
``@fuzz.check("name")`` for checks of your own. The hooks of a conftest.py are in `hooks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Api, load
    from .case import Exchange
    from .failure import Violation
    from .instruments import exchange_of, holdings, loop_not_blocked, record_of, verify
    from .livecase import CheckFailed, LiveCase
    from .login import Client
    from .record import Record
    from .registry import check
    from .url.target import described
else:
    # A type checker would take any name for one that is there.
    def __getattr__(name: str) -> Any:
        """Import what is asked for only then: every run of pytest imports this package."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


__all__ = [
    "Api",
    "CheckFailed",
    "Client",
    "Exchange",
    "LiveCase",
    "Record",
    "Violation",
    "check",
    "described",
    "exchange_of",
    "holdings",
    "load",
    "loop_not_blocked",
    "record_of",
    "verify",
]

_MODULES = {
    "Api": "api",
    "CheckFailed": "livecase",
    "Client": "login",
    "Exchange": "case",
    "LiveCase": "livecase",
    "Record": "record",
    "Violation": "failure",
    "check": "checks",
    "described": "url.target",
    "exchange_of": "instruments",
    "holdings": "instruments",
    "load": "api",
    "loop_not_blocked": "instruments",
    "record_of": "instruments",
    "verify": "instruments",
}
