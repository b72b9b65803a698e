"""Test and fuzz websocket RPC and publish/subscribe applications with pytest.

The fixtures `ws_app`, `broker`, `ws_client` and `ws_connect` come with the plugin; their types,
for annotations, are here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import WsTestClient
    from .fixtures import WsConnect
    from .transcript import Transcript

__all__ = ["Transcript", "WsConnect", "WsTestClient"]

_MODULES = {"Transcript": "transcript", "WsConnect": "fixtures", "WsTestClient": "client"}


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: every run of pytest imports this package."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
