"""Test and fuzz websocket RPC and publish/subscribe applications with pytest.

The fixtures `ws_app`, `broker`, `ws_client`, `ws_connect`, `ws_faults`, `ws_clock`, `ws_serve`
and `redis_server` come with the plugin; their types, for annotations, are here, and what works
without fixtures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import WsTestClient
    from .clock import Stuck, VirtualClock, VirtualLoop
    from .conformance import BrokerConformance, ConformanceError
    from .faults import FaultPlan, FaultSyntaxError
    from .fixtures import ConnectOptions, WsConnect
    from .network import NetworkLink
    from .proxy import FaultProxy
    from .redis_server import RedisServer
    from .serving import Serve, Server, serve
    from .stateful import RpcStateMachine
    from .transcript import Entry, Transcript
    from .warning import PytestWsrpcWarning
else:
    # A type checker would take any name for one that is there.
    def __getattr__(name: str) -> Any:
        """Import what is asked for only then: every run of pytest imports this package."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


__all__ = [
    "BrokerConformance",
    "ConformanceError",
    "ConnectOptions",
    "Entry",
    "FaultPlan",
    "FaultProxy",
    "FaultSyntaxError",
    "NetworkLink",
    "PytestWsrpcWarning",
    "RedisServer",
    "RpcStateMachine",
    "Serve",
    "Server",
    "Stuck",
    "Transcript",
    "VirtualClock",
    "VirtualLoop",
    "WsConnect",
    "WsTestClient",
    "serve",
]

_MODULES = {
    "BrokerConformance": "conformance",
    "ConformanceError": "conformance",
    "ConnectOptions": "fixtures",
    "Entry": "transcript",
    "FaultPlan": "faults",
    "FaultProxy": "proxy",
    "FaultSyntaxError": "faults",
    "NetworkLink": "network",
    "PytestWsrpcWarning": "warning",
    "RedisServer": "redis_server",
    "RpcStateMachine": "stateful",
    "Serve": "serving",
    "Server": "serving",
    "Stuck": "clock",
    "Transcript": "transcript",
    "VirtualClock": "clock",
    "VirtualLoop": "clock",
    "WsConnect": "fixtures",
    "WsTestClient": "client",
    "serve": "serving",
}
