"""What the fuzzer reads of an AsyncAPI document: channels, methods, types, limits."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from pytest_wsrpc.fuzz.url.address import values_in
from pytest_wsrpc.fuzz.url.channels import CAUTIOUS, endpoints_at
from pytest_wsrpc.fuzz.url.fetching import BadDocument
from pytest_wsrpc.fuzz.url.references import Documents, Node
from wsrpc import ApiPath, Limits, LocalBroker, Publish, Subscribe, WsPathMixin
from wsrpc.asyncapi import document

from . import foreign
from .documents import BASE, Files, api, message, method, read, reply

# -- channels


@pytest.mark.parametrize(
    ("url", "address", "path"),
    [
        ("ws://localhost/x", "/x", "/x"),
        ("ws://localhost", "/", "/"),
        ("ws://localhost/x?a=1&b=%20", "/x", "/x?a=1&b=%20"),
        ("ws://localhost/rooms/7", "/rooms/{id}", "/rooms/7"),
        ("ws://localhost/rooms/7/b%20c", "rooms/{id}/{part}", "/rooms/7/b%20c"),
        ("ws://localhost/rooms/{id}", "/rooms/{id}", "/rooms/given"),
        ("ws://localhost/v1/x", "/x", "/v1/x"),
        ("ws://localhost/v1", "/", "/v1/"),
    ],
)
def test_a_channel_fits_by_its_address(url: str, address: str, path: str) -> None:
    given = api(address=address)
    given["servers"] = {"one": {"host": "h", "pathname": "/v1/"}, "two": {"host": "h"}}
    (endpoint,) = read(given, url)
    assert endpoint.path == "/" + address.removeprefix("/")
    assert endpoint.parameters == (("id",) if "{" in url else ())
    assert endpoint.url({"id": "given"}) == path


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/rooms/7/b", "/rooms/{id}"),
        ("/rooms/", "/rooms/{id}"),
        ("/v1x0/7", "/v1.0/{id}"),
        ("/rooms/7xjson", "/rooms/{id}.json"),
    ],
)
def test_what_a_parameter_does_not_stand_for_fits_not(path: str, address: str) -> None:
    assert values_in(path, address) is None


def test_all_channels_that_fit_are_fuzzed() -> None:
    given = api(address="/rooms/{id}")
    given["channels"]["lobby"] = api(address="/rooms/lobby")["channels"]["x"]
    given["channels"]["other"] = api(address="/halls/{id}")["channels"]["x"]
    given["channels"]["unknown"] = {**given["channels"]["x"], "address": None}
    found = read(given, "ws://localhost/rooms/lobby")
    assert [endpoint.path for endpoint in found] == ["/rooms/{id}", "/rooms/lobby"]


def test_a_channel_of_one_server_has_the_path_of_that_one() -> None:
    given = api(servers=[{"$ref": "#/servers/two"}])
    given["servers"] = {"one": {"pathname": "/v1"}, "two": {"pathname": "/v2"}}
    assert len(read(given, "ws://localhost/v2/x")) == 1
    with pytest.raises(BadDocument, match="no channel's address fits the path '/v1/x'"):
        read(given, "ws://localhost/v1/x")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "expected an AsyncAPI 3 document, got something without the member 'asyncapi'"),
        ({}, "expected an AsyncAPI 3 document, got an object without the member 'asyncapi'"),
        ({"asyncapi": "2.6.0"}, "expected an AsyncAPI 3 document, got AsyncAPI 2.6.0"),
        ({"openapi": "3.1.0"}, "expected an AsyncAPI 3 document, got one of openapi 3.1.0"),
        ({"asyncapi": "3.0.0"}, "it has no channels"),
        (
            api(address="/y"),
            "no channel's address fits the path '/x' of the URL; there are /y",
        ),
        (api(messages={}), "the channel /x has no requests: messages whose payload has a member *"),
        (
            api(
                messages={
                    "a": {"payload": {"properties": {"method": True}}},
                    "b": {"payload": True},
                    "c": {},
                    "d": {"payload": {"allOf": [{"$ref": "#/channels/x/messages/d/payload"}]}},
                    "r": message(7),
                }
            ),
            "the channel /x has no requests",
        ),
        (api({"$ref": "#/nowhere"}), "'#/nowhere' leads nowhere"),
        (api({"$ref": "#/channels/x/messages/r/payload/allOf/0"}), "leads nowhere"),
        (
            api({"$ref": "#/channels/x/messages/r/payload/properties/payload/b"}),
            "r/payload/properties/payload: the reference leads back to itself",
        ),
        (api({"$ref": "#/channels/x/tags/1"}, tags=[{}]), "leads nowhere"),
        (api({"$ref": "#here"}), "'#here' is no JSON pointer, such as"),
        (api({"$ref": "http://[x"}), "'http://[x' is no reference: Invalid IPv6 URL"),
        (api({"$ref": "other.json#/X"}), "file:///api/other.json cannot be read"),
        (api({"$ref": "empty.json#/X"}), "'empty.json#/X' leads nowhere in /api/empty.json"),
        (api(7), "payload: expected a JSON Schema, got int"),
        (api({"type": "nothing"}), "the payload of do (#/channels/x/messages/r/payload/*"),
        (api({"pattern": "("}), "the payload of do (#/channels/x/messages/r/payload/*"),
        (api(True, {"type": "nothing"}), "the response of do (#/channels/x/messages/a/*"),
        (
            api({"schemaFormat": "application/vnd.apache.avro;version=1.9.0", "schema": {}}),
            "expected JSON Schema, got the format 'application/vnd.apache.avro;version=1.9.0'",
        ),
        (api(**{"x-wsrpc-limits": {"depth": 0}}), "#/channels/x/x-wsrpc-limits: depth must be"),
        (
            {"asyncapi": "3.0.0", "channels": {"x": {"$ref": "#/channels/x"}}},
            "#/channels/x: the reference leads back to itself",
        ),
    ],
)
def test_what_cannot_be_understood_is_said_in_one_line(value: Any, says: str) -> None:
    with pytest.raises(BadDocument) as raised:
        read(value, empty={})
    text = str(raised.value)
    assert says.partition("*")[0] in text
    assert "\n" not in text


def test_a_document_from_the_network_leads_to_no_file() -> None:
    with pytest.raises(BadDocument, match="leads from the network to a file"):
        read(api({"$ref": "file:///etc/passwd"}), base="http://localhost/asyncapi.json")


# -- limits


def test_limits_that_are_told_hold_and_others_are_cautious() -> None:
    (endpoint,) = read(api(**{"x-wsrpc-limits": {"depth": 5, "of_the_future": 1}}))
    assert endpoint.view.limits == Limits(depth=5, message_size=CAUTIOUS)
    assert endpoint.tells_depth
    (endpoint,) = read(api())
    assert endpoint.view.limits == Limits(message_size=CAUTIOUS)
    assert not endpoint.tells_depth


# -- methods and types


def test_what_wsrpc_writes_is_read_as_it_was_meant() -> None:
    class View(ApiPath, WsPathMixin, Subscribe, Publish):
        limits = Limits(call_timeout=7)

        async def ws_rpc_ask(self, payload: dict[str, int]) -> list[str]:
            """Ask"""

        async def ws_rpc_tell(self, payload):
            """Tell"""

        async def ws_rpc_publish(self, payload):
            return await super().ws_rpc_publish(payload)

    app = web.Application()
    app.router.add_view("/x", View)
    LocalBroker.for_app(app)
    (endpoint,) = read(document(app))
    methods = endpoint.methods
    assert list(methods) == ["ask", "publish", "subscribe", "tell", "unsubscribe"]
    assert methods["ask"].payload.json_schema()["additionalProperties"] == {"type": "integer"}
    assert methods["ask"].response.json_schema() == {"type": "array", "items": {"type": "string"}}
    assert methods["tell"].payload is None
    assert methods["tell"].response is None
    assert [name for name, one in methods.items() if one.builtin] == ["subscribe", "unsubscribe"]
    assert [name for name, one in methods.items() if one.channel_call] == [
        "publish",
        "subscribe",
        "unsubscribe",
    ]
    assert issubclass(endpoint.view, Publish)
    assert endpoint.view.ws_rpc_publish is not Publish.ws_rpc_publish
    assert endpoint.view.ws_rpc_subscribe is Subscribe.ws_rpc_subscribe
    assert endpoint.view.limits == View.limits


def test_methods_of_the_protocol_are_known_without_being_told() -> None:
    (endpoint,) = read(foreign.document(), "ws://localhost/rooms/1")
    builtin = [name for name, one in endpoint.methods.items() if one.builtin]
    assert builtin == ["publish", "subscribe", "unsubscribe"]


@pytest.mark.parametrize(
    "members",
    [{}, {"channel": {}}, {"channel": {}, "data": {}, "article": {}}, {"title": {}}],
)
def test_another_method_of_such_a_name_is_one_like_any_other(members: dict[str, Any]) -> None:
    payload = {"type": "object", "properties": members, "required": [*members]}
    (endpoint,) = read(api(messages={"p": message("publish", payload), "q": message("do")}))
    assert not endpoint.methods["publish"].builtin
    assert not issubclass(endpoint.view, Publish)


def test_where_methods_of_the_protocol_are_told_others_are_none() -> None:
    payload = {"properties": {"channel": {}, "data": {}}}
    given = api(messages={"p": message("publish", payload), "s": message("subscribe", payload)})
    given["operations"] = {
        "one": {
            "channel": {"$ref": "#/channels/x"},
            "messages": [{"$ref": "#/channels/x/messages/s"}],
            "tags": [{"name": "builtin"}, {"name": "publish/subscribe"}],
        }
    }
    (endpoint,) = read(given)
    assert [name for name, one in endpoint.methods.items() if one.builtin] == ["subscribe"]


def test_a_reply_alone_is_no_method_of_the_protocol() -> None:
    answer = {"payload": {"properties": {"method": {"const": "publish"}, "response": True}}}
    given = api(messages={"r": message("do"), "a": answer})
    given["operations"] = {
        "one": {
            "channel": {"$ref": "#/channels/x"},
            "messages": [{"$ref": "#/channels/x/messages/a"}],
            "tags": [{"name": "publish/subscribe"}],
        }
    }
    (endpoint,) = read(given)
    assert list(endpoint.methods) == ["do"]


def test_twice_as_many_methods_take_twice_the_work() -> None:
    def looks(count: int) -> int:
        names = [f"m{number}" for number in range(count)]
        places = {name: f"#/channels/x/messages/{name}" for name in names}
        value = api(messages={name: message(name) for name in names})
        value["operations"] = {
            name: {"channel": {"$ref": "#/channels/x"}, "messages": [{"$ref": place}]}
            for name, place in places.items()
        }
        documents = Counting(Files({BASE: value}))  # type: ignore[arg-type]
        (endpoint,) = endpoints_at(URL("ws://localhost/x"), BASE, documents)
        assert len(endpoint.methods) == count
        return documents.looks

    assert looks(20) < 2.5 * looks(10)


class Counting(Documents):
    looks = 0

    def follow(self, node: Node) -> Node:
        self.looks += 1
        return super().follow(node)


def test_a_request_may_be_put_together_and_have_no_payload() -> None:
    parts = [{"properties": {"id": {}}}, {"properties": {"method": {"enum": ["do"]}}}]
    given = api(messages={"r": {"payload": {"allOf": parts}}})
    (endpoint,) = read(given)
    assert endpoint.methods["do"].payload is None
    assert endpoint.methods["do"].response is None


def test_what_an_operation_replies_with_is_the_response() -> None:
    given = api(
        messages={"r": message("do"), "s": message("other"), "loose": reply({"const": 0})},
    )
    given["operations"] = {
        "one": {
            "channel": {"$ref": "#/channels/x"},
            "messages": [{"$ref": "#/channels/x/messages/r"}],
            "reply": {"messages": [{"$ref": f"#/components/messages/{n}"} for n in "ab"]},
        },
        "none": {},
    }
    given["components"] = {
        "messages": {"a": reply({"title": "A", "type": "integer"}), "b": reply({"type": "null"})}
    }
    (endpoint,) = read(given)
    response = endpoint.methods["do"].response
    assert response.json_schema() == {
        "anyOf": [{"title": "A", "type": "integer"}, {"type": "null"}]
    }
    assert endpoint.methods["other"].response is None


def test_replies_of_other_methods_and_channels_are_no_responses() -> None:
    given = api(messages={"r": {"$ref": "#/components/messages/r"}})
    given["channels"]["y"] = {**given["channels"]["x"], "address": "/y"}
    given["components"] = {
        "messages": {
            "r": message("do"),
            "here": reply({"type": "integer"}),
            "there": reply({"type": "string"}),
            "other": {"payload": {"properties": {
                "method": {"const": "other"}, "response": {"type": "null"}}}},
        }
    }  # fmt: skip
    given["operations"] = {
        channel: {
            "channel": {"$ref": f"#/channels/{channel}"},
            "messages": [{"$ref": f"#/channels/{channel}/messages/r"}],
            "reply": {"messages": [{"$ref": f"#/components/messages/{name}"} for name in replies]},
        }
        for channel, replies in (("x", ["here", "other"]), ("y", ["there"]))
    }
    assert method(given).response.json_schema() == {"type": "integer"}
