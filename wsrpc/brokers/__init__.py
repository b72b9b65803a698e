"""Backends that bring an event from whoever publishes it to the channels of each process."""

from .local import LocalBroker

__all__ = ["LocalBroker"]
