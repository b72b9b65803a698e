"""Websocket RPC and publish/subscribe on aiohttp.

`RedisBroker` and `Publisher` need the extra ``redis``, and are imported when they are asked for.
"""

from typing import TYPE_CHECKING, Any

from .brokers import LocalBroker
from .channel import Channel
from .channels import Channels
from .client import RpcClient
from .errors import (
    BrokerUnavailable,
    CallTimeout,
    CannotPublish,
    CannotSubscribe,
    ChannelCallbackError,
    CloseCode,
    ConnectionClosed,
    Forbidden,
    InternalError,
    InvalidParams,
    InvalidRequest,
    MethodNotFound,
    ParseError,
    RpcError,
    ShuttingDown,
    TooManyRequests,
)
from .events import Event, Gap
from .history import History, Past, PastEvent, Position
from .limits import Limits
from .manager import SOCKETS_KEY, ServerInfo, SocketsManager, Websocket
from .path import ApiPath, WsPathMixin
from .pubsub import Publish, Subscribe
from .reconnect import COME_BACK, Reconnect
from .rpc import ws_rpc
from .state import ClientState
from .subscription import Subscription, SubscriptionOverflow

__all__ = [
    "COME_BACK",
    "SOCKETS_KEY",
    "ApiPath",
    "BrokerUnavailable",
    "CallTimeout",
    "CannotPublish",
    "CannotSubscribe",
    "Channel",
    "ChannelCallbackError",
    "Channels",
    "ClientState",
    "CloseCode",
    "ConnectionClosed",
    "Event",
    "Forbidden",
    "Gap",
    "History",
    "InternalError",
    "InvalidParams",
    "InvalidRequest",
    "Limits",
    "LocalBroker",
    "MethodNotFound",
    "ParseError",
    "Past",
    "PastEvent",
    "Position",
    "Publish",
    "Reconnect",
    "RpcClient",
    "RpcError",
    "ServerInfo",
    "ShuttingDown",
    "SocketsManager",
    "Subscribe",
    "Subscription",
    "SubscriptionOverflow",
    "TooManyRequests",
    "Websocket",
    "WsPathMixin",
    "ws_rpc",
]


if TYPE_CHECKING:
    from .redis import Publisher as Publisher
    from .redis import RedisBroker as RedisBroker
else:
    # A type checker would take any name for one that is there.
    def __getattr__(name: str) -> Any:
        """Import what needs redis-py only then: not everybody has it."""
        if name not in ("Publisher", "RedisBroker"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import redis

        return getattr(redis, name)
