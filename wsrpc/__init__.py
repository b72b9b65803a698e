"""Websocket RPC and publish/subscribe on aiohttp."""

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
from .limits import Limits
from .manager import SOCKETS_KEY, SocketsManager, Websocket
from .path import ApiPath, WsPathMixin
from .pubsub import Publish, Subscribe
from .rpc import ws_rpc
from .subscription import Event, Subscription, SubscriptionOverflow

__all__ = [
    "SOCKETS_KEY",
    "ApiPath",
    "BrokerUnavailable",
    "CallTimeout",
    "CannotPublish",
    "CannotSubscribe",
    "Channel",
    "ChannelCallbackError",
    "Channels",
    "CloseCode",
    "ConnectionClosed",
    "Event",
    "Forbidden",
    "InternalError",
    "InvalidParams",
    "InvalidRequest",
    "Limits",
    "LocalBroker",
    "MethodNotFound",
    "ParseError",
    "Publish",
    "RpcClient",
    "RpcError",
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
