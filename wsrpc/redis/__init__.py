"""Many processes behind one Redis: `RedisBroker`, and `Publisher` for those without websockets.

Redis 6.0 or newer, or Valkey. Events travel over Pub/Sub, one Redis channel for each channel, and
history lies in Streams. A script gives each event its offset and its epoch, stores it and
publishes it in one step.
"""

from __future__ import annotations

try:
    import redis as _redis
except ImportError as error:
    raise ImportError(
        "RedisBroker and Publisher need redis-py 8.1 or newer: pip install 'pytest-wsrpc[redis]'"
    ) from error

from .broker import RedisBroker
from .info import RedisCounters, RedisInfo
from .publisher import Publisher

__all__ = ["Publisher", "RedisBroker", "RedisCounters", "RedisInfo"]

del _redis
