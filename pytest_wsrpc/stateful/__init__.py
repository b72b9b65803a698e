"""Async rule-based state machines for websocket RPC applications, on hypothesis.

``rule``, ``initialize``, ``invariant`` and ``precondition`` are those of `hypothesis.stateful`,
with types for ``async def`` too.
"""

from hypothesis.stateful import Bundle, consumes, multiple, run_state_machine_as_test

from .channels import ChannelsMachine, PubSubRules
from .decorators import initialize, invariant, precondition, rule
from .machine import RpcStateMachine
from .rules import CallRules, ConnectionRules, FaultRules, TimeRules

__all__ = [
    "Bundle",
    "CallRules",
    "ChannelsMachine",
    "ConnectionRules",
    "FaultRules",
    "PubSubRules",
    "RpcStateMachine",
    "TimeRules",
    "consumes",
    "initialize",
    "invariant",
    "multiple",
    "precondition",
    "rule",
    "run_state_machine_as_test",
]
