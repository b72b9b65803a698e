"""A document as a page for people: HTML and a style sheet, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from html import escape
from typing import Any, Final
from urllib.parse import unquote

from .page_types import anchor, code, fields, item, phrase
from .style import CSS

_DIGEST: Final = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""The header with which the page is served: a browser asks nobody for anything."""


def to_html(document: Mapping[str, Any], link: str | None = None) -> str:
    """Return the page of a document as `wsrpc.asyncapi.document` makes it.

    `link` is where the document itself is to be found, as seen from the page.
    """
    info = document["info"]
    title = escape(info["title"])
    source = f' · <a href="{escape(link)}">AsyncAPI document</a>' if link else ""
    servers = "".join(
        f"<li>{escape(name)}: <code>{escape(_url(server))}</code></li>"
        for name, server in document.get("servers", {}).items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{CSS}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<h1>{title}</h1>
<p class="soft">Version {escape(info["version"])}{source}</p>
{_text(info["description"])}
{f"<ul>{servers}</ul>" if servers else ""}
</header>
<nav aria-label="Contents">
{"".join(_contents(id, channel, document) for id, channel in document["channels"].items())}
<ul><li><a href="#errors">Errors</a></li><li><a href="#types">Types</a></li></ul>
</nav>
<main id="content">
{"".join(_channel(id, channel, document) for id, channel in document["channels"].items())}
{_errors(document["components"]["schemas"])}
{_types(document["components"]["schemas"])}
</main>
</body>
</html>
"""


def _url(server: Mapping[str, str]) -> str:
    return f"{server['protocol']}://{server['host']}{server.get('pathname', '')}"


def _contents(id: str, channel: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    links = "".join(
        f'<li><a href="#{escape(name)}">{escape(operation["title"])}</a></li>'
        for name, operation in _operations(id, document)
    )
    head = f'<a href="#{escape(id)}"><code>{escape(channel["address"])}</code></a>'
    return f"<ul><li>{head}<ul>{links}</ul></li></ul>"


def _operations(channel: str, document: Mapping[str, Any]) -> list[tuple[str, Any]]:
    place = {"$ref": f"#/channels/{channel}"}
    return [pair for pair in document["operations"].items() if pair[1]["channel"] == place]


def _channel(id: str, channel: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    parameters = "".join(
        item(name, "", parameter.get("description", ""))
        for name, parameter in channel.get("parameters", {}).items()
    )
    limits = "".join(
        item(name, f": {escape(json.dumps(value))}")
        for name, value in channel["x-wsrpc-limits"].items()
    )
    parts = [
        f'<section aria-labelledby="{escape(id)}">'
        f'<h2 id="{escape(id)}"><code>{escape(channel["address"])}</code></h2>',
        _described(channel),
        f"<h3>Parameters of the path</h3><ul>{parameters}</ul>" if parameters else "",
        *(_operation(name, each, document) for name, each in _operations(id, document)),
        f'<h3>Limits</h3><p class="soft">Sizes are bytes, times are seconds.</p><ul>{limits}</ul>',
        "</section>",
    ]
    return "\n".join(filter(None, parts))


def _operation(id: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    tags = "".join(
        f'<span class="tag" title="{escape(tag["description"])}">{escape(tag["name"])}</span>'
        for tag in operation.get("tags", ())
    )
    head = f'<h3 id="{escape(id)}">{escape(operation["title"])}{tags}</h3>'
    messages = [_resolved(each, document) for each in operation["messages"]]
    if operation["action"] == "send":
        shown = "".join(
            f"<h4>{escape(message['title'])}</h4>{_described(message)}{_examples(message)}"
            for message in messages
        )
        return head + _described(operation) + shown
    replies = [_resolved(each, document) for each in operation["reply"]["messages"]]
    return (
        head
        + _described(operation)
        + _part("Payload", messages[0], "payload", document)
        + _part("Response", replies[0], "response", document)
    )


def _part(title: str, message: Mapping[str, Any], member: str, document: Mapping[str, Any]) -> str:
    schema = message["payload"]["properties"][member]
    optional = "" if member in message["payload"]["required"] else " (may be left out)"
    type_ = _resolved(schema, document)
    inner = fields(type_) if "properties" in type_ else ""
    return f"<h4>{title}</h4><p>{phrase(schema)}{optional}</p>{inner}{_examples(message)}"


def _examples(message: Mapping[str, Any]) -> str:
    return "".join(
        f"<pre><code>{escape(json.dumps(example['payload'], ensure_ascii=False))}</code></pre>"
        for example in message.get("examples", ())
    )


def _resolved(reference: Mapping[str, str], document: Mapping[str, Any]) -> Any:
    """Follow references to what is none."""
    found: Any = reference
    while "$ref" in found:
        target: Any = document
        for step in found["$ref"].removeprefix("#/").split("/"):
            target = target[unquote(step)]
        found = target
    return found


def _errors(schemas: Mapping[str, Any]) -> str:
    kinds = schemas["wsrpc.Error"]["properties"]["code"]["anyOf"]
    items = "".join(
        item(str(kind.get("const", "other")), f" {escape(kind['title'])}", kind["description"])
        for kind in kinds
    )
    return (
        '<section aria-labelledby="errors"><h2 id="errors">Errors</h2>'
        "<p>The reply to a call that failed has the member <code>error</code>, of the type "
        f"{phrase({'$ref': '#/components/schemas/wsrpc.Error'})}. Its codes:</p>"
        f"<ul>{items}</ul></section>"
    )


def _types(schemas: Mapping[str, Any]) -> str:
    items = "".join(
        f'<h3 id="{anchor(name)}">{escape(name)}</h3>'
        f"{_text(schema.get('description', ''))}{fields(schema)}"
        for name, schema in schemas.items()
    )
    return f'<section aria-labelledby="types"><h2 id="types">Types</h2>{items}</section>'


def _described(described: Mapping[str, Any]) -> str:
    return _text(described.get("summary", "")) + _text(described.get("description", ""))


def _text(text: str) -> str:
    return "".join(
        f'<p class="text">{code(paragraph)}</p>' for paragraph in text.split("\n\n") if paragraph
    )
