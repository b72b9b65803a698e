"""What must hold for this application, whatever the fuzzer sends."""

from __future__ import annotations

from typing import assert_type

from pytest_wsrpc import fuzz


def nothing_is_owed(exchange: fuzz.Exchange) -> None:
    """Nobody takes what is not there."""
    if exchange.method == "order" and exchange.is_success:
        assert exchange.response["left"] >= 0


@fuzz.check("prices-are-threes")
def prices_are_threes(exchange: fuzz.Exchange) -> None:
    """Everything costs three."""
    if exchange.method == "price" and exchange.is_success and exchange.response % 3:
        raise fuzz.Violation(expected="threes", got=str(exchange.response))


@fuzz.check("few-calls", of="record")
def few_calls(record: fuzz.Record) -> None:
    """A conversation is short."""
    assert_type(record.calls, list[fuzz.Exchange])
    assert len(record.calls) < 1000
