"""Ids, channels, events and patterns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.errors import InvalidArgument

from pytest_wsrpc import strategies as ws
from wsrpc.patterns import Pattern

QUICK = settings(
    max_examples=300, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
THOROUGH = settings(QUICK, max_examples=2000, phases=[Phase.generate, Phase.shrink])


@QUICK
@given(ws.ids())
def test_ids_are_strings_or_integers(id: Any) -> None:
    assert type(id) in (str, int)
    assert json.loads(json.dumps(id, ensure_ascii=False).encode()) == id


@pytest.mark.parametrize("id", ["", "💩", 0, -1, 2**53 + 1, 2**64, 10**40])
def test_unusual_ids_come_up(id: Any) -> None:
    assert find(ws.ids(), lambda drawn: drawn == id, settings=THOROUGH) == id


@QUICK
@given(ws.channels(), ws.channels(max_length=3))
def test_channels_are_lowercase_and_not_empty(usual: str, short: str) -> None:
    for name in (usual, short):
        assert name == name.lower()
        assert name
    assert len(usual) <= 255
    assert len(short) <= 3


def test_the_longest_channel_comes_up() -> None:
    assert find(ws.channels(), lambda name: len(name) == 255, settings=THOROUGH) == "a" * 255


@QUICK
@given(ws.event_names(), ws.event_names(min_length=2, max_length=4))
def test_event_names_are_not_reserved(usual: str, bounded: str) -> None:
    assert not usual.startswith("wsrpc.")
    assert len(usual) <= 255
    assert 2 <= len(bounded) <= 4


@pytest.mark.slow
def test_an_event_may_have_no_name() -> None:
    assert find(ws.event_names(), lambda name: True, settings=THOROUGH) == ""


@pytest.mark.slow
@settings(QUICK, max_examples=500)
@given(ws.patterns())
def test_patterns_come_with_a_name_that_matches_and_one_that_does_not(
    example: ws.PatternExample,
) -> None:
    pattern = Pattern(example.pattern)
    assert pattern.matches(example.matching)
    assert not pattern.matches(example.other)


@pytest.mark.parametrize("part", ["*", "?", "[", "[!", "\\", "a"])
def test_patterns_have_every_kind_of_part(part: str) -> None:
    example = find(ws.patterns(), lambda example: part in example.pattern, settings=THOROUGH)
    assert len(example.pattern) <= 6


def test_patterns_are_shown_readably() -> None:
    assert repr(find(ws.patterns(), lambda example: True, settings=THOROUGH)) == (
        "PatternExample(pattern='a', matching='a', other='')"
    )


@pytest.mark.parametrize(
    ("strategy", "what"),
    [
        (ws.channels(max_length=0), "max_length must be an integer of at least 1, got 0"),
        (ws.event_names(min_length=-1), "min_length must be an integer of at least 0, got -1"),
        (
            ws.event_names(min_length=3, max_length=2),
            "max_length must be an integer of at least 3, got 2",
        ),
        (ws.channels(max_length="3"), "max_length must be an integer"),  # type: ignore[arg-type]
    ],
)
def test_wrong_arguments_are_told(strategy: Any, what: str) -> None:
    with pytest.raises(InvalidArgument, match=what):
        find(strategy, lambda name: True)
