"""What lies in Redis and travels over it: names of keys and channels, and the form of events.

An event on the bus is a line of ASCII, then its JSON::

    wsrpc1 EPOCH OFFSET
    ["name",data]

The JSON of the data is that which clients get: it is encoded once, by whoever publishes.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import msgspec

from ..protocol import encode, encode_json

MAGIC: Final = b"wsrpc1 "
"""How an event on the bus begins: what it is, and the version of its form."""

_LINE: Final = re.compile(rb"wsrpc(?P<version>[0-9]+) (?P<epoch>[!-~]+) (?P<offset>[0-9]{1,16})\n")
_body: Final = msgspec.json.Decoder(tuple[str, msgspec.Raw])


class Foreign(ValueError):
    """A message on the bus that is no event of this version."""


class Event(NamedTuple):
    """An event as it came over the bus."""

    epoch: str
    offset: int
    name: str
    json: bytes


def encode_body(name: str, data: Any) -> bytes:
    """Return the JSON of an event; raises `TypeError` or `ValueError` where it has none.

    Data that is callable is called: its result is the data.
    """
    return b"[%b,%b]" % (encode(name), encode_json(data() if callable(data) else data))


def decode_body(body: bytes) -> tuple[str, bytes]:
    """Return the name and the JSON of the data; raises `Foreign` for anything else."""
    try:
        # inside of the data the decoder takes any bytes for text
        name, data = _body.decode(str(body, "utf-8"))
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise Foreign(f"no event: {error}") from None
    return name, bytes(data)


def decode_message(message: bytes) -> Event:
    """Return the event that a message on the bus is; raises `Foreign` if it is none."""
    line = _LINE.match(message)
    if line is None:
        raise Foreign("it does not begin as an event of wsrpc does")
    if line["version"] != b"1":
        raise Foreign(f"it is of version {line['version'].decode()}, and this is version 1")
    name, data = decode_body(message[line.end() :])
    return Event(line["epoch"].decode(), int(line["offset"]), name, data)


class Names:
    """What the keys and channels in Redis are called; all begin with the prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()

    def keys(self, channel: str) -> tuple[bytes, bytes]:
        """Return the keys of a channel: its position, and its history."""
        name = _encoded(channel)
        return self._prefix + b"p:" + name, self._prefix + b"h:" + name

    def bus(self, channel: str) -> bytes:
        """Return the Pub/Sub channel that carries a channel's events."""
        return self._prefix + b"c:" + _encoded(channel)

    def control(self, node: str) -> bytes:
        """Return the Pub/Sub channel on which a node probes its connection."""
        return self._prefix + b"n:" + node.encode()

    def channel(self, bus: bytes) -> str:
        """Return the channel of a Pub/Sub channel's name."""
        return bus[len(self._prefix) + 2 :].decode()


def check_name(channel: str) -> bool:
    """Tell whether a channel may have the name: lowercase, and text that can be encoded."""
    if not isinstance(channel, str) or channel.lower() != channel:
        return False
    try:
        _encoded(channel)
    except UnicodeEncodeError:
        return False
    return True


def _encoded(channel: str) -> bytes:
    return channel.encode()
