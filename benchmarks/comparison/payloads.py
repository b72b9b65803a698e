"""What is sent: about 100 bytes, 10 kB of small records, and an order with its types."""

from __future__ import annotations

from typing import Any

SMALL = {
    "symbol": "EURUSD",
    "bid": 1.08315,
    "ask": 1.08317,
    "size": 250000,
    "venue": "somewhere",
    "live": True,
}

LARGE = {
    "records": [
        {
            "id": 100000 + number,
            "symbol": f"SYM{number:04}",
            "price": 100.25 + number,
            "size": 10 * number + 1000,
            "tags": ["spot", "live"],
            "note": None,
        }
        for number in range(100)
    ]
}

ORDER: dict[str, Any] = {
    "symbol": "EURUSD",
    "side": "buy",
    "quantity": 250000,
    "price": 1.08315,
    "tags": ["spot", "live"],
    "venue": {"name": "somewhere", "country": "NO"},
}
