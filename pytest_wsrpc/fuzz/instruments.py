"""The fuzzer's instruments for a test of its own: the tests that its reports give use them."""

from __future__ import annotations

import asyncio
import faulthandler
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import msgspec
from aiohttp import web

from pytest_wsrpc.transcript import Transcript
from wsrpc.names import suggestion

from ..managers import managers_of
from .case import Exchange, parse, request
from .catalogue import CHECKS
from .conversation import Call, Conversation
from .endpoints import Endpoint, endpoints_of
from .failure import Violation
from .growth import Holdings
from .growth import holdings as count
from .record import Happening, Record
from .watchdog import LIMIT, Watchdog

Described: TypeAlias = Mapping[str, Endpoint]
"""The endpoints of a server by path, as `described` gives them."""

HOPELESS = 15.0
"""Seconds after which the process is ended: what runs until then cannot be interrupted."""


@contextmanager
def loop_not_blocked(limit: float = LIMIT) -> Iterator[None]:
    """Fail if anything holds the event loop for longer than `limit` seconds of real time.

    Example::

        with fuzz.loop_not_blocked():
            await ws_client.call("estimate", {"level": 7})

    What goes on holding it is interrupted after a second. Where that does not help, as with code in
    C that never returns, the process ends after 15 seconds, and its stack is printed.
    """
    __tracebackhide__ = True
    watchdog = Watchdog(asyncio.get_running_loop(), limit=limit)
    faulthandler.dump_traceback_later(HOPELESS, exit=True, file=sys.__stderr__ or sys.stderr)
    try:
        with watchdog.watching() as watch:
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        watchdog.close()
    if watch.held is not None:
        places = "".join(f"\n  {place}" for place in watch.held.stack)
        raise AssertionError(f"the event loop was {watch.held}{places}")


def holdings(app: web.Application) -> Holdings:
    """Count what an application holds: tasks, connections, callbacks, subscriptions.

    Tasks are all those of the running loop. What one count has more than another, ``after -
    before`` tells::

        before = fuzz.holdings(ws_app)
        ...
        assert not fuzz.holdings(ws_app) - before
    """
    return count(managers_of(app).values())


def exchange_of(
    app: web.Application | Described,
    path: str,
    method: str,
    payload: Mapping[str, Any],
    reply: Mapping[str, Any] | None,
) -> Exchange:
    """Return a call and its reply as a check gets them; `reply` None is no reply.

    Example, for a check of your own::

        reply = await ws_client.request("place_order", payload)
        exchange = fuzz.exchange_of(ws_app, "/stream", "place_order", payload, reply)
        fuzz.verify("total-is-positive", exchange)
    """
    return _exchange(_endpoint(app, path), method, payload, reply)


def record_of(
    app: web.Application | Described,
    path: str,
    calls: Sequence[tuple[int, str, Mapping[str, Any], Mapping[str, Any] | None]],
    unread: Mapping[int, Sequence[Any]],
) -> Record:
    """Return a conversation as a check ``of="record"`` gets it.

    `calls` are the client's number, method, payload and reply of each; `unread` is what each client
    has received beside replies, the events among them.
    """
    endpoint = _endpoint(app, path)
    exchanges = [_exchange(endpoint, method, payload, reply) for _, method, payload, reply in calls]
    steps = tuple(
        Call(client, number, endpoint.methods[method], payload)
        for number, (client, method, payload, _) in enumerate(calls)
    )
    made = Record(Conversation(endpoint, steps), exchanges[0].timeout if exchanges else 0.0)
    for number, one in enumerate(exchanges):
        one.client, one.call, one.sent = calls[number][0], number, len(made.trace)
        made.calls.append(one)
        text = str(one.case.frame)
        made.trace.append(Happening("sent", 0.0, one.client, number, text=text))
        for answer in one.answers:
            one.answered = len(made.trace)
            made.trace.append(Happening("answered", 0.0, one.client, number, answer))
    for client, messages in unread.items():
        for message in map(parse, map(_text, messages)):
            if message.is_event:
                made.events.setdefault(client, []).append((len(made.trace), message))
                made.trace.append(Happening("event", 0.0, client, None, message))
    return made


def verify(name: str, played: Exchange | Record) -> None:
    """Fail if the check of this name does not hold for what came back."""
    __tracebackhide__ = True
    if name not in CHECKS:
        raise ValueError(f"there is no check {name!r}{suggestion(name, CHECKS)}")
    try:
        CHECKS[name].function(played)
    except Violation as violation:
        raise AssertionError(f"{name}: {violation}") from None


def _endpoint(app: web.Application | Described, path: str) -> Endpoint:
    if isinstance(app, web.Application):
        found: Described = {endpoint.path: endpoint for endpoint in endpoints_of(app)}
    else:
        found = app
    if path not in found:
        raise ValueError(f"the application has no endpoint {path!r}{suggestion(path, found)}")
    return found[path]


def _exchange(
    endpoint: Endpoint, name: str, payload: Mapping[str, Any], reply: Mapping[str, Any] | None
) -> Exchange:
    if name not in endpoint.methods:
        known = suggestion(name, endpoint.methods)
        raise ValueError(f"{endpoint.path} has no method {name!r}{known}")
    id = reply.get("id") if reply is not None else None
    case = request(
        endpoint, endpoint.methods[name], id if isinstance(id, str | int) else 0, dict(payload)
    )
    made = Exchange(case, Transcript(), 0.0, silent=reply is None)
    if reply is not None:
        made.answers.append(parse(_text(reply)))
    return made


def _text(message: Any) -> str:
    return msgspec.json.encode(message).decode()
