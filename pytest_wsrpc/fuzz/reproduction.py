"""A pytest test, ready to paste, that shows a finding without the fuzzer.

What a conversation does is `script`'s; here is what a test is made of, and what it asserts.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from . import login
from .assertions import asserted, is_own
from .case import Case, Exchange
from .failure import CheckFailure, Finding
from .headers import fill_in, masked
from .play import PROBE_METHOD
from .record import Record
from .script import FIXTURES, NOT_BLOCKED, script
from .target import Target
from .url import pasted
from .url.target import UrlTarget
from .written import assigned


def test_for(
    finding: Finding, target: Target, path: str, headers: Sequence[tuple[str, str]]
) -> str:
    """Return the source of a module with one test that fails as the finding did."""
    shown = [f"headers={dict(masked(headers))!r}"] if headers else []
    if isinstance(target, UrlTarget):
        connect, first = pasted.connecting(shown), pasted.CONNECT
        imported = ["from pytest_wsrpc import WsTestClient"]
        fixture = pasted.fixture(target, path)
    else:
        connect, first = f"ws_connect({', '.join([repr(path), *shown])})", "ws_connect"
        imported, fixture = target.written()
    body = _lines(finding, (connect, fill_in(headers)))
    if isinstance(target, UrlTarget):
        body = pasted.told(target, "\n".join(body))
    code = "\n".join(body)
    written = "\n".join([*fixture, code])
    modules = ["import asyncio"] if "asyncio." in code else []
    modules += pasted.imports(target) if isinstance(target, UrlTarget) else [""] * len(modules)
    modules += [
        f"import {module}"
        for module in ("jsonschema_rs", "pytest", "pytest_asyncio")
        if f"{module}." in written or module == "pytest"
    ]
    modules += ["from pytest_wsrpc import fuzz"] if "fuzz." in code else []
    modules += ["from pytest_wsrpc.faults import parse"] if "parse(" in code else []
    fixtures = [first, *(name for name in FIXTURES if re.search(rf"\b{name}\b", code))]
    # which of two calls is done first is then what it was
    is_timed = "create_task(" in code and "ws_clock" not in fixtures and not target.is_remote
    clock = ['@pytest.mark.wsrpc(clock="virtual")'] if is_timed else []
    return "\n".join(
        [
            *modules,
            *(["", *imported] if imported else []),
            *(["", "", *fixture] if fixture else []),
            "",
            "",
            *clock,
            "@pytest.mark.asyncio",
            f"async def test_{_name(finding)}({', '.join(fixtures)}):",
            textwrap.indent(code, "    "),
        ]
    )


def _name(finding: Finding) -> str:
    failure = finding.failure
    words = f"{failure.method or failure.endpoint} {failure.check}"
    return re.sub(r"\W+", "_", words).strip("_")


def _lines(finding: Finding, connecting: tuple[str, str]) -> list[str]:
    if isinstance(finding.exchange, Record):
        return script(finding.exchange, finding.failure, connecting)
    exchange = finding.exchange
    connect = f"client = await {connecting[0]}{connecting[1]}"
    return [connect, *login.lines(exchange.login), *_body(exchange, finding.failure)]


def _body(exchange: Exchange, failure: CheckFailure) -> list[str]:
    case = exchange.case
    if failure.check == "loop-not-blocked":
        lines = [line for part in _ask(exchange, failure) for line in part.split("\n")]
        return [NOT_BLOCKED, *(f"    {line}" for line in lines)]
    if is_own(failure.check) and exchange.silent:
        return [*_send(case), *asserted(exchange, failure, "None")]
    if failure.check == "stays-open":
        return [*_send(case), f"await client.request({PROBE_METHOD!r})"]
    if failure.check == "one-reply-in-time" and len(exchange.answers) > 1:
        return [*_send(case), "await client.receive()", *asserted(exchange, failure)]
    return [*_ask(exchange, failure), *asserted(exchange, failure)]


def _ask(exchange: Exchange, failure: CheckFailure) -> list[str]:
    """Ask as a user would, or send the very message where its id may matter."""
    case = exchange.case
    seconds = exchange.timeout
    by_id = case.id != 0 or failure.check == "well-formed"
    if case.payload is None or case.method is None or by_id:
        return [*_send(case), f"reply = await client.receive(timeout={seconds:g})"]
    start, end = f"reply = await client.request({case.method.name!r}, ", f", timeout={seconds:g})"
    return assigned(start, case.payload, end, name="payload")


def _send(case: Case) -> list[str]:
    if case.binary:
        return assigned("await client.send_bytes(", case.frame, ")", name="frame")
    if case.payload is None or case.method is None:
        return assigned("await client.send_text(", case.frame, ")", name="frame")
    message = {"id": case.id, "method": case.method.name, "payload": case.payload}
    return assigned("await client.send_json(", message, ")", name="message")
