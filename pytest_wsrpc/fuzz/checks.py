"""What must hold for every exchange: the checks, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pytest_wsrpc.strategies import names_field
from wsrpc.errors import BrokerUnavailable
from wsrpc.rpc import RpcMethod
from wsrpc.schema import InvalidResponse

from . import blocking, form  # noqa: F401 - its check comes first: it explains the others
from .case import Exchange, Message, type_refuses
from .failure import NO_REPLY, Violation
from .leaks import leak_in, strings_of
from .play import PROBE_METHOD
from .record import Record
from .registry import CHECKS, Check, check, failures, first_failure, listing
from .serial import serial

__all__ = ["CHECKS", "Check", "check", "failures", "first_failure", "listing", "serial"]

OK = 1000
_METHOD_NOT_FOUND = -32601
_INVALID_PARAMS = -32602
_INTERNAL_ERROR = -32603
_TIMED_OUT = -32001
_NOT_UNDERSTOOD = (-32700, -32600, _METHOD_NOT_FOUND)


@check("conforms")
def conforms(exchange: Exchange) -> None:
    """The response is of its type, as JSON: a null for a number is not."""
    method = exchange.case.method
    if method is None or method.response is None:
        return
    expected = f"a response of the type {_name(method)}"
    if exchange.code == _INTERNAL_ERROR and isinstance(exchange.exception, InvalidResponse):
        got = f"{exchange.exception}"
        raise Violation(expected=expected, got=got, key=got, by_exception=True)
    if exchange.reply is None or not exchange.is_success:
        return
    for error in _response_validator(method).iter_errors(exchange.reply["response"]):
        where = "".join(f"[{part!r}]" for part in error.instance_path)
        raise Violation(
            expected=expected,
            got=f"response{where}: {error.message:.200}",
            key=f"{where} {error.kind.name if error.kind else ''}".strip(),
        )


@lru_cache(maxsize=256)
def _response_validator(method: RpcMethod) -> Any:
    import jsonschema_rs

    assert method.response is not None
    return jsonschema_rs.validator_for(method.response.json_schema())


def _name(method: RpcMethod) -> str:
    assert method.response is not None
    annotation = method.response.annotation
    return str(getattr(annotation, "__name__", annotation))


@check("no-internal-error")
def no_internal_error(exchange: Exchange) -> None:
    """No reply has the code -32603, whatever the payload, and nothing fails on the server."""
    error = next(
        (failure for failure in exchange.failures if not _is_outage(failure.exception)), None
    )
    if exchange.code == _INTERNAL_ERROR:
        got = f"-32603 {(exchange.error or {}).get('message')!s:.80}"
        raise Violation(expected="no internal error", got=got, key=got)
    if error is not None:
        got = f"{type(error.exception).__qualname__} in {error.where}"
        raise Violation(expected="no exception on the server", got=got, key=got)


def _is_outage(error: BaseException) -> bool:
    """A backend that cannot be reached is answered with -32004, and is no defect of a method."""
    return isinstance(error, (ConnectionError, BrokerUnavailable))


@check("stays-open")
def stays_open(exchange: Exchange) -> None:
    """Nothing that the protocol allows closes the connection; the application may, with 1000."""
    if exchange.close_code not in (None, OK):
        got = f"closed with {exchange.close_code}"
        raise Violation(expected="an open connection", got=got, key=got)


@check("one-reply-in-time")
def one_reply_in_time(exchange: Exchange) -> None:
    """Each message is answered exactly once, within the time-out; 'Timed out' is no answer."""
    expected = "one reply"
    if exchange.code == _TIMED_OUT:
        raise Violation(expected=expected, got="-32001 Timed out", key=NO_REPLY)
    if exchange.silent or exchange.unserved is not None:
        got = "no reply" if exchange.silent else "none to a message that came later"
        raise Violation(expected=expected, got=f"{got} within {exchange.timeout:g} s", key=NO_REPLY)
    if len(exchange.answers) > 1:
        got = f"{len(exchange.answers)} replies"
        raise Violation(expected=expected, got=got, key="several replies")


@check("right-connection", of="record")
def right_connection(record: Record) -> None:
    """No reply or event comes on another connection than that of its call."""
    for client, message in (*record.strays, *_exchanged(record)):
        raise Violation(
            expected="each reply on the connection of its call",
            got=f"on that of client {client}: {message.frame!r:.200}",
            key="a reply on another connection",
            test=(f"assert client_{client}.unread == []",),
        )
    for client, owner, message in record.probes_astray:
        raise Violation(
            expected="each reply on the connection of its call",
            got=f"on that of client {client}: {message.frame!r:.200}",
            key="a reply on another connection",
            test=(
                f"await client_{owner}.request({PROBE_METHOD!r}, timeout={record.timeout:g})",
                f"assert client_{client}.unread == []",
            ),
        )
    astray = record.extra.get("astray")
    if astray is not None:
        raise Violation(
            expected=f"on the connection of client {astray.client}, which it comes on if there is "
            f"no other: {astray.event!r:.200}",
            got=f"the event on that of client {astray.other}, which has only connected",
            key="an event on another connection",
            test=(f"assert {astray.event!r} in client_{astray.client}.unread",),
        )


def _exchanged(record: Record) -> Iterator[tuple[int, Message]]:
    """Yield replies that came to a call of the same id, while that of another client had none."""
    missed = {
        (type(exchange.case.id), exchange.case.id): exchange.client
        for exchange in record.calls
        if exchange.silent and not exchange.answers
    }
    for exchange in record.calls:
        other = missed.get((type(exchange.case.id), exchange.case.id), exchange.client)
        if other != exchange.client and len(exchange.answers) > 1:
            yield exchange.client, exchange.answers[1]


@check("well-formed")
def well_formed(exchange: Exchange) -> None:
    """Replies and events have the form of the protocol; id and method are echoed."""
    for message in exchange.answers:
        fault = form.reply_fault(message, exchange.case)
        if fault:
            raise Violation(expected="a well-formed reply", got=fault, key=fault.partition(":")[0])
    for message in exchange.events:
        fault = form.event_fault(message)
        if fault:
            raise Violation(expected="well-formed events", got=fault, key=fault)


@check("valid-accepted")
def valid_accepted(exchange: Exchange) -> None:
    """A method's type does not refuse what the type accepts.

    A refusal that the same validation, run here, does not come to is the handler's own or the
    broker's: a rule that the type cannot tell. It is counted, and many make a warning.
    """
    if not exchange.case.is_valid or exchange.code is None:
        return
    if exchange.case.endpoint.is_remote:
        return  # a schema does not tell all that a server goes by
    by_type = exchange.code == _INVALID_PARAMS and type_refuses(exchange.case) is not None
    if by_type or exchange.code in _NOT_UNDERSTOOD:
        got = f"{exchange.code} {(exchange.error or {}).get('errors', '')!s:.200}".strip()
        raise Violation(
            expected="a payload that its type accepts is accepted",
            got=got,
            key=f"refused with {exchange.code}",
        )


@check("invalid-refused")
def invalid_refused(exchange: Exchange) -> None:
    """What its type refuses gets -32602 with the field named; a malformed message gets its code."""
    case = exchange.case
    if case.is_valid or not exchange.answers:
        return
    expected = f"the error {case.code}, for {case.why}"
    if exchange.is_success:
        raise Violation(expected=expected, got="a response", key=f"accepted, not {case.code}")
    if exchange.code == _INTERNAL_ERROR:
        return  # that is no-internal-error's
    if exchange.code != case.code:
        got = f"{exchange.code}"
        raise Violation(expected=expected, got=got, key=f"{got}, not {case.code}")
    errors = (exchange.error or {}).get("errors")
    if case.path and not (isinstance(errors, dict) and names_field(errors, case.path)):
        field = ".".join(case.path)
        raise Violation(
            expected=f"errors that name {field!r}, for {case.why}",
            got=f"{errors!r:.200}",
            key="the field is not named",
        )


@check("no-leak")
def no_leak(exchange: Exchange) -> None:
    """No error tells of a traceback, a file, an exception's text or an object's repr."""
    case = exchange.case
    frame = case.frame if isinstance(case.frame, str) else case.frame.decode(errors="replace")
    known = f"{frame}\n{strings_of(case.payload)}\n{_schema_strings(case.method)}"
    exceptions = [failure.exception for failure in exchange.failures]
    found = leak_in(exchange.error, known, exceptions, case.endpoint.path)
    if found:
        kind, text = found
        raise Violation(
            expected="an error without anything of the server's inside",
            got=f"{kind}: {text:.200}",
            key=kind,
            text=text,
        )


@lru_cache(maxsize=256)
def _schema_strings(method: RpcMethod | None) -> str:
    """The names and patterns of a payload's type, which are no secret."""
    if method is None or method.payload is None:
        return ""
    return strings_of(method.payload.json_schema())
