"""The phases of fuzzing: each tries one kind of message on a method or an endpoint.

A phase is a module with one `Phase` named ``PHASE``; adding one is adding it to `PHASES`.
"""

from __future__ import annotations

from dataclasses import replace

from . import accepts, concurrent, faults, protocol, pubsub, refuses, repeats, sequence
from .phase import Phase, Subject

__all__ = ["PHASES", "Phase", "Subject"]

PHASES: tuple[Phase, ...] = (
    accepts.PHASE,
    refuses.PHASE,
    protocol.PHASE,
    replace(sequence.PHASE, then=repeats.PHASE),
    concurrent.PHASE,
    pubsub.PHASE,
    faults.PHASE,
)
