"""How deep messages nest, however their strings look."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wsrpc.errors import ParseError
from wsrpc.protocol import Rejected, decode, holds_bytes, parse_request, request

LIMIT = 4

texts = st.lists(
    st.sampled_from(["{", "}", "[", "]", '"', "\\", "},{", "}, {", "x", ", ", ":"]), max_size=8
).map("".join)
values: st.SearchStrategy[Any] = st.recursive(
    texts | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(values, st.booleans())
@example([[[["]"]]]], True)
@example([[[[["]", "["]]]]], True)
@example(["},{" * 9, [[[[1]]]]], True)
@example([{"a": [{"b": [{"c": 1}]}]}], False)
@example({'"': [[[['\\"[']]]]}, True)
def test_only_brackets_outside_of_strings_count(value: Any, compact: bool) -> None:
    data = json.dumps(value, separators=(",", ":") if compact else None).encode()
    if depth_of(value) <= LIMIT:
        assert decode(data, LIMIT) == value
    else:
        with pytest.raises(ParseError):
            decode(data, LIMIT)


@pytest.mark.parametrize("opened", ["[", '{"a":', '[{"a":'])
def test_a_message_of_brackets_alone_is_refused_soon(opened: str) -> None:
    with pytest.raises(ParseError):
        decode((opened * 200_000).encode())


def test_many_records_are_not_deep() -> None:
    records = [{"id": n, "tags": []} for n in range(500)]
    call = {"id": 1, "method": "add", "payload": {"records": records}}
    for separators in ((",", ":"), (", ", ": ")):
        taken = request(json.dumps(call, separators=separators).encode(), 5)
        assert taken.payload == {"records": records}


@pytest.mark.parametrize(
    "message",
    [
        b'{"id":1,"method":"a","payload":{"a":1}}',
        b'{"id":"x","method":"a"}',
        b'{"id":1,"method":"a","payload":null,"more":[1]}',
        b'{"id":1,"method":"a","more":1e999}',
        b'{"id":1,"method":"a","more":"\xff"}',
        b'{"id":1.0,"method":"a"}',
        b'{"id":true,"method":"a"}',
        b'{"id":1,"method":"a","payload":[]}',
        b"[1]",
        b'{"id":1,"id":2,"method":"a"}',
        b'{"id":1,"method":"a","payload":{"a":NaN}}',
        b'{"id":1,"method":"a","payload":' + b'{"a":' * 63 + b"1" + b"}" * 64,
        b'{"id":1,"method":"a","payload":' + b'{"a":' * 64 + b"1" + b"}" * 65,
        b'{"id":1,"method":"a","payload":' + b'{"a":' * 70 + b"1" + b"}" * 71,
        b"",
    ],
)
def test_a_request_is_read_at_once_as_step_by_step(message: bytes) -> None:
    def outcome(read: Any) -> Any:
        try:
            return read()
        except (ParseError, Rejected) as error:
            told = error if isinstance(error, ParseError) else error.error
            return type(error), told.code, told.message, told.errors

    assert outcome(lambda: request(message)) == outcome(lambda: parse_request(decode(message)))


class Named(dict[str, Any]):
    """A dict of the application's own."""


@pytest.mark.parametrize("blob", [b"x", bytearray(b"x"), memoryview(b"x")])
@pytest.mark.parametrize(
    "around",
    [
        lambda blob: blob,
        lambda blob: {"a": [1, {"b": blob}]},
        lambda blob: [[1, "a"], (None, blob)],
        lambda blob: Named(a=blob),
        lambda blob: [Named(a=1), {"b": [blob]}],
    ],
)
def test_bytes_are_found_wherever_they_are(blob: Any, around: Any) -> None:
    assert holds_bytes(around(blob))
    assert not holds_bytes(around("x"))


@pytest.mark.parametrize("value", [{b"key": 1}, [{1: 2, b"key": 3}], {"a": {b"x"}}])
def test_bytes_are_found_as_keys_and_in_sets(value: Any) -> None:
    assert holds_bytes(value)


def test_attributes_of_a_dict_of_ones_own_are_not_its_members() -> None:
    named = Named(a=1)
    named.secret = b"x"  # type: ignore[attr-defined]
    assert not holds_bytes([named])
