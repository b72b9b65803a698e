"""What must hold for every exchange: a registry of checks, each with a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_wsrpc.strategies import names_field
from wsrpc.errors import BrokerUnavailable
from wsrpc.rpc import RpcMethod
from wsrpc.schema import InvalidResponse

from . import form, traces
from .case import Exchange, type_refuses
from .failure import NO_REPLY, CheckFailure, Violation
from .leaks import leak_in, strings_of

Function = Callable[[Exchange], None]

OK = 1000
_METHOD_NOT_FOUND = -32601
_INVALID_PARAMS = -32602
_INTERNAL_ERROR = -32603
_TIMED_OUT = -32001
_NOT_UNDERSTOOD = (-32700, -32600, _METHOD_NOT_FOUND)


@dataclass(frozen=True)
class Check:
    """A rule that every exchange must follow."""

    name: str
    description: str
    function: Function


CHECKS: dict[str, Check] = {}
"""The checks by name, in the order in which they are made: the most telling one comes first."""


def check(name: str) -> Callable[[Function], Function]:
    """Register a check: a function that raises `Violation` where an exchange breaks its rule.

    The first line of its docstring is its description.
    """

    def register(function: Function) -> Function:
        description = (function.__doc__ or "").partition("\n")[0]
        CHECKS[name] = Check(name, description, function)
        return function

    return register


def listing() -> str:
    """Return the names of all checks with their descriptions."""
    width = max(map(len, CHECKS))
    return "\n".join(f"{entry.name:<{width}}  {entry.description}" for entry in CHECKS.values())


def first_failure(exchange: Exchange, excluded: frozenset[str], root: Path) -> CheckFailure | None:
    """Return the failure of the first check that does not hold, None if all do."""
    case = exchange.case
    for entry in CHECKS.values():
        if entry.name in excluded:
            continue
        try:
            entry.function(exchange)
        except Violation as violation:
            error = exchange.exception
            place = None
            if entry.name in _OF_THE_SERVER and error is not None:
                place = f"{type(error).__qualname__} at {traces.place(error, root)}"
            return CheckFailure(
                entry.name,
                case.endpoint.path,
                case.method.name if case.method else None,
                expected=violation.expected,
                got=violation.got,
                key=place or violation.key,
                exception=error,
                place=place,
                text=violation.text,
            )
    return None


_OF_THE_SERVER = ("no-internal-error", "stays-open")


@check("conforms")
def conforms(exchange: Exchange) -> None:
    """The response is of its type, as JSON: a null for a number is not."""
    method = exchange.case.method
    if method is None or method.response is None:
        return
    expected = f"a response of the type {_name(method)}"
    if exchange.code == _INTERNAL_ERROR and isinstance(exchange.exception, InvalidResponse):
        got = f"{exchange.exception}"
        raise Violation(expected=expected, got=got, key=got)
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
    if exchange.silent:
        got = f"no reply within {exchange.timeout:g} s"
        raise Violation(expected=expected, got=got, key=NO_REPLY)
    if len(exchange.answers) > 1:
        got = f"{len(exchange.answers)} replies"
        raise Violation(expected=expected, got=got, key="several replies")


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
    expected = f"{case.code}, as {case.why}"
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
            expected=f"errors that name {field!r}, as {case.why}",
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
