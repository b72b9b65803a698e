"""The conformance suite: what every broker has to do, as a test class to inherit."""

from .clauses import CLAUSES, ConformanceError
from .nodes import MakeBroker
from .outages import Outages
from .suite import BrokerConformance

__all__ = ["CLAUSES", "BrokerConformance", "ConformanceError", "MakeBroker", "Outages"]
