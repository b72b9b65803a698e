"""The document of an application: valid, complete, true of what goes over the wire."""

import copy
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import web

from examples import trading
from wsrpc import ApiPath, Limits, Publish, RpcError, Subscribe, WsPathMixin, errors
from wsrpc.application import load
from wsrpc.asyncapi import document, to_html, to_json
from wsrpc.asyncapi.envelope import STANDARD_ERRORS

ROOT = Path(__file__).parents[3]
CORPUS = ROOT / "tests" / "corpus"


class Calculator(ApiPath, WsPathMixin):
    """Adds numbers.

    One connection is enough
    for many sums.
    """

    limits = Limits(call_timeout=5)

    async def ws_rpc_add(self, payload: dict[str, int]) -> int:
        """Add numbers,
        all of them.

        An empty payload adds up to 0.
        """

    async def ws_rpc_plain(self, payload): ...


class Chat(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_publish(self, payload: dict[str, str]) -> None:
        """Say something"""


def resolved(described: Mapping[str, Any], channel: str, name: str) -> Any:
    found = described["channels"][channel]["messages"][name]
    if "$ref" in found:
        return described["components"]["messages"][found["$ref"].rpartition("/")[2]]
    return found


def test_the_document_of_the_example_application_is_valid(official):
    official.validate(document(trading.create_app()))


@pytest.mark.parametrize("name", sorted(path.stem for path in CORPUS.glob("*.py")))
def test_every_application_of_the_corpus_has_a_valid_document_and_a_page(official, name):
    described = document(load(f"tests.corpus.{name}:create_app", ROOT))
    official.validate(described)
    assert "<h1>Websocket API</h1>" in to_html(described)


@pytest.mark.parametrize("part", ["info", "channels", "operations"])
def test_the_official_schema_refuses_what_is_no_document(official, part):
    described = copy.deepcopy(document(trading.create_app()))
    described[part]["stream" if part == "channels" else "unknown"] = {"wrong": 1}
    assert not official.is_valid(described)


def test_an_application_without_endpoints_has_a_document(describe):
    described = describe()
    assert described["channels"] == described["operations"] == {}


def test_a_method_is_an_operation_with_request_and_reply(describe):
    described = describe(calculator=Calculator)
    place = {"$ref": "#/channels/calculator"}
    assert described["operations"]["calculator.add"] == {
        "action": "receive",
        "channel": place,
        "title": "add",
        "summary": "Add numbers, all of them.",
        "description": "An empty payload adds up to 0.",
        "messages": [{"$ref": "#/channels/calculator/messages/add.request"}],
        "reply": {
            "channel": place,
            "messages": [
                {"$ref": "#/channels/calculator/messages/add.response"},
                {"$ref": "#/channels/calculator/messages/wsrpc.error"},
            ],
        },
    }
    request = resolved(described, "calculator", "add.request")
    assert request["payload"] == {
        "type": "object",
        "properties": {
            "id": {"$ref": "#/components/schemas/wsrpc.Id"},
            "method": {"const": "add"},
            "payload": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
        "required": ["id", "method"],
        "additionalProperties": False,
    }
    response = resolved(described, "calculator", "add.response")
    assert response["payload"]["properties"]["response"] == {"type": "integer"}
    assert response["examples"][0]["payload"] == {"id": 1, "method": "add", "response": 1}


def test_an_endpoint_is_a_channel_with_the_docstring_and_limits_of_its_view(describe):
    channel = describe(calculator=Calculator)["channels"]["calculator"]
    assert channel["address"] == "/calculator"
    assert channel["title"] == "Calculator"
    assert channel["summary"] == "Adds numbers."
    assert channel["description"] == "One connection is enough\nfor many sums."
    limits = channel["x-wsrpc-limits"]
    assert (limits["call_timeout"], limits["message_size"]) == (5, 1 << 20)


def test_builtin_methods_are_tagged_and_overridden_ones_only_by_their_subject(describe):
    operations = describe(chat=Chat, calculator=Calculator)["operations"]
    tags = {
        name: [tag["name"] for tag in operation.get("tags", ())]
        for name, operation in operations.items()
    }
    assert tags == {
        "chat.publish": ["publish/subscribe"],
        "chat.subscribe": ["builtin", "publish/subscribe"],
        "chat.unsubscribe": ["builtin", "publish/subscribe"],
        "chat.wsrpc.events": [],
        "calculator.add": [],
        "calculator.plain": [],
        "calculator.wsrpc.events": [],
    }
    assert operations["chat.publish"]["summary"] == "Say something"


def test_what_is_about_channels_comes_from_endpoints_with_channels(describe):
    operations = describe(chat=Chat, calculator=Calculator)["operations"]
    assert operations["chat.wsrpc.events"]["action"] == "send"
    assert operations["chat.wsrpc.events"]["messages"] == [
        {"$ref": f"#/channels/chat/messages/wsrpc.{name}"} for name in ("event", "gap", "position")
    ]
    assert operations["calculator.wsrpc.events"]["messages"] == [
        {"$ref": "#/channels/calculator/messages/wsrpc.event"}
    ]


def test_every_error_code_of_the_protocol_is_described(describe):
    declared = {
        cls
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, RpcError) and "CODE" in vars(cls)
    }
    assert declared == STANDARD_ERRORS.keys()
    codes = describe()["components"]["schemas"]["wsrpc.Error"]["properties"]["code"]["anyOf"]
    assert [code.get("const") for code in codes] == [cls.CODE for cls in STANDARD_ERRORS] + [None]


def test_each_example_is_one_message_of_its_channel_and_no_other(accepting):
    described = document(trading.create_app())
    for name in described["channels"]["stream"]["messages"]:
        examples = resolved(described, "stream", name)["examples"]
        for example in examples:
            assert accepting(described, "stream", example["payload"]) == [name]


async def test_what_the_application_sends_is_one_message_of_its_channel(serve, accepting):
    described = document(trading.create_app())

    def floor(app: web.Application) -> None:
        app[trading.FLOOR] = trading.Floor()

    server = await serve(trading.Desk, setup=floor)
    client = await server.connect()
    place = {"symbol": "ACME", "side": "buy", "quantity": 1, "price": 5}
    for method, payload, expected in (
        ("info", {}, "info.response"),
        ("subscribe", {"channel": "orders"}, "subscribe.response"),
        ("place_order", place, "place_order.response"),
        ("place_order", {}, "wsrpc.error"),
        ("nothing", {}, "wsrpc.error"),
    ):
        reply = await client.call(method, payload)
        assert accepting(described, "stream", reply) == [expected]
    assert accepting(described, "stream", await client.recv()) == ["wsrpc.event"]
    await client.send("no JSON")
    assert accepting(described, "stream", await client.recv()) == ["wsrpc.error"]


def test_requests_that_the_document_refuses_are_refused(accepting):
    described = document(trading.create_app())
    for payload in ({}, {"symbol": "acme"}, {"symbol": "ACME", "depth": 51}):
        request = {"id": 1, "method": "order_book", "payload": payload}
        assert accepting(described, "stream", request) == []


def test_the_application_says_what_it_is_called_and_where_it_is(official):
    described = document(
        web.Application(),
        title="Sums",
        version="2.1",
        description="For children.",
        servers={
            "production": "wss://api.example.com/v2",
            "local": "ws://localhost:8080",
        },
    )
    official.validate(described)
    assert described["info"]["title"] == "Sums"
    assert described["info"]["version"] == "2.1"
    assert described["info"]["description"].startswith("For children.\n\nA client sends")
    assert described["servers"] == {
        "production": {"host": "api.example.com", "protocol": "wss", "pathname": "/v2"},
        "local": {"host": "localhost:8080", "protocol": "ws"},
    }


@pytest.mark.parametrize("url", ["https://example.com", "ws://", "localhost:8080", ""])
def test_a_server_is_a_websocket_url(url):
    with pytest.raises(ValueError, match="server 'x': expected a websocket URL, such as wss://"):
        document(web.Application(), servers={"x": url})


def test_unusable_types_are_told_as_everywhere():
    class Broken(ApiPath, WsPathMixin):
        async def ws_rpc_later(self, payload: "Missing"): ...  # noqa: F821

    app = web.Application()
    app.router.add_view("/", Broken)
    with pytest.raises(NameError, match="Missing"):
        document(app)


PROGRAM = """
import sys
from dataclasses import dataclass, field
from aiohttp import web
from pydantic import BaseModel
from wsrpc import ApiPath, Subscribe, WsPathMixin
from wsrpc.asyncapi import document, to_html, to_json

@dataclass
class Words:
    words: frozenset[str] = frozenset({"some", "words", "in", "no", "order"})

class Model(BaseModel):
    words: set[str] = {"some", "words", "in", "no", "order"}
    mixed: set[int | str] = {1, 2, "some", "words", "among", "numbers"}

class View(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_words(self, payload: Words) -> Model: ...

app = web.Application()
app.router.add_view("/", View)
sys.stdout.buffer.write(to_json(document(app)))
"""


def test_the_same_application_gives_the_same_bytes():
    def run(seed: str) -> bytes:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, timeout=60
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    assert run("1") == run("2")


def test_the_bytes_are_readable_json_in_utf_8(describe):
    async def grüße(self, payload):
        """Grüße"""

    text = to_json(describe(grüße)).decode()
    assert '  "summary": "Grüße"' not in text.splitlines()[0]
    assert '"summary": "Grüße"' in text
    assert text.endswith("}\n")


def test_draft_07_is_what_the_schemas_are_written_in(describe):
    described = describe(calculator=Calculator, chat=Chat)
    for schema in described["components"]["schemas"].values():
        jsonschema_rs.meta.validate(
            {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
        )
