"""The form of events on the bus, and the names in Redis."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrpc.redis.envelope import (
    MAGIC,
    Foreign,
    Names,
    check_name,
    decode_body,
    decode_message,
    encode_body,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(), JSON)
def test_an_event_comes_back_as_it_was_given(name, data):
    found, json = decode_body(encode_body(name, data))
    assert found == name
    assert msgspec.json.decode(json) == msgspec.json.decode(msgspec.json.encode(data))


def test_a_message_tells_epoch_and_offset():
    event = decode_message(MAGIC + b"abc-1 17\n" + encode_body("tick", [1]))
    assert event == ("abc-1", 17, "tick", b"[1]")


@given(st.binary() | st.binary().map(lambda rest: MAGIC + b"e 1\n" + rest))
def test_any_other_bytes_are_foreign_or_an_event(message):
    try:
        event = decode_message(message)
    except Foreign:
        return
    event.json.decode()
    msgspec.json.decode(event.json)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"hello",
        b"gASVCQAAAAAAAACMBWhlbGxvlC4=",
        b'{"channel":"x","event":"e","data":1}',
        MAGIC,
        MAGIC + b"e\n[]",
        MAGIC + b"e -1\n" + encode_body("e", 1),
        MAGIC + b"e 99999999999999999\n" + encode_body("e", 1),
        MAGIC + b"e 1\n",
        MAGIC + b'e 1\n["e"]',
        MAGIC + b'e 1\n["e",1,2]',
        MAGIC + b"e 1\n[1,2]",
        MAGIC + b'e 1\n{"e":1}',
        MAGIC + b'e 1\n["e",nonsense]',
        MAGIC + b'e 1\n["e","\xff"]',
        MAGIC + b"e 1\n" + b"[" * 100_000,
    ],
)
def test_a_message_of_another_form_is_foreign(message):
    with pytest.raises(Foreign):
        decode_message(message)


def test_a_message_of_another_version_is_foreign_and_says_so():
    with pytest.raises(Foreign, match="of version 2, and this is version 1"):
        decode_message(b"wsrpc2 e 1\n" + encode_body("e", 1))


def test_callable_data_is_called_for_the_data():
    assert encode_body("e", lambda: {"a": 1}) == b'["e",{"a":1}]'


@pytest.mark.parametrize(("data", "error"), [(object(), TypeError), ("\ud800", ValueError)])
def test_data_without_a_json_form_is_refused(data, error):
    with pytest.raises(error):
        encode_body("e", data)


@given(st.text())
def test_the_name_of_a_channel_comes_back(channel):
    names = Names("prefix:")
    assert names.channel(names.bus(channel)) == channel


def test_no_two_names_in_redis_are_the_same():
    names = Names("p:")
    found = [*names.keys("x"), names.bus("x"), names.control("x")]
    assert len(set(found)) == 4
    assert all(name.startswith(b"p:") for name in found)


@pytest.mark.parametrize("name", ["", "prices", "größe", "a:b/c d\n", "日本"])
def test_lowercase_names_are_channels(name):
    assert check_name(name)


@pytest.mark.parametrize("name", ["Prices", "\ud800", 1, None])
def test_other_names_are_no_channels(name):
    assert not check_name(name)
