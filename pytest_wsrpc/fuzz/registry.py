"""The registry of checks: rules with a name, some of them the user's own, and how they are run."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

from wsrpc.rpc import RpcMethod
from wsrpc.schema import InvalidResponse

from . import traces
from .endpoints import Endpoint
from .failure import CheckFailure, Violation
from .record import Record

if TYPE_CHECKING:
    from .case import Exchange

F = TypeVar("F", bound=Callable[[Any], None])
OfExchange = TypeVar("OfExchange", bound="Callable[[Exchange], None]")
OfRecord = TypeVar("OfRecord", bound="Callable[[Record], None]")
Of = Literal["exchange", "record"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_OF_THE_SERVER = ("no-internal-error", "stays-open")
"""Checks that an exception breaks: its place tells the defect."""


@dataclass(frozen=True)
class Check:
    """A rule that every exchange, or every conversation, must follow."""

    name: str
    description: str
    function: Callable[[Any], None]
    of: Of = "exchange"
    origin: str = ""
    """File and line of a user's own check; empty for those of pytest-wsrpc."""


_ORDER = (
    "loop-not-blocked",
    "conforms",
    "no-internal-error",
    "stays-open",
    "one-reply-in-time",
    "well-formed",
    "valid-accepted",
    "invalid-refused",
    "no-leak",
    "right-connection",
    "serial",
    "pubsub",
    "clean-under-faults",
    "nothing-left",
)
"""Our checks, the most telling one first, whichever module registers one; then the user's own."""

CHECKS: dict[str, Check] = {}
"""The checks by name, in the order in which they are made: the most telling one comes first."""


@overload
def check(
    name: str, *, of: Literal["exchange"] = "exchange"
) -> Callable[[OfExchange], OfExchange]: ...


@overload
def check(name: str, *, of: Literal["record"]) -> Callable[[OfRecord], OfRecord]: ...


def check(name: str, *, of: Of = "exchange") -> Callable[[F], F]:
    """Register a check: a function that fails where an exchange breaks its rule.

    Example, in conftest.py or in a test module::

        from pytest_wsrpc import fuzz

        @fuzz.check("total-is-positive")
        def total_is_positive(exchange):
            \"\"\"An order that was taken has a total above 0.\"\"\"
            if exchange.method == "place_order" and exchange.is_success:
                assert exchange.response["total"] > 0

    The function is called with each `Exchange`: what was sent, what came back. It fails by an
    ``assert``, or by ``raise fuzz.Violation(expected=..., got=...)``. The first line of its
    docstring is what ``--wsrpc-checks`` lists. Checks ``of="record"`` are called with each
    conversation of several messages instead.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"fuzz.check({name!r}): the name of a check is of lowercase words and hyphens, such as "
            "'total-is-positive'" + ("; write @fuzz.check('name')" if callable(name) else "")
        )
    if of not in ("exchange", "record"):
        raise ValueError(f"fuzz.check(of={of!r}): expected 'exchange' or 'record'")

    def register(function: F) -> F:
        add(name, function, of=of)
        return function

    return register


def add(name: str, function: Callable[[Any], None], *, of: Of = "exchange") -> None:
    """Register a check; raise `TypeError` or `ValueError` for one that cannot be."""
    where = _place(function)
    if inspect.iscoroutinefunction(function):
        raise TypeError(f"the check {name!r} ({where}) is async: a check is a plain function")
    try:
        inspect.signature(function).bind(None)
    except TypeError as error:
        raise TypeError(
            f"the check {name!r} ({where}) is called with one argument, the {of} ({error})"
        ) from None
    own = "" if function.__module__.startswith("pytest_wsrpc.") else where
    known = CHECKS.get(name)
    if known is not None and known.origin != own:
        raise ValueError(
            f"the check {name!r} ({where}): there is one of this name, "
            f"{known.origin or 'of pytest-wsrpc'}; take another name"
        )
    description = (function.__doc__ or "").strip().partition("\n")[0]
    if not description:
        description = f"{name.replace('-', ' ').capitalize()}."
    CHECKS[name] = Check(name, description, function, of, own)
    if name in _ORDER:
        known_checks = sorted(CHECKS.values(), key=_rank)
        CHECKS.clear()
        CHECKS.update({entry.name: entry for entry in known_checks})


def _rank(entry: Check) -> int:
    return _ORDER.index(entry.name) if entry.name in _ORDER else len(_ORDER)


def _place(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)


def listing(root: Path) -> str:
    """Return the names of all checks with their descriptions, the user's own with their place."""
    width = max(map(len, CHECKS))
    lines = []
    for entry in CHECKS.values():
        own = f" ({traces.relative(entry.origin, root)})" if entry.origin else ""
        lines.append(f"{entry.name:<{width}}  {entry.description}{own}")
    return "\n".join(lines)


