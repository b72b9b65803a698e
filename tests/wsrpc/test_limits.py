"""The numbers that bound a connection."""

from __future__ import annotations

import dataclasses
import math

import pytest

from wsrpc import Limits


def test_the_defaults_are_those_of_the_design():
    assert dataclasses.asdict(Limits()) == {
        "message_size": 1024 * 1024,
        "depth": 64,
        "concurrent_calls": 16,
        "queued_calls": 1024,
        "queued_bytes": 2 * 1024 * 1024,
        "subscriptions": 128,
        "channel_length": 255,
        "event_length": 255,
        "pattern_length": 128,
        "call_timeout": 60,
        "heartbeat": 25,
        "outbox_size": 1024 * 1024,
        "slow_consumer": "close",
        "shutdown_timeout": 30,
        "compression": False,
        "compression_threshold": 1024,
    }


def test_limits_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Limits().depth = 3


def test_limits_are_given_by_name():
    with pytest.raises(TypeError):
        Limits(3)
    assert dataclasses.replace(Limits(depth=3), concurrent_calls=1) == Limits(
        depth=3, concurrent_calls=1
    )


@pytest.mark.parametrize("name", ["queued_calls", "queued_bytes", "subscriptions"])
def test_some_sizes_may_be_nothing(name):
    assert getattr(Limits(**{name: 0}), name) == 0
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 0, got -1"):
        Limits(**{name: -1})


@pytest.mark.parametrize(
    "name",
    [
        "message_size",
        "depth",
        "concurrent_calls",
        "channel_length",
        "event_length",
        "pattern_length",
        "outbox_size",
        "compression_threshold",
    ],
)
@pytest.mark.parametrize("value", [0, -1, 1.0, "1", None, True, math.inf])
def test_other_sizes_are_integers_of_at_least_one(name, value):
    assert getattr(Limits(**{name: 1}), name) == 1
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got"):
        Limits(**{name: value})


@pytest.mark.parametrize("name", ["call_timeout", "heartbeat", "shutdown_timeout"])
@pytest.mark.parametrize("value", [-1, "1", True, math.nan, math.inf, -math.inf, 1j])
def test_times_are_finite_numbers_of_seconds(name, value):
    assert getattr(Limits(**{name: 3}), name) == 3
    assert getattr(Limits(**{name: 0.01}), name) == 0.01
    with pytest.raises(ValueError, match=f"{name} must be a time in seconds, got"):
        Limits(**{name: value})


def test_only_the_shutdown_may_take_no_time():
    assert Limits(shutdown_timeout=0).shutdown_timeout == 0
    for name in ("call_timeout", "heartbeat"):
        with pytest.raises(ValueError, match=name):
            Limits(**{name: 0})


def test_only_the_heartbeat_can_be_turned_off():
    assert Limits(heartbeat=None).heartbeat is None
    for name in ("call_timeout", "shutdown_timeout"):
        with pytest.raises(ValueError, match=name):
            Limits(**{name: None})


@pytest.mark.parametrize("value", ["block", None, True, ""])
def test_a_slow_consumer_is_closed_or_dropped(value):
    assert Limits(slow_consumer="drop").slow_consumer == "drop"
    with pytest.raises(ValueError, match="slow_consumer must be 'close' or 'drop', got"):
        Limits(slow_consumer=value)


@pytest.mark.parametrize("value", [15, 0, None, "deflate"])
def test_compression_is_on_or_off(value):
    assert Limits(compression=True).compression is True
    with pytest.raises(ValueError, match="compression must be True or False, got"):
        Limits(compression=value)
