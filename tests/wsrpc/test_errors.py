"""Exceptions, their codes, and their way over the wire and between processes."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

import wsrpc
from wsrpc import errors, protocol

TABLE = [
    (wsrpc.ParseError, -32700, "JSON string expected"),
    (wsrpc.InvalidRequest, -32600, "Malformed message"),
    (wsrpc.MethodNotFound, -32601, "Invalid RPC parameters"),
    (wsrpc.InvalidParams, -32602, "Invalid RPC parameters"),
    (wsrpc.CannotPublish, -32602, "Invalid RPC parameters"),
    (wsrpc.CannotSubscribe, -32602, "Invalid RPC parameters"),
    (wsrpc.InternalError, -32603, "Internal error"),
    (wsrpc.CallTimeout, -32001, "Timed out"),
    (wsrpc.TooManyRequests, -32002, "Too many requests"),
    (wsrpc.Forbidden, -32003, "Forbidden"),
    (wsrpc.BrokerUnavailable, -32004, "Service unavailable"),
    (wsrpc.ShuttingDown, -32005, "Shutting down"),
]


@pytest.mark.parametrize(("error", "code", "message"), TABLE)
def test_each_situation_has_its_code_and_message(error, code, message):
    assert (error().code, error().message) == (code, message)
    assert issubclass(error, wsrpc.RpcError)


@pytest.mark.parametrize("error", [error for error, _, _ in TABLE])
def test_an_error_arrives_as_the_class_that_was_raised(error):
    message = json.loads(protocol.error(1, "m", error()))

    arrived = errors.from_wire(message["error"])

    assert type(arrived) is error
    assert (arrived.code, arrived.message) == (error().code, error().message)
    assert arrived.errors == error().errors


def test_details_arrive_too():
    arrived = errors.from_wire(
        {"code": -32602, "message": "Invalid RPC parameters", "errors": {"a": "required"}}
    )
    assert type(arrived) is wsrpc.InvalidParams
    assert arrived.errors == {"a": "required"}

    other = errors.from_wire({"code": -32603, "message": "Invalid response"})
    assert type(other) is wsrpc.InternalError
    assert other.message == "Invalid response"

    own = errors.from_wire({"code": 402, "message": "pay first", "errors": {"a": {"0": "x"}}})
    assert type(own) is wsrpc.RpcError
    assert (own.code, own.message, own.errors) == (402, "pay first", {"a": {"0": "x"}})


def test_a_channel_error_with_another_message_is_invalid_params():
    refused = {"code": -32602, "message": "not you", "errors": {"channel": "Invalid channel"}}
    assert type(errors.from_wire(refused)) is wsrpc.InvalidParams


@pytest.mark.parametrize(
    "error",
    [
        {},
        {"code": 1},
        {"message": "x"},
        {"code": True, "message": "x"},
        {"code": 1.0, "message": "x"},
        {"code": "1", "message": "x"},
        {"code": 1, "message": None},
        {"code": 1, "message": "x", "errors": []},
        {"code": 1, "message": "x", "errors": "x"},
    ],
)
def test_what_is_no_error_object_is_a_value_error(error):
    with pytest.raises(ValueError, match="expected an error with an integer code"):
        errors.from_wire(error)


def test_channel_refusals_name_the_channel_and_keep_the_reason_to_the_server():
    refused = wsrpc.CannotPublish("the table orders is locked")
    assert refused.errors == {"channel": "Cannot publish to channel"}
    assert refused.reason == "the table orders is locked"
    assert "orders" not in str(refused)

    refused = wsrpc.CannotSubscribe("secret")
    assert refused.errors == {"channel": "Invalid channel"}
    assert refused.reason == "secret"


@pytest.mark.parametrize("code", [0, 1, -32099, 10**20, -5])
def test_a_handler_may_use_any_integer_code(code):
    assert wsrpc.RpcError(code, "x").code == code


@pytest.mark.parametrize("code", ["1", 1.0, None, True])
def test_another_code_is_a_type_error(code):
    with pytest.raises(TypeError, match="code must be an integer"):
        wsrpc.RpcError(code, "x")


def test_message_and_errors_have_their_types():
    with pytest.raises(TypeError, match="message must be a string"):
        wsrpc.RpcError(1, 2)
    with pytest.raises(TypeError, match="errors must be a mapping"):
        wsrpc.RpcError(1, "x", ["a"])


def test_errors_are_copied():
    fields = {"a": "required"}
    error = wsrpc.InvalidParams(fields)
    fields["b"] = "required"
    assert error.errors == {"a": "required"}


def test_str_tells_message_code_and_errors():
    assert str(wsrpc.RpcError(7, "no")) == "no (7)"
    assert str(wsrpc.InvalidParams({"a": "required"})) == (
        "Invalid RPC parameters (-32602) {'a': 'required'}"
    )


@pytest.mark.parametrize(
    "error",
    [
        *(error() for error, _, _ in TABLE),
        wsrpc.RpcError(402, "pay", {"a": "b"}),
        wsrpc.InternalError("Invalid response"),
        wsrpc.InvalidParams({"a": {"0": "x"}}, "other words"),
    ],
    ids=lambda error: f"{type(error).__name__} {error.message}",
)
def test_errors_survive_pickling_and_copying(error):
    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(same) is type(error)
        assert (same.code, same.message, same.errors) == (error.code, error.message, error.errors)
        assert str(same) == str(error)


def test_a_refusal_keeps_its_reason_when_pickled():
    assert pickle.loads(pickle.dumps(wsrpc.CannotPublish("locked"))).reason == "locked"
    assert pickle.loads(pickle.dumps(wsrpc.CannotSubscribe("locked"))).reason == "locked"


def test_connection_closed_is_a_connection_error_with_code_and_reason():
    closed = wsrpc.ConnectionClosed(1001, "shutting down")
    assert isinstance(closed, ConnectionError)
    assert (closed.code, closed.reason) == (1001, "shutting down")
    assert str(closed) == "the connection is closed: code 1001, shutting down"
    assert str(wsrpc.ConnectionClosed(1006)) == "the connection is closed: code 1006"
    same = pickle.loads(pickle.dumps(closed))
    assert (type(same), same.code, same.reason) == (wsrpc.ConnectionClosed, 1001, "shutting down")


def test_a_callback_error_is_no_rpc_error():
    assert not issubclass(wsrpc.ChannelCallbackError, wsrpc.RpcError)


def test_close_codes_are_those_of_the_protocol():
    assert {code.name: int(code) for code in wsrpc.CloseCode} == {
        "OK": 1000,
        "GOING_AWAY": 1001,
        "MESSAGE_TOO_BIG": 1009,
        "INTERNAL_ERROR": 1011,
        "TRY_AGAIN_LATER": 1013,
    }
