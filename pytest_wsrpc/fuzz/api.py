"""Fuzzing in code: tests that get a case, play it, and judge the reply."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

import pytest
from aiohttp import web
from hypothesis import given

from wsrpc.names import suggestion

from . import target as targets
from .catalogue import CHECKS
from .endpoints import Endpoint, endpoints_of_target
from .headers import NAME, VALUE, Headers
from .options import PARAMETRIZED
from .phases import PHASES
from .target import Target

F = TypeVar("F", bound=Callable[..., Coroutine[Any, Any, None]])
Phase: TypeAlias = Literal["accepts", "refuses", "protocol"]

FIXTURE: Final = "_wsrpc_fuzz_case"
"""The fixture that pytest parametrizes, with one `Subject` for each item."""

METHOD_PHASES: Final[tuple[Phase, ...]] = ("accepts", "refuses")
ENDPOINT_PHASES: Final[tuple[Phase, ...]] = ("protocol",)


def load(
    app: web.Application | Callable[[], web.Application | Awaitable[web.Application]] | str,
    *,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    phases: Phase | Iterable[Phase] = METHOD_PHASES,
    max_examples: int | None = None,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    exclude_checks: Iterable[str] = (),
) -> Api:
    """Return what makes tests of an application's methods.

    Example::

        from pytest_wsrpc import fuzz
        from myapp import create_app

        api = fuzz.load(create_app)

        @api.parametrize()
        async def test_rpc(case):
            reply = await case.call()
            case.check(reply)

    `app` is a callable, plain or async, that returns an application, and is called again for each
    case; or an application, which all cases share, on an event loop of its own; or either as
    ``"module:attribute"``. `include` and `exclude` are globs of methods; `phases` says what is
    sent: payloads that the type ``"accepts"`` and ``"refuses"``, and messages that break the
    ``"protocol"``. The rest is as the options of the command line, which count here, too.
    """
    if isinstance(app, str):
        found = targets.find(app, Path.cwd(), _LOAD)
    else:
        found = targets.of_value(app, _LOAD)
    options = Options(
        include=_texts("include", include),
        exclude=_texts("exclude", exclude),
        phases=_phases(phases),
        max_examples=_count(max_examples),
        headers=_headers(headers or {}),
        params={name: str(value) for name, value in (params or {}).items()},
        exclude_checks=_texts("exclude_checks", exclude_checks),
    )
    return Api(found, options)


_LOAD = "fuzz.load:"


@dataclass(frozen=True)
class Options:
    """How the methods of an application are fuzzed by a test."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    phases: tuple[str, ...]
    max_examples: int | None
    headers: Headers
    params: Mapping[str, str]
    exclude_checks: tuple[str, ...]

    def check_names(self) -> None:
        """Raise `ValueError` for a check that does not exist, now that all are registered."""
        for entry in self.exclude_checks:
            name = entry.rpartition(":")[2]
            if name not in CHECKS:
                raise ValueError(
                    f"fuzz.load(exclude_checks=...): there is no check {name!r}"
                    f"{suggestion(name, CHECKS)}; --wsrpc-checks lists them"
                )


@dataclass(frozen=True)
class Api:
    """An application whose methods tests are made for."""

    target: Target
    options: Options
    _endpoints: list[Endpoint] = field(default_factory=list, compare=False, repr=False)

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of the application, made for this once."""
        if not self._endpoints:
            self._endpoints.extend(endpoints_of_target(self.target))
        return self._endpoints

    def parametrize(
        self,
        *,
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        phases: Phase | Iterable[Phase] | None = None,
        max_examples: int | None = None,
    ) -> Callable[[F], F]:
        """Make an ``async def`` with the argument `case` a test of each method.

        The items are ``test_rpc[/stream::add]``, one for each method; with the phase
        ``"protocol"`` also one for each endpoint, ``test_rpc[/stream]``. hypothesis generates the
        cases, so that ``@settings`` and ``@example`` of hypothesis work, and fixtures may be asked
        for. What is given here takes the place of what was given to `load`.
        """
        options = self.options
        if include is not None:
            options = replace(options, include=_texts("include", include))
        if exclude is not None:
            options = replace(options, exclude=_texts("exclude", exclude))
        if phases is not None:
            options = replace(options, phases=_phases(phases))
        if max_examples is not None:
            options = replace(options, max_examples=_count(max_examples))

        def decorate(function: F) -> F:
            _check_function(function)
            from .parametrized import CASES

            test: Any = given(case=CASES)(function)
            setattr(test, PARAMETRIZED, Api(self.target, options, self._endpoints))
            decorated: F = pytest.mark.usefixtures(FIXTURE)(test)
            return decorated

        return decorate


def _check_function(function: Any) -> None:
    name = getattr(function, "__name__", repr(function))
    if inspect.isclass(function):
        raise TypeError(f"@api.parametrize() is for functions: put it on each test of {name}")
    if hasattr(function, "hypothesis"):
        raise TypeError(
            f"@api.parametrize() draws the case of {name} with hypothesis: leave @given out"
        )
    if not inspect.iscoroutinefunction(function):
        raise TypeError(
            f"@api.parametrize() is for async tests, as a case is awaited: write `async def {name}`"
        )
    if "case" not in inspect.signature(function).parameters:
        raise TypeError(
            f"@api.parametrize() gives each example as `case`: write `async def {name}(case)`"
        )


def _texts(name: str, given: Iterable[str]) -> tuple[str, ...]:
    texts = (given,) if isinstance(given, str) else tuple(given)
    for text in texts:
        if not isinstance(text, str) or not text:
            raise TypeError(f"fuzz.load({name}=...): expected texts, got {text!r:.100}")
    return texts


def _phases(given: Iterable[str]) -> tuple[str, ...]:
    names = _texts("phases", given)
    known = (*METHOD_PHASES, *ENDPOINT_PHASES)
    for name in names:
        if name in known:
            continue
        if any(phase.name == name for phase in PHASES):
            raise ValueError(
                f"fuzz.load(phases=...): {name!r} plays conversations of many messages, which "
                f"--wsrpc-fuzz does; a test gets one message, of {', '.join(known)}"
            )
        raise ValueError(
            f"fuzz.load(phases=...): there is no phase {name!r}{suggestion(name, known)}; "
            f"there are {', '.join(known)}"
        )
    if not names:
        raise ValueError(f"fuzz.load(phases=...): expected some of {', '.join(known)}")
    return tuple(dict.fromkeys(names))


def _count(given: int | None) -> int | None:
    if given is not None and (type(given) is not int or given <= 0):
        raise ValueError(f"fuzz.load(max_examples=...): expected a number above 0, got {given!r}")
    return given


def _headers(given: Mapping[str, str]) -> Headers:
    for name, value in given.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(f"fuzz.load(headers=...): {name!r} is no name of a header")
        if not isinstance(value, str) or not VALUE.fullmatch(value):
            raise ValueError(f"fuzz.load(headers=...): expected a text of one line for {name}")
    return tuple(given.items())
