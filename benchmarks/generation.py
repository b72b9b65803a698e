"""How fast payloads are drawn, beside hypothesis' own strategies for objects of the same fields.

``python benchmarks/generation.py`` prints, for some flat types, objects of
``fixed_dictionaries`` a second, payloads a second, and how much longer a payload takes; then
invalid payloads, and cases as the fuzzer searches them, without an application. It fails if a flat
payload takes more than 1.5 times as long, or if there are fewer than 900 a second.

Measured in CPU time, both in turns, the median of some rounds: other load on the machine changes
the figures, but hardly their ratio.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.fuzz.search import search

MOST_TIMES_LONGER = 1.5
LEAST_A_SECOND = 900


class Pair(Struct):
    a: int
    b: int


class Order(Struct):
    product: str
    quantity: int
    price: float
    urgent: bool
    note: str | None = None


class Limited(Struct):
    product: Annotated[str, Meta(min_length=1, max_length=20)]
    quantity: Annotated[int, Meta(ge=1, le=1000)]
    price: Annotated[float, Meta(gt=0)]
    urgent: bool
    note: Annotated[str, Meta(max_length=100)] | None = None


class Booking(Struct):
    start: str
    end: str
    room: int


_FINITE = {"allow_nan": False, "allow_infinity": False}
_FLAT: dict[type, st.SearchStrategy[Any]] = {
    Pair: st.fixed_dictionaries({"a": st.integers(), "b": st.integers()}),
    Order: st.fixed_dictionaries(
        {"product": st.text(), "quantity": st.integers(), "price": st.floats(**_FINITE),
         "urgent": st.booleans()},
        optional={"note": st.none() | st.text()},
    ),
    Limited: st.fixed_dictionaries(
        {"product": st.text(min_size=1, max_size=20), "quantity": st.integers(1, 1000),
         "price": st.floats(0, exclude_min=True, **_FINITE), "urgent": st.booleans()},
        optional={"note": st.none() | st.text(max_size=100)},
    ),
    Booking: st.fixed_dictionaries(
        {"start": st.text(), "end": st.text(), "room": st.integers()}
    ),
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000, help="cases of one run (1000)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (5)")
    options = parser.parse_args()
    print(f"{'':10}{'bare/s':>9}{'ours/s':>9}{'times':>8}{'invalid/s':>11}{'search/s':>10}")
    is_slow = False
    for type_, bare in _FLAT.items():
        ways: dict[str, Callable[[int], int]] = {
            "bare": drawing(bare, options.cases),
            "ours": drawing(ws.payloads(type_), options.cases),
            "invalid": drawing(ws.invalid_payloads(type_), options.cases),
            "search": searching(ws.payloads(type_), options.cases),
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for way in ways.values():
            way(0)  # build what is built once
        for number in range(options.rounds):
            for name, way in ways.items():
                start = time.process_time()
                count = way(number)
                rates[name].append(count / (time.process_time() - start))
        middle = {name: statistics.median(many) for name, many in rates.items()}
        times = statistics.median(b / o for b, o in zip(rates["bare"], rates["ours"], strict=True))
        print(
            f"{type_.__name__:10}{middle['bare']:9.0f}{middle['ours']:9.0f}{times:8.2f}"
            f"{middle['invalid']:11.0f}{middle['search']:10.0f}"
        )
        is_slow |= times > MOST_TIMES_LONGER or middle["ours"] < LEAST_A_SECOND
    return is_slow


def drawing(strategy: st.SearchStrategy[Any], cases: int) -> Callable[[int], int]:
    """Return a function that draws with a seed in one run of hypothesis, and returns how many."""

    def draw(number: int) -> int:
        count = 0

        @settings(
            max_examples=cases, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @seed(number)
        @given(strategy)
        def look(value: Any) -> None:
            nonlocal count
            count += 1

        look()
        return count

    return draw


def searching(strategy: st.SearchStrategy[Any], cases: int) -> Callable[[int], int]:
    """Return the same as the fuzzer does it."""

    def draw(number: int) -> int:
        tried: list[None] = []
        search(strategy, lambda case: tried.append(None), name="", seed=number, max_examples=cases)
        return len(tried)

    return draw


if __name__ == "__main__":
    sys.exit(main())
