"""What the test of a finding asserts about the reply."""

from __future__ import annotations

import re

from .case import Exchange
from .failure import CheckFailure
from .play import PROBE_METHOD
from .registry import CHECKS
from .written import literal

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+.*", re.DOTALL)


def asserted(
    exchange: Exchange,
    failure: CheckFailure,
    reply: str = "reply",
    client: str = "client",
    *,
    has_own_id: bool = False,
    payload: object = None,
) -> list[str]:
    """Return the lines that fail for the reply, in a variable of that name, as the check does.

    With `has_own_id` the test has sent the message under an id of its client's choice. `payload` is
    what it has sent, as it is written there.
    """
    case, check = exchange.case, failure.check
    error_code = f'{reply}.get("error", {{}}).get("code")'
    if check == "stays-open":
        return [f"await {client}.request({PROBE_METHOD!r})"]
    if check == "one-reply-in-time":
        if exchange.unserved is not None:
            return [f"await {client}.request({PROBE_METHOD!r}, timeout={exchange.timeout:g})"]
        if len(exchange.answers) > 1:
            return [
                f"await {client}.request({PROBE_METHOD!r})",
                "with pytest.raises(TimeoutError):",
                f"    await {client}.receive(timeout=0.1)",
            ]
        return [] if exchange.silent else [f"assert {error_code} != -32001, {reply}"]
    if check == "no-internal-error":
        if exchange.code == -32603:
            return [f"assert {error_code} != -32603, {reply}"]
        return ["# fails by the server's exception, which pytest-wsrpc does not let pass"]
    if check == "valid-accepted":
        return [f'assert "error" not in {reply}, {reply}']
    if check == "invalid-refused":
        lines = [f"assert {error_code} == {case.code}, {reply}"]
        if case.path:
            lines.append(f'errors = {reply}["error"]["errors"]')
            lines.append(
                "assert errors" + "".join(f"[{step!r}]" for step in case.path) + ", errors"
            )
        return lines
    if check == "conforms":
        assert case.method is not None
        assert case.method.response is not None
        if not exchange.is_success:
            return [f"assert {error_code} != -32603, {reply}"]
        schema = case.method.response.json_schema()
        return [
            f"schema = {literal(schema, 'schema = ')}",
            f'jsonschema_rs.validate(schema, {reply}["response"])',
        ]
    if check == "no-leak":
        return [f"assert {_leak(failure)!r} not in {_leaking(exchange, failure, reply)}"]
    if check == "well-formed":
        return _form(exchange, reply, has_own_id=has_own_id)
    if is_own(check) and case.method is not None:
        sent = case.payload if payload is None else payload
        called = f"{case.endpoint.path!r}, {case.method.name!r}, payload, {reply}"
        return [
            f"payload = {literal(sent, 'payload = ')}",
            f"exchange = fuzz.exchange_of(ws_app, {called})",
            f"fuzz.verify({check!r}, exchange)",
        ]
    return []


def is_own(check: str) -> bool:
    """Tell whether a check is the user's own."""
    return check in CHECKS and bool(CHECKS[check].origin)


def _leak(failure: CheckFailure) -> str:
    """The text that must not be there, as far as it is the same each time."""
    return _ADDRESS.sub("0x", failure.text)


def _leaking(exchange: Exchange, failure: CheckFailure, reply: str) -> str:
    if failure.text in str((exchange.error or {}).get("message")):
        return f'{reply}["error"]["message"]'
    return f'str({reply}["error"]["errors"])'


def _form(exchange: Exchange, reply: str, *, has_own_id: bool) -> list[str]:
    case = exchange.case
    lines = [f'assert ("response" in {reply}) != ("error" in {reply}), {reply}']
    members = [("method", case.name)] if has_own_id else [("id", case.id), ("method", case.name)]
    for member, sent in members:
        if sent is None:
            lines.append(f"assert {member!r} not in {reply}, {reply}")
        else:
            lines.append(f"assert repr({reply}.get({member!r})) == {repr(sent)!r}, {reply}")
    lines.append(f'assert {reply}.keys() <= {{"id", "method", "response", "error"}}, {reply}')
    lines.append(f'error = {reply}.get("error", {{"code": 0, "message": ""}})')
    lines.append(f'assert error.keys() <= {{"code", "message", "errors"}}, {reply}')
    lines.append(f'assert isinstance(error["code"], int), {reply}')
    lines.append(f'assert isinstance(error["message"], str), {reply}')
    return lines
