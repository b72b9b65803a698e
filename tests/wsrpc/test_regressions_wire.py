"""What the library that this idea comes from got wrong on the wire (D1 to D15)."""

from __future__ import annotations

import pytest
from aiohttp import web

from wsrpc import ApiPath, Publish, Subscribe, WsPathMixin
from wsrpc.rpc import methods_of

INTERNAL = {"code": -32603, "message": "Internal error"}
NO_JSON = {"error": {"code": -32700, "message": "JSON string expected"}}
REFUSED = {"code": -32602, "message": "Invalid RPC parameters"}


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_echo(self, payload):
        return payload

    async def ws_rpc_raise(self, payload):
        raise {
            "KeyError": KeyError("secret"),
            "RuntimeError": RuntimeError("secret"),
            "TimeoutError": TimeoutError("secret"),
            "HTTPForbidden": web.HTTPForbidden(text="secret"),
        }[payload["name"]]

    async def ws_rpc_return(self, payload):
        looped: list = []
        looped.append(looped)
        return {"nan": {"x": float("nan")}, "looped": looped, "bytes": {"x": b"\xff"}}[
            payload["name"]
        ]


@pytest.fixture
async def client(serve):
    return await (await serve(Stream)).connect()


async def alive(client):
    return (await client.call("echo", {"a": 1}))["response"] == {"a": 1}


# D1
async def test_a_handlers_exception_is_an_error_reply_logged_once(client, caplog):
    assert await client.call("raise", {"name": "KeyError"}, id="a") == {
        "id": "a",
        "method": "raise",
        "error": INTERNAL,
    }
    assert await alive(client)
    (record,) = caplog.records
    assert record.exc_info[0] is KeyError
    assert "'a'" in record.getMessage()


# D2
@pytest.mark.parametrize("name", ["RuntimeError", "TimeoutError"])
async def test_an_applications_error_is_never_taken_for_a_network_error(client, caplog, name):
    assert (await client.call("raise", {"name": name}))["error"] == INTERNAL
    assert await alive(client)
    assert [(record.levelname, record.exc_info[0].__name__) for record in caplog.records] == [
        ("ERROR", name)
    ]


# D3
async def test_an_http_exception_is_an_error_reply(client):
    reply = await client.call("raise", {"name": "HTTPForbidden"})
    assert reply["error"] == {"code": -32003, "message": "Forbidden"}
    assert await alive(client)


# D4
async def test_a_response_without_a_json_form_is_an_error_reply(client):
    for name in ("looped", "bytes"):
        reply = await client.call("return", {"name": name})
        assert reply["error"] == {"code": -32603, "message": "JSON object expected"}
    assert (await client.call("return", {"name": "nan"}))["response"] == {"x": None}
    assert await alive(client)


# D5
async def test_an_integer_of_5000_digits_is_a_parse_error(client):
    await client.send('{"id": "a", "method": "echo", "payload": {"x": %s}}' % ("9" * 5000))
    assert await client.recv() == NO_JSON
    assert await alive(client)


# D6
async def test_deep_nesting_is_a_parse_error(client):
    for text in ("[" * 100_000, '{"a":' * 100_000, "[" * 65 + "]" * 65):
        await client.send(text)
        assert await client.recv() == NO_JSON
    assert await alive(client)


# D7
async def test_the_string_null_is_a_string(client):
    reply = await client.call("echo", {"b": "NULL", "c": ["null", {"d": "None"}]}, id="NULL")
    assert reply["id"] == "NULL"
    assert reply["response"] == {"b": "NULL", "c": ["null", {"d": "None"}]}
    reply = await client.call("publish", {"channel": "c", "data": "NULL"})
    assert reply["response"]["data"] == "NULL"


# D8
@pytest.mark.parametrize("id", ["", 0])
async def test_an_empty_id_is_echoed(client, id):
    reply = await client.call("nope", id=id)
    assert reply["id"] == id
    assert type(reply["id"]) is type(id)
    assert reply["error"]["code"] == -32601


# D9
async def test_ids_are_strings_or_integers(client):
    for id in (1, -5, 2**70, "1"):
        assert (await client.call("echo", id=id))["id"] == id


# D10
async def test_an_error_for_the_payload_names_the_method(client):
    await client.send({"id": "a", "method": "echo", "payload": [1]})
    assert await client.recv() == {
        "id": "a",
        "method": "echo",
        "error": {**REFUSED, "errors": {"payload": "expected an object, got an array"}},
    }


# D11
async def test_a_binary_message_is_answered(client):
    await client.send(b'{"id": "a", "method": "echo"}')
    assert await client.recv() == {"error": {"code": -32600, "message": "Text message expected"}}
    assert await alive(client)


# D12
@pytest.mark.parametrize("data", [42, 1.5, True, None, "x", [1], {"a": None}])
async def test_any_json_value_can_be_published(client, data):
    await client.call("subscribe", {"channel": "c"})
    reply = await client.call("publish", {"channel": "c", "event": "e", "data": data})
    event = {"channel": "c", "event": "e", "data": data}
    assert repr(reply["response"]) == repr(event)
    assert repr(await client.recv()) == repr(event)


# D13
async def test_a_misspelled_field_does_not_subscribe_to_everything(client):
    for method in ("subscribe", "unsubscribe", "publish"):
        payload = {"channel": "c", "evnet": "oops", **({"data": 1} if method == "publish" else {})}
        reply = await client.call(method, payload)
        assert reply["error"]["code"] == -32602
        assert reply["error"]["errors"].keys() == {"evnet"}
    assert (await client.call("unsubscribe", {"channel": "c"}))["response"] == {"subscribed": {}}


# D14
async def test_an_event_without_a_name_has_the_empty_name(client):
    subscribed = await client.call("subscribe", {"channel": "c", "event": ""})
    assert subscribed["response"] == {"subscribed": {"c": [""]}}
    for event, answered in (("", ""), (None, None), ("a", "a")):
        payload = {"channel": "c", "event": event, "data": 1}
        assert (await client.call("publish", payload))["response"]["event"] == answered
    assert await client.recv() == {"channel": "c", "event": "", "data": 1}
    assert await client.recv() == {"channel": "c", "event": "", "data": 1}
    assert not client.kept
    subscribed = await client.call("subscribe", {"channel": "d", "event": None})
    assert subscribed["response"] == {"subscribed": {"d": ["*"]}}


# D15
async def test_only_coroutine_functions_are_methods(serve):
    class Helpful(Stream):
        ws_rpc_helper = "text"

    client = await (await serve(Helpful)).connect()
    reply = await client.call("helper")
    assert reply["error"]["code"] == -32601
    assert reply["error"]["errors"] == {"method": "helper method not available"}
    assert "helper" not in methods_of(Helpful)
