"""Of a message the part that matters is shown, and all of it where it has no form of ours."""

from __future__ import annotations

import pytest

from pytest_wsrpc.report.frames import SHOWN_TEXT, Frame, read
from pytest_wsrpc.report.story import Step, What

CALL = '{"id":1,"method":"add","payload":{"a":1}}'


@pytest.mark.parametrize(
    ("what", "text", "frame"),
    [
        ("sent", CALL, Frame("call", "add", "1", '{"a":1}')),
        ("sent", '{"id": "x", "method": "info"}', Frame("call", "info", '"x"', "")),
        ("sent", '{"method":"info","payload":{}}', Frame("call", "info", "", "")),
        ("sent", '{"id":1,"method":7}', Frame("call", "7", "1", "")),
        ("received", '{"id":1,"method":"add","response":2}', Frame("reply", "add", "1", "2")),
        ("received", '{"id":1,"response":null}', Frame("reply", "", "1", "null")),
        (
            "received",
            '{"id":1,"method":"add","error":{"code":-32602,"message":"no","errors":{"a":"x"}}}',
            Frame("error", "add", "1", '-32602 no {"a":"x"}'),
        ),
        (
            "received",
            '{"error":{"code":-32700,"message":"JSON string expected"}}',
            Frame("error", "", "", "-32700 JSON string expected"),
        ),
        ("received", '{"id":1,"error":"odd"}', Frame("error", "", "1", '"odd"')),
        (
            "received",
            '{"channel":"c","event":"e","data":{"n":1}}',
            Frame("event", "e on c", "", '{"n":1}'),
        ),
        (
            "received",
            '{"channel":"c","event":"e","data":null,"offset":3}',
            Frame("event", "e on c, offset 3", "", "null"),
        ),
    ],
)
def test_messages_of_the_protocol_are_told_in_words(what: What, text: str, frame: Frame) -> None:
    assert read(Step(0.0, what, 0, text)) == frame


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("sent", "not json"),
        ("sent", "[1]"),
        ("sent", "[" * 100_000),
        ("sent", '{"id":1}'),
        ("sent", '{"id":1,"method":"add","more":1}'),
        ("sent", '{"id":1,"id":2,"method":"add"}'),
        ("sent", '{"id":1e2,"method":"add"}'),
        ("received", CALL),
        ("received", '{"id":1,"response":1,"error":{}}'),
        ("received", '{"channel":"c"}'),
    ],
)
def test_any_other_message_is_shown_as_it_came(what: What, text: str) -> None:
    frame = read(Step(0.0, what, 0, text[:50]))
    assert frame == Frame("message", "", "", text[:50])


def test_a_message_that_was_cut_is_shown_as_it_is() -> None:
    frame = read(Step(0.0, "sent", 0, '{"id":1,"method":"a"}', cut=9))
    assert frame.kind == "message"
    assert " 9 characters " in frame.text


def test_a_long_payload_is_cut_with_a_note() -> None:
    long = "x" * (SHOWN_TEXT + 500)
    frame = read(Step(0.0, "sent", 0, f'{{"id":1,"method":"add","payload":{{"a":"{long}"}}}}'))
    assert len(frame.text) < SHOWN_TEXT + 50
    assert " 508 characters " in frame.text


def test_what_would_turn_the_text_around_is_escaped() -> None:
    frame = read(Step(0.0, "sent", 0, '{"method":"a\u202eb","payload":{"x":"\u202e"}}'))
    assert (frame.title, frame.text) == ("a\\u202eb", '{"x":"\\u202e"}')


@pytest.mark.parametrize(
    ("message", "member"),
    [
        ('{"id":ODD,"response":1}', "id"),
        ('{"channel":"c","event":"e","data":1,"offset":ODD}', "title"),
        ('{"error":{"code":ODD,"message":"m"}}', "text"),
    ],
)
def test_what_should_be_short_is_cut_and_escaped_where_it_is_not(message: str, member: str) -> None:
    odd = f'"\u202e{"x" * 5_000}"'
    shown = getattr(read(Step(0.0, "received", 0, message.replace("ODD", odd))), member)
    assert "\\u202exxx" in shown
    assert " characters ... " in shown
    assert len(shown) < 200
