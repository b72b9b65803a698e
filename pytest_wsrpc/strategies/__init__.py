"""Hypothesis strategies for what goes over the wire.

>>> from pytest_wsrpc import strategies as ws
"""

from __future__ import annotations

from .conversations import Answer, Conversation, conversations
from .faults import faults
from .invalid import Invalid, can_be_invalid, invalid_payloads, names_field
from .malformed import Malformed, malformed_messages
from .names import PatternExample, channels, event_names, ids, patterns
from .payloads import payloads
from .requests import requests
from .schema import from_schema
from .schema.anything import json_values

__all__ = [
    "Answer",
    "Conversation",
    "Invalid",
    "Malformed",
    "PatternExample",
    "can_be_invalid",
    "channels",
    "conversations",
    "event_names",
    "faults",
    "from_schema",
    "ids",
    "invalid_payloads",
    "json_values",
    "malformed_messages",
    "names_field",
    "patterns",
    "payloads",
    "requests",
]
