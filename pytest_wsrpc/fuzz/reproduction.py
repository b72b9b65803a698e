"""A pytest test, ready to paste, that shows a finding without the fuzzer."""

from __future__ import annotations

import pprint
import re
import textwrap
from collections.abc import Sequence

from .failure import Finding
from .play import PROBE_METHOD
from .target import Target

MASK = "..."
"""Stands for a value that no report is to show."""

_WIDTH = 88
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+.*", re.DOTALL)
_SECRET = re.compile(r"auth|cookie|token|secret|key|password", re.IGNORECASE)


def test_for(
    finding: Finding, target: Target, path: str, headers: Sequence[tuple[str, str]]
) -> str:
    """Return the source of a module with one test that fails as the finding did."""
    body = _body(finding)
    if headers:
        shown = dict(masked(headers))
        line = f"client = await ws_connect({path!r}, headers={shown!r})"
        body.insert(0, line + fill_in(headers))
    else:
        body.insert(0, f"client = await ws_connect({path!r})")
    code = "\n".join(body)
    imported, *rest = target.attribute.split(".")
    made = ".".join([imported, *rest]) + ("()" if target.is_factory else "")
    fixture = ["@pytest.fixture", "def ws_app():", f"    return {made}"]
    if target.is_async:
        fixture = ["@pytest_asyncio.fixture", "async def ws_app():", f"    return await {made}"]
    modules = [
        f"import {module}"
        for module in ("jsonschema_rs", "pytest", "pytest_asyncio")
        if f"{module}." in code or module == "pytest" or fixture[0].startswith(f"@{module}.")
    ]
    return "\n".join(
        [
            *modules,
            "",
            f"from {target.module.__name__} import {imported}",
            "",
            "",
            *fixture,
            "",
            "",
            "@pytest.mark.asyncio",
            f"async def test_{_name(finding)}(ws_connect):",
            textwrap.indent(code, "    "),
        ]
    )


def masked(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers without the values that are likely to be secret."""
    return [(name, MASK if _SECRET.search(name) else value) for name, value in headers]


def fill_in(headers: Sequence[tuple[str, str]]) -> str:
    """Return the comment, of Python and of a shell, that names the masked headers, or nothing."""
    names = dict.fromkeys(name for name, _ in headers if _SECRET.search(name))
    return f"  # fill in {', '.join(names)}" if names else ""


def _name(finding: Finding) -> str:
    failure = finding.failure
    words = f"{failure.method or failure.endpoint} {failure.check}"
    return re.sub(r"\W+", "_", words).strip("_")


def _body(finding: Finding) -> list[str]:
    case, check = finding.case, finding.failure.check
    if check == "stays-open":
        return [*_send(finding), f"await client.request({PROBE_METHOD!r})"]
    if check == "one-reply-in-time" and not finding.exchange.silent:
        if len(finding.exchange.answers) > 1:
            return [
                *_send(finding),
                "await client.receive()",
                f"await client.request({PROBE_METHOD!r})",
                "with pytest.raises(TimeoutError):",
                "    await client.receive(timeout=0.1)",
            ]
        return [*_ask(finding), 'assert reply.get("error", {}).get("code") != -32001, reply']
    lines = _ask(finding)
    error_code = 'reply.get("error", {}).get("code")'
    if check == "no-internal-error" and finding.exchange.code == -32603:
        lines.append(f"assert {error_code} != -32603, reply")
    elif check == "no-internal-error":
        lines.append("# fails by the server's exception, which pytest-wsrpc does not let pass")
    elif check == "valid-accepted":
        lines.append('assert "error" not in reply, reply')
    elif check == "invalid-refused":
        lines.append(f"assert {error_code} == {case.code}, reply")
        if case.path:
            lines.append('errors = reply["error"]["errors"]')
            lines.append(f"assert {_at('errors', finding)}, errors")
    elif check == "conforms":
        assert case.method is not None
        assert case.method.response is not None
        if not finding.exchange.is_success:
            return [*lines, f"assert {error_code} != -32603, reply"]
        schema = case.method.response.json_schema()
        lines.append(f"schema = {_literal(schema, 'schema = ')}")
        lines.append('jsonschema_rs.validate(schema, reply["response"])')
    elif check == "no-leak":
        lines.append(f"assert {_leak(finding)!r} not in {_leaking(finding)}")
    elif check == "well-formed":
        lines += _form(finding)
    return lines


def _at(name: str, finding: Finding) -> str:
    """The longest part of the path that the errors must have."""
    return name + "".join(f"[{step!r}]" for step in finding.case.path)


def _leak(finding: Finding) -> str:
    """The text that must not be there, as far as it is the same each time."""
    return _ADDRESS.sub("0x", finding.failure.text)


def _leaking(finding: Finding) -> str:
    error = finding.exchange.error or {}
    if finding.failure.text in str(error.get("message")):
        return 'reply["error"]["message"]'
    return 'str(reply["error"]["errors"])'


def _form(finding: Finding) -> list[str]:
    lines = ['assert ("response" in reply) != ("error" in reply), reply']
    for member, sent in (("id", finding.case.id), ("method", finding.case.name)):
        if sent is None:
            lines.append(f"assert {member!r} not in reply, reply")
        else:
            lines.append(f"assert repr(reply.get({member!r})) == {repr(sent)!r}, reply")
    lines.append('assert reply.keys() <= {"id", "method", "response", "error"}, reply')
    lines.append('error = reply.get("error", {"code": 0, "message": ""})')
    lines.append('assert error.keys() <= {"code", "message", "errors"}, reply')
    lines.append('assert isinstance(error["code"], int), reply')
    lines.append('assert isinstance(error["message"], str), reply')
    return lines


def _ask(finding: Finding) -> list[str]:
    """Ask as a user would, or send the very message where its id may matter."""
    case = finding.case
    seconds = finding.exchange.timeout
    by_id = case.id != 0 or finding.failure.check == "well-formed"
    if case.payload is None or case.method is None or by_id:
        return [*_send(finding), f"reply = await client.receive(timeout={seconds:g})"]
    start, end = f"reply = await client.request({case.method.name!r}, ", f", timeout={seconds:g})"
    return _call(start, case.payload, end, name="payload")


def _send(finding: Finding) -> list[str]:
    case = finding.case
    if case.binary:
        return [f"await client.send_bytes({case.frame!r})"]
    if case.payload is None or case.method is None:
        return [f"await client.send_text({case.frame!r})"]
    message = {"id": case.id, "method": case.method.name, "payload": case.payload}
    return _call("await client.send_json(", message, ")", name="message")


def _call(start: str, value: object, end: str, *, name: str) -> list[str]:
    """Return a call with a value in it, under a name of its own where the line would be long."""
    line = f"{start}{value!r}{end}"
    if len(line) <= _WIDTH:
        return [line]
    return [f"{name} = {_literal(value, f'{name} = ')}", f"{start}{name}{end}"]


def _literal(value: object, start: str) -> str:
    """Return a value as it is written after `start`, on as many lines as it needs."""
    literal = pprint.pformat(value, width=_WIDTH - len(start), sort_dicts=False)
    return literal.replace("\n", "\n" + " " * len(start))
