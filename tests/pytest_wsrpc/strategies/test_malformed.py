"""Malformed messages are answered as the protocol demands."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.errors import InvalidArgument

from pytest_wsrpc import strategies as ws
from wsrpc.errors import ParseError
from wsrpc.protocol import Rejected, decode, parse_request

QUICK = settings(
    max_examples=300, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)  # fmt: skip
THOROUGH = settings(QUICK, max_examples=1500, phases=[Phase.generate, Phase.shrink])
METHODS = ["add", "info"]


def answer(message: str | bytes, depth: int = 64) -> tuple[int, Any, Any]:
    try:
        request = parse_request(decode(message, depth))
    except ParseError as error:
        return error.code, None, None
    except Rejected as rejected:
        return rejected.error.code, rejected.id, rejected.method
    assert request.method not in METHODS, "a request that is right"
    return -32601, request.id, request.method


@pytest.mark.slow
@settings(QUICK, max_examples=2000)
@given(ws.malformed_messages(METHODS))
def test_the_protocol_gives_the_promised_answer(malformed: ws.Malformed) -> None:
    if malformed.binary:
        assert isinstance(malformed.message, bytes)
        expected: Any = (-32600, None, None)
    else:
        expected = answer(malformed.message)
    assert (malformed.code, malformed.id, malformed.method) == expected


@QUICK
@given(ws.malformed_messages(depth=3))
def test_without_methods_and_with_another_depth_the_answers_agree_too(
    malformed: ws.Malformed,
) -> None:
    if "no object" in malformed.why or malformed.binary:
        return  # these nest as they like, below the usual limit
    code, id, method = answer(malformed.message, depth=64 if malformed.code != -32700 else 3)
    assert (malformed.code, malformed.id, malformed.method) == (code, id, method)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-32700, "NaN"),
        (-32700, "beyond a double"),
        (-32700, "4,301 digits"),
        (-32700, "lone surrogate"),
        (-32700, "no UTF-8"),
        (-32700, "levels deep"),
        (-32700, "byte order mark"),
        (-32700, "after the end"),
        (-32700, "cut off"),
        (-32700, "no JSON text"),
        (-32600, "no object but list"),
        (-32600, "no object but NoneType"),
        (-32600, "binary"),
        (-32602, "id is missing"),
        (-32602, "id is true"),
        (-32602, "id is 1.5"),
        (-32602, "method is missing"),
        (-32602, "method is null"),
        (-32602, "payload is []"),
        (-32601, "no such method"),
    ],
)
def test_every_row_of_the_error_table_comes_up(code: int, text: str) -> None:
    found = find(
        ws.malformed_messages(METHODS),
        lambda malformed: malformed.code == code and text in malformed.why,
        settings=settings(QUICK, max_examples=5000),
    )
    assert found.code == code


def test_messages_shrink_to_short_ones() -> None:
    strategy = ws.malformed_messages()
    missing = find(strategy, lambda malformed: malformed.code == -32602, settings=THOROUGH)
    assert len(missing.message) < 30
    unknown = find(strategy, lambda malformed: malformed.code == -32601, settings=THOROUGH)
    assert unknown.message == '{"id": 0, "method": "no such ", "payload": {}}'
    assert (unknown.id, unknown.method) == (0, "no such ")


def test_a_message_is_shown_with_what_it_deserves() -> None:
    assert repr(ws.Malformed("{}", -32602, "id is missing")) == (
        "Malformed(message='{}', code=-32602, why='id is missing')"
    )
    assert repr(ws.Malformed(b"x", -32600, "binary", 1, "add", binary=True)) == (
        "Malformed(message=b'x', code=-32600, why='binary', id=1, method='add', binary=True)"
    )
    long = repr(ws.Malformed("[" * 10_000, -32700, "deep"))
    assert "(10000 long)" in long
    assert len(long) < 300


def test_a_failing_test_shows_a_long_message_cut() -> None:
    @settings(THOROUGH, max_examples=3000)
    @given(ws.malformed_messages(METHODS))
    def fail(malformed: ws.Malformed) -> None:
        assert len(malformed.message) < 100_000

    with pytest.raises(AssertionError) as raised:
        fail()
    shown = "\n".join(raised.value.__notes__)
    assert "malformed=Malformed(message=" in shown
    assert len(shown) < 2000


@pytest.mark.parametrize(
    ("strategy", "what"),
    [
        (ws.malformed_messages("add"), "methods must be the names of methods"),
        (ws.malformed_messages([1]), "methods must be the names of methods"),  # type: ignore[list-item]
        (ws.malformed_messages(depth=1), "depth must be an integer of at least 2"),
    ],
)
def test_wrong_arguments_are_told(strategy: Any, what: str) -> None:
    with pytest.raises(InvalidArgument, match=what):
        find(strategy, lambda malformed: True)


@given(ws.malformed_messages(depth=None))
def test_without_a_limit_no_message_is_refused_for_its_depth(drawn: ws.Malformed) -> None:
    assert "levels deep" not in drawn.why
