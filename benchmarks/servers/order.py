"""The payload of the typed workload, for the servers whose types msgspec checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass
class Venue:
    """A part of an order."""

    name: str
    country: str


@dataclass
class Order:
    """What is ordered."""

    symbol: str
    side: Literal["buy", "sell"]
    quantity: Annotated[int, Meta(ge=1)]
    price: float
    tags: list[str]
    venue: Venue
