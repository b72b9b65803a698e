"""The page for people: all that the document says, for every reader, from nowhere else."""

import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from examples import trading
from wsrpc import ApiPath, WsPathMixin
from wsrpc.asyncapi import document, to_html
from wsrpc.asyncapi.page_types import code, fields, phrase
from wsrpc.asyncapi.style import CSS

VOID = {"meta", "link"}
INLINE = {"a", "code", "span", "style"}


class Reader(HTMLParser):
    """Checks that elements are closed in order, and collects what a reader gets."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag not in INLINE:
            self.text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag not in INLINE:
            self.text.append(" ")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    def attributes(self, name: str) -> list[str]:
        return [str(attrs[name]) for _, attrs in self.tags if name in attrs]

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


@pytest.fixture(scope="module")
def page() -> Reader:
    servers = {"live": "wss://floor.example.com/api"}
    described = document(trading.create_app(), title="Floor <1>", servers=servers)
    return Reader(to_html(described, "asyncapi.json"))


def test_the_page_says_what_the_document_says(page):
    for text in (
        "Floor <1>",
        "live: wss://floor.example.com/api",
        "/stream One trader's connection. Its orders end with it.",
        "place_order Buy or sell at a limit, or at any price",
        "symbol: string (matches ^[A-Z]{1,6}$), required",
        'side: "buy" or "sell", required',
        "price: integer (at least 1, at most 10000000) or null, default null",
        "Other fields are refused.",
        '{"id": 1, "method": "cancel_order", "payload": {"order_id": 1}}',
        "bids: array of Level, required",
        "call_timeout: 60.0",
        "-32602 InvalidParams",
        "other Application A refusal of the application itself.",
    ):
        assert text in page.words


def test_every_link_leads_somewhere_on_the_page(page):
    ids = page.attributes("id")
    assert max(Counter(ids).values()) == 1
    links = page.attributes("href")
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= set(ids)
    assert {link for link in links if not link.startswith("#")} == {"data:,", "asyncapi.json"}
    assert {"stream", "stream.place_order", "errors", "types", "type-Level", "content"} <= set(ids)


def test_nothing_is_loaded_and_nothing_runs(page):
    assert not {"script", "img", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    assert page.attributes("src") == []
    assert "url(" not in CSS
    assert "@import" not in CSS


def test_headings_tell_the_structure(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_is_for_every_reader(page):
    tags = dict(page.tags)
    assert tags["html"]["lang"] == "en"
    assert {"header", "nav", "main"} <= tags.keys()
    assert tags["nav"]["aria-label"] == "Contents"
    assert page.tags[[tag for tag, _ in page.tags].index("body") + 1][1]["href"] == "#content"
    assert "width=device-width" in str(page.attributes("content"))
    for part in ("prefers-color-scheme: dark", "@media print", ":focus-visible"):
        assert part in CSS


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ink", ["text", "soft", "link", "mark"])
@pytest.mark.parametrize("paper", ["back", "block"])
def test_text_has_the_contrast_that_wcag_asks_for(scheme, ink, paper):
    colors = {
        name: re.findall(rf"--{name}: (#[0-9a-f]{{6}})", CSS)[scheme] for name in (ink, paper)
    }
    dark, light = sorted(map(luminance, colors.values()))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


class Evil(msgspec.Struct, rename={"field": "<i>field"}):
    """A <b>bold</b> `claim <x>`"""

    field: Annotated[str, Meta(pattern="<&>", description="<script>alert(1)</script>")] = "<b>"
    choice: Literal["<u>"] = "<u>"


def test_what_the_application_says_is_text_not_html(describe):
    async def evil(self, payload: Evil) -> Evil:
        """<script>alert(2)</script>"""

    view = type("<View>", (ApiPath, WsPathMixin), {"ws_rpc_evil": evil})
    described = describe(**{"/a/{b:[<>]+}": view})
    described["info"]["title"] = "</title><script>"
    page = Reader(to_html(described, '"><script>'))
    assert not {"script", "b", "u", "i"} & {tag for tag, _ in page.tags}
    for text in ("<script>alert(1)</script>", "<script>alert(2)</script>", "claim <x>", "[<>]+"):
        assert text in page.words


def test_a_page_for_no_endpoint_and_of_other_letters(describe):
    async def größe(self, payload): ...

    assert "Errors" in Reader(to_html(describe())).words
    assert "größe" in Reader(to_html(describe(größe, path="/größe"))).words


NULL = {"type": "null"}
TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        (True, "any value"),
        ({}, "any value"),
        (False, "nothing"),
        ({"$ref": "#/components/schemas/a.B"}, "a.B"),
        ({"allOf": [{"$ref": "#/components/schemas/B"}], "default": 1}, "B"),
        ({"oneOf": [TEXT, NULL]}, "string or null"),
        ({"const": 1}, "1"),
        ({"type": ["string", "number"], "format": "decimal"}, "string or number (format decimal)"),
        ({"minimum": 1}, "any value (at least 1)"),
        ({"type": "array"}, "array"),
        ({"type": "array", "items": TEXT, "minItems": 2}, "array of string (at least 2 items)"),
        ({"type": "string", "maxLength": 1}, "string (at most 1 character)"),
        ({"type": "array", "items": [TEXT, {}]}, "array of string, then any value"),
        ({"type": "object"}, "object"),
        ({"type": "object", "additionalProperties": False}, "object"),
        ({"type": "object", "additionalProperties": NULL}, "object whose values are null"),
        ({"type": "object", "properties": {"a": NULL}}, "object of a: null"),
    ],
)
def test_a_type_is_told_in_a_phrase(schema: Any, shown: str):
    assert Reader(phrase(schema)).words == shown


def test_fields_are_told_with_all_that_is_known_of_them():
    schema = {
        "properties": {
            "a": {"type": "integer", "examples": [1, 2], "deprecated": True},
            "b": True,
        },
        "required": ["a"],
    }
    words = Reader(fields(schema)).words
    assert words == "a: integer, required, for example 1, 2, deprecated b: any value"
    assert Reader(fields({"enum": ["x"]})).words == '"x"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("`a` and ``b``", "<code>a</code> and <code>b</code>"),
        ("one ` alone", "one ` alone"),
        ("a < b", "a &lt; b"),
    ],
)
def test_backticks_mark_code(text, html):
    assert code(text) == html
