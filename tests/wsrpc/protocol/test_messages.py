"""What is a request, and what an answer looks like."""

from __future__ import annotations

import json
import math

import pytest

from wsrpc import InvalidParams, InvalidRequest, ParseError, RpcError
from wsrpc.protocol import (
    Rejected,
    Request,
    decode,
    error,
    event,
    parse_request,
    reply,
    unknown_method,
)


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        ({"id": "a", "method": "m"}, {}),
        ({"id": "a", "method": "m", "payload": None}, {}),
        ({"id": "a", "method": "m", "payload": {"a": None}}, {"a": None}),
        ({"id": "a", "method": "m", "unknown": [1]}, {}),
    ],
)
def test_a_request_has_id_method_and_perhaps_a_payload(message, payload):
    assert parse_request(message) == Request("a", "m", payload)


@pytest.mark.parametrize("id", ["", "NULL", 0, -1, 10**4299, "é\x00"])
@pytest.mark.parametrize("method", ["", "m"])
def test_every_string_and_integer_is_an_id_and_every_string_a_method(id, method):
    request = parse_request({"id": id, "method": method})

    assert (request.id, request.method) == (id, method)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[1]", "list"),
        ('"{}"', "str"),
        ("1", "int"),
        ("1.5", "float"),
        ("null", "NoneType"),
        ("true", "bool"),
    ],
)
def test_json_that_is_no_object_is_an_invalid_request(text, name):
    with pytest.raises(Rejected) as caught:
        parse_request(decode(text))

    assert type(caught.value.error) is InvalidRequest
    assert caught.value.error.code == -32600
    assert caught.value.error.message == f"Malformed message; expected dictionary, got {name}"
    assert (caught.value.id, caught.value.method) == (None, None)


@pytest.mark.parametrize(
    ("message", "id", "method", "errors"),
    [
        ({}, None, None, {"id": "required", "method": "required"}),
        ({"id": 1}, 1, None, {"method": "required"}),
        ({"method": "m"}, None, "m", {"id": "required"}),
        (
            {"id": None, "method": None},
            None,
            None,
            {
                "id": "expected a string or an integer, got null",
                "method": "expected a string, got null",
            },
        ),
        (
            {"id": True, "method": 1, "payload": 1.5},
            None,
            None,
            {
                "id": "expected a string or an integer, got a boolean",
                "method": "expected a string, got an integer",
                "payload": "expected an object, got a number",
            },
        ),
        (
            {"id": 1.0, "method": "m"},
            None,
            "m",
            {"id": "expected a string or an integer, got a number"},
        ),
        (
            {"id": {}, "method": []},
            None,
            None,
            {
                "id": "expected a string or an integer, got an object",
                "method": "expected a string, got an array",
            },
        ),
        ({"id": 0, "method": "m", "payload": []}, 0, "m", "an array"),
        ({"id": "", "method": "m", "payload": "{}"}, "", "m", "a string"),
        ({"id": "x", "method": "m", "payload": False}, "x", "m", "a boolean"),
        ({"id": "x", "method": "", "payload": 0}, "x", "", "an integer"),
    ],
)
def test_a_malformed_request_is_refused_with_every_wrong_member_and_what_was_readable(
    message, id, method, errors
):
    with pytest.raises(Rejected) as caught:
        parse_request(message)

    rejected = caught.value
    assert type(rejected.error) is InvalidParams
    assert (rejected.error.code, rejected.error.message) == (-32602, "Invalid RPC parameters")
    if isinstance(errors, str):
        errors = {"payload": f"expected an object, got {errors}"}
    assert rejected.error.errors == errors
    assert (rejected.id, rejected.method) == (id, method)
    assert type(rejected.id) is type(id)


@pytest.mark.parametrize("id", ["", "NULL", "é\n", 0, -1, 10**30, 10**4299])
def test_a_reply_echoes_id_and_method(id):
    assert json.loads(reply(id, 'm"\n', b'{"a":1}')) == {
        "id": id,
        "method": 'm"\n',
        "response": {"a": 1},
    }


def test_an_error_carries_code_message_and_errors():
    assert json.loads(error(0, "", RpcError(7, "no", {"a": {"0": "bad"}}))) == {
        "id": 0,
        "method": "",
        "error": {"code": 7, "message": "no", "errors": {"a": {"0": "bad"}}},
    }


def test_an_error_leaves_out_what_is_not_known():
    assert json.loads(error(None, None, ParseError())) == {
        "error": {"code": -32700, "message": "JSON string expected"}
    }
    assert json.loads(error(None, "m", RpcError(1, "", {}))) == {
        "method": "m",
        "error": {"code": 1, "message": "", "errors": {}},
    }


def test_an_error_whose_fields_have_no_json_form_raises():
    with pytest.raises(TypeError):
        error(1, "m", RpcError(1, "", {"a": object()}))
    with pytest.raises(ValueError):
        error(1, "m", RpcError(1, "\ud800"))


def test_an_event_carries_channel_name_and_data():
    assert json.loads(event("c", "", None)) == {"channel": "c", "event": "", "data": None}
    assert json.loads(event("c", "e", [math.nan])) == {"channel": "c", "event": "e", "data": [None]}
    with pytest.raises(TypeError):
        event("c", "e", b"x")


def test_an_unknown_method_is_named():
    assert unknown_method("wtf") == {"method": "wtf method not available"}