class BrokenCheck(Exception):
    """A user's own check that has failed itself, by another exception than an assertion."""


class Asked(Protocol):
    """What a failure is about."""

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def method(self) -> RpcMethod | None: ...


class Played(Protocol):
    """What a check judges: an exchange, or the record of a conversation."""

    @property
    def case(self) -> Asked: ...

    @property
    def exception(self) -> BaseException | None: ...


def is_excluded(name: str, method: str | None, excluded: Iterable[str]) -> bool:
    """Tell whether a check is left out: ``name``, or ``method-glob:name`` for some methods."""
    for entry in excluded:
        glob, colon, excluded_name = entry.rpartition(":")
        if name == excluded_name and (not colon or fnmatchcase(method or "", glob)):
            return True
    return False


def first_failure(
    played: Played, excluded: frozenset[str], root: Path, of: Of = "exchange"
) -> CheckFailure | None:
    """Return the failure of the first check that does not hold, None if all do."""
    return next(failures(played, excluded, root, of), None)


def failures(
    played: Played, excluded: frozenset[str], root: Path, of: Of = "exchange"
) -> Iterator[CheckFailure]:
    """Yield the failure of each check that does not hold."""
    method = played.case.method.name if played.case.method else None
    for entry in list(CHECKS.values()):
        if entry.of != of or is_excluded(entry.name, method, excluded):
            continue
        violation = _violation(entry, played, root)
        if violation is None:
            continue
        # what a conversation shows as a whole is of no method, whichever was called last
        about = method if of == "exchange" else _method_of(played, violation.call)
        if is_excluded(entry.name, about, excluded):
            continue
        error = _exception_of(played, violation.call)
        key, place = violation.key, None
        if error is not None and (entry.name in _OF_THE_SERVER or violation.by_exception):
            key = _told(error, root)
            place = None if key.endswith(traces.UNKNOWN) else key
        yield CheckFailure(
            entry.name,
            played.case.endpoint.path,
            about,
            expected=violation.expected,
            got=violation.got,
            key=key,
            exception=violation.exception or error,
            place=place,
            text=violation.text,
            call=violation.call,
            test=violation.test,
        )


def _told(error: BaseException, root: Path) -> str:
    """Return what an exception is, with its place; one about a response says itself of which."""
    if isinstance(error, InvalidResponse):
        return str(error)
    return f"{type(error).__qualname__} at {traces.place(error, root)}"


def _method_of(played: Played, call: int | None) -> str | None:
    """Return the name of the method of a call by its number in a conversation."""
    exchange = played.of(call) if isinstance(played, Record) and call is not None else None
    return exchange.method if exchange is not None else None


def _exception_of(played: Played, call: int | None) -> BaseException | None:
    """Return the exception to show, that of the call which the failure is about if it has one."""
    exchange = played.of(call) if isinstance(played, Record) and call is not None else None
    own = exchange.exception if exchange is not None else None
    return own if own is not None else played.exception


def _violation(entry: Check, played: Played, root: Path) -> Violation | None:
    try:
        entry.function(played)
    except Violation as violation:
        return violation
    except Exception as error:  # whatever a user's own check raises
        if not entry.origin:
            raise
        where = traces.place(error, root)
        if not isinstance(error, AssertionError):
            raise BrokenCheck(
                f"the check {entry.name!r} ({traces.relative(entry.origin, root)}) is to fail by "
                f"an assert or by fuzz.Violation; it raised\n{traces.render(error, root)}"
            ) from None
        got = str(error) or f"the assertion at {where} does not hold"
        return Violation(expected=entry.description, got=got, key=where)
    return None
