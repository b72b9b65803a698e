"""Serve an application wherever one is wanted: in part of a test, a state machine, a script."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol

import pytest
from aiohttp import web

from . import faults as rules
from . import seeds, settings
from .clock import VirtualLoop
from .faults import FaultPlan, Spec
from .harness import Harness
from .loops import BoundElsewhere
from .managers import managers_of
from .observer import Observer
from .report.options import STORY
from .settings import Strict, Transport


class Server(Harness):
    """What `serve` gives: called, it connects a client, as the fixture ``ws_connect`` does."""

    def __init__(
        self, app: web.Application, path: str, observer: Observer, transport: str, faults: FaultPlan
    ) -> None:
        super().__init__(app, path, observer, transport, faults)
        self.faults: FaultPlan = faults
        """The faults of this application: what ``ws_faults`` is for that of the fixtures."""

    def use_faults_of(self, other: Server) -> None:
        """Put the faults of another server, which closes first, in the way of this one too."""
        self.faults = other.faults
        self._observer.use_faults(other.faults)
        other.faults.attach(managers_of(self.app).values())

    def exempted_by(self, words: str) -> None:
        """Say in a report how a test does without what `strict` judges."""
        self._observer.exempted_by = words

    def judge_errors(self) -> None:
        """Raise `AssertionError` for exceptions of the server that nobody has looked at so far."""
        __tracebackhide__ = True
        with _as_assertion():
            self._observer.judge_errors()


class Serve(Protocol):
    """What the fixture `ws_serve` gives: `serve`, with the settings of the run for defaults."""

    def __call__(
        self,
        app: web.Application,
        *,
        path: str | None = None,
        transport: Transport | None = None,
        strict: Strict | None = None,
        faults: str | Iterable[Spec] = (),
        seed: int | None = None,
    ) -> AbstractAsyncContextManager[Server]:
        """Run an application on the loop that runs, and give what connects clients to it."""


def serve(
    app: web.Application,
    *,
    path: str = settings.DEFAULT_PATH,
    transport: Transport = "memory",
    strict: Strict = True,
    faults: str | Iterable[Spec] = (),
    seed: int = 0,
) -> AbstractAsyncContextManager[Server]:
    """Run an application on the loop that runs, and give what connects clients to it.

    Example::

        async with serve(create_app()) as connect:
            client = await connect()
            assert await client.call("add", {"a": 1, "b": 2}) == {"sum": 3}

    At the end of the block clients and application are closed, and `AssertionError` says what they
    left behind; `strict` takes the values of the ini setting ``wsrpc_strict``. An exception out of
    the block is raised as it is. Both have the conversations of the clients for notes. `faults`
    are rules as text, or those that ``strategies.faults()`` draws, with `seed` for all that they
    leave to chance.
    """
    plan = _Plan(path, transport, settings.parse_strict(strict), seed)
    return _served(app, plan, faults, transport)


def bound(config: pytest.Config) -> Serve:
    """Give `serve` with the path, transport, strictness, faults and seed of a test run."""
    of_run = _Plan(
        config.getini("wsrpc_path"),
        config.getoption("wsrpc_transport") or config.getini("wsrpc_transport"),
        settings.parse_strict(config.getini("wsrpc_strict")),
        seeds.seed_of(config).value,
        common=settings.session_faults(config),
    )

    def ws_serve(
        app: web.Application,
        *,
        path: str | None = None,
        transport: Transport | None = None,
        strict: Strict | None = None,
        faults: str | Iterable[Spec] = (),
        seed: int | None = None,
    ) -> AbstractAsyncContextManager[Server]:
        plan = replace(
            of_run,
            path=of_run.path if path is None else path,
            strict=of_run.strict if strict is None else settings.parse_strict(strict),
            seed=of_run.seed if seed is None else seed,
            # The fixture is the session's; what is drawn is each test's own.
            name=os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0],
        )
        return _served(app, plan, faults, transport)

    return ws_serve


@dataclass(frozen=True)
class _Plan:
    """How an application is served."""

    path: str
    transport: str
    """How clients connect where the caller does not say it."""
    strict: frozenset[str]
    seed: int
    name: str = "serve"
    common: tuple[Spec, ...] = ()
    """Faults that may match nothing."""


@asynccontextmanager
async def _served(
    app: web.Application, plan: _Plan, faults: str | Iterable[Spec], transport: str | None
) -> AsyncIterator[Server]:
    __tracebackhide__ = True
    _check(app, plan, transport)
    if transport is None:
        # On virtual time no socket is worth having, as for the fixtures.
        virtual = isinstance(asyncio.get_running_loop(), VirtualLoop)
        transport = "memory" if virtual else plan.transport
    watch = Observer(None, plan.strict)
    try:
        server = Server(app, plan.path, watch, transport, _faults(watch, plan, faults))
        watch.use_running_loop()
        with watch.own_outcome():
            try:
                await server.open()
            except BoundElsewhere:
                raise RuntimeError(_ELSEWHERE) from None
            try:
                yield server
            finally:
                await server.close()
                await watch.settled()
        _judge(watch)
    except (Exception, pytest.fail.Exception) as error:  # whatever the block raises
        for title, text in watch.sections():
            error.add_note(f"\n{title}:\n{text}")
        setattr(error, STORY, watch.story)
        raise
    finally:
        watch.stop()


def _check(app: object, plan: _Plan, transport: object) -> None:
    if not isinstance(app, web.Application):
        hint = ", which is to be called" if callable(app) else ""
        raise TypeError(f"expected an aiohttp.web.Application to serve, got {app!r:.100}{hint}")
    if transport is not None and transport not in settings.TRANSPORTS:
        kinds = " or ".join(map(repr, settings.TRANSPORTS))
        raise ValueError(f"transport must be {kinds}, got {transport!r:.100}")
    if not plan.path.startswith("/"):
        raise ValueError(f"path must begin with '/', such as '/stream', got {plan.path!r:.100}")


def _faults(watch: Observer, plan: _Plan, faults: str | Iterable[Spec]) -> FaultPlan:
    made = FaultPlan(plan.seed, plan.name, watch.fault_fired)
    made.add(*plan.common)
    if isinstance(faults, str):
        made.add(*rules.parse(faults), optional=False)
    else:
        made.add(*faults)
    watch.use_faults(made)
    return made


def _judge(watch: Observer) -> None:
    __tracebackhide__ = True
    with _as_assertion():
        watch.judge()


@contextmanager
def _as_assertion() -> Iterator[None]:
    """Raise what a test fails with as an exception that anybody can catch."""
    __tracebackhide__ = True
    try:
        yield
    except pytest.fail.Exception as failure:
        raise AssertionError(failure.msg) from None


_ELSEWHERE: Final = (
    "The application was served on another event loop before, and an aiohttp application works on "
    "one loop only: make another one for each serve(...)."
)
