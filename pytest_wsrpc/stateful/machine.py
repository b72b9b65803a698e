"""`RpcStateMachine`: rules that are ``async def``, on a fresh application for each run."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from types import EllipsisType
from typing import Any, Final, TypeVar

from aiohttp import web
from hypothesis.errors import HypothesisException
from hypothesis.stateful import RuleBasedStateMachine

from ..client import WsTestClient
from ..clock import DAY, Stuck, VirtualClock, VirtualLoop
from ..faults import FaultPlan, Spec, parse
from ..serving import Server, serve
from ..settings import DEFAULT_PATH, Strict
from .decorators import run_on_loop
from .quiet import hush

_T = TypeVar("_T")

_NO_FACTORY: Final = (
    "{name} does not say which application to test: give it the function that makes one, "
    "create_app = staticmethod(myapp.create_app), or a method: def create_app(self): return ..."
)
_RUNNING: Final = (
    "a state machine has an event loop of its own and cannot run on one that runs already: call "
    "run_state_machine_as_test in a plain function, or use {name}.TestCase"
)


class RpcStateMachine(RuleBasedStateMachine):
    """A rule-based state machine whose rules, invariants and initializers may be ``async def``.

    Example::

        class Orders(ConnectionRules, RpcStateMachine):
            create_app = staticmethod(myapp.create_app)

            @rule(quantity=st.integers(1, 10))
            async def order(self, quantity):
                answer = await self.call(0, "order", {"quantity": quantity})
                assert answer["quantity"] == quantity


        TestOrders = Orders.TestCase

    Each run has an application of its own, on virtual time and with connections in memory. Clients
    are numbered from 0 on and connect when they are needed first. After each step all that can run
    has run; an exception of the server that no error reply has shown fails the step, and what is
    left running or subscribed at the end of the run fails that.
    """

    create_app: Callable[..., web.Application | Awaitable[web.Application]]
    """The function that makes the application, plain or async, or a method that does."""
    path: str = DEFAULT_PATH
    """Where clients connect."""
    headers: Mapping[str, str] | None = None
    """Headers with which they connect."""
    max_clients: int = 3
    """How many clients the rules that come with the package use."""
    call_timeout: float = 300.0
    """Seconds of virtual time that an answer may take: more than a server's own limit."""
    strict: Strict = True
    """What is judged, in the values of the ini setting ``wsrpc_strict``."""
    seed: int = 0
    """For all that faults leave to chance."""
    allowed_close_codes: Collection[int] = frozenset({1000, 1001, 1006})
    """Codes with which the server may close a connection without failing the step."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        run_on_loop(cls)

    def __init__(self) -> None:
        super().__init__()
        self.clients: dict[int, WsTestClient] = {}
        """The clients that are connected, by number."""
        self.connections: dict[int, str] = {}
        """The name of each client's latest connection: ``client 0``, then ``client 0 #2``."""
        self._opened: Counter[int] = Counter()
        self._runner: asyncio.Runner | None = None
        self._serving: AbstractAsyncContextManager[Server] | None = None
        self._server: Server | None = None
        # a machine may be run while another exception is being handled
        self._handled = sys.exception()

    # For rules and invariants.

    @property
    def app(self) -> web.Application:
        """The application of this run."""
        return self.server.app

    @property
    def server(self) -> Server:
        """What serves it: called, it connects a client that has no number."""
        if self._server is None:
            raise RuntimeError(
                "the application is served from the first step on: what needs it goes into a rule "
                "or into begin(), not into __init__"
            )
        return self._server

    @property
    def faults(self) -> FaultPlan:
        """The faults of this run, as ``ws_faults`` is for a test."""
        return self.server.faults

    @property
    def clock(self) -> VirtualClock:
        """The clock of this run."""
        loop = self._loop().get_loop()
        assert isinstance(loop, VirtualLoop)
        return VirtualClock(loop)

    async def client(self, number: int = 0) -> WsTestClient:
        """Return the client of this number, which connects if it is not connected."""
        client = self.clients.get(number)
        if client is None or client.closed:
            await self._forget(number)
            self._opened[number] += 1
            again = f" #{self._opened[number]}" if self._opened[number] > 1 else ""
            self.connections[number] = name = f"client {number}{again}"
            client = await self.server(self.path, self.headers, name=name)
            self.clients[number] = client
            await self.on_connect(number, client)
        return client

    async def call(
        self,
        client: int,
        method: str,
        payload: Any = None,
        *,
        timeout: float | EllipsisType | None = ...,
    ) -> Any:
        """Call a method as the client of this number; return the response or raise the error."""
        connected = await self.client(client)
        seconds = self.call_timeout if timeout is ... else timeout
        return await connected.call(method, payload, timeout=seconds)

    async def disconnect(self, client: int, *, abruptly: bool = False) -> None:
        """Close the connection of a client, or break it; a client without one is left alone."""
        connected = self.clients.get(client)
        if connected is not None:
            if abruptly:
                connected.link.reset()
            await connected.close()
            await self._forget(client)

    async def advance(self, seconds: float) -> None:
        """Let so much virtual time pass."""
        await self.clock.advance(seconds)

    async def settle(self) -> None:
        """Let everything run that can at this instant."""
        await self.clock.settle()

    @property
    def is_faulty(self) -> bool:
        """Whether a fault is in force that was not healed."""
        return any(not rule.over for rule in self.faults.rules)

    def inject_fault(self, fault: str) -> None:
        """Put a fault in force, by the text that ``--wsrpc-faults`` takes: ``publish:stall``."""
        for spec in parse(fault):
            self.faults.add(spec)
            self.fault_injected(spec)

    # To override.

    def fault_injected(self, fault: Spec) -> None:
        """Override: called when a fault was put in force by `inject_fault`."""

    async def begin(self) -> None:
        """Override: awaited before the first step."""

    async def finish(self) -> None:
        """Override: awaited after the last step of a run that has not failed."""

    async def on_connect(self, number: int, client: WsTestClient) -> None:
        """Override: awaited with each new connection, to log in for example."""

    async def on_disconnect(self, number: int) -> None:
        """Override: awaited when a connection has ended, by whomever."""

    async def after_step(self) -> None:
        """Override, with ``await super().after_step()``: awaited when a step has settled."""
        for number, client in list(self.clients.items()):
            if client.closed:
                await self._forget(number)
                if client.close_code not in self.allowed_close_codes:
                    raise AssertionError(
                        f"the server closed the connection of client {number} with "
                        f"{client.close_code}; if it may, add that to allowed_close_codes"
                    )

    # What hypothesis calls.

    def take_step(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """Run a rule or an invariant, and all that it sets off at that instant."""
        __tracebackhide__ = True
        try:
            self._start()
            if inspect.iscoroutinefunction(function):
                return self._run(self._step(function(self, **arguments)))
            result = function(self, **arguments)
            self._run(self._step(None))
            return result
        except BaseException as error:  # whatever a rule raises
            failure = error
        # What is raised while it is being handled would have it for its context.
        self._abandon(failure)
        raise failure

    def check_invariants(self, *arguments: Any, **options: Any) -> None:
        """Start the application, before anything asks for it; then check as hypothesis does."""
        __tracebackhide__ = True
        self._start()
        super().check_invariants(*arguments, **options)

    def teardown(self) -> None:
        """End the run: judge what it has left, close clients and application."""
        __tracebackhide__ = True
        if self._runner is None:
            return
        if sys.exception() not in (None, self._handled):
            self._abandon(_GivenUp())  # hypothesis has enough of this run
            return
        try:
            self._run(self._step(self.finish()))
            self._run(self._leave(None))
            self._close_loop()
            return
        except BaseException as error:  # whatever a user's check raises
            failure = error
        self._abandon(failure)
        raise failure

    # How it is done.

    def _start(self) -> None:
        __tracebackhide__ = True
        if self._runner is not None:
            return
        name = type(self).__name__
        if not hasattr(self, "create_app"):
            raise TypeError(_NO_FACTORY.format(name=name))
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise RuntimeError(_RUNNING.format(name=name))
        # with a factory for its loop it leaves alone which loop is current for others
        self._hushed = hush()
        self._runner = asyncio.Runner(loop_factory=lambda: VirtualLoop(limit=DAY))
        self._run(self._begin())

    async def _begin(self) -> None:
        app = self._make_app()
        if inspect.isawaitable(app):
            app = await app
        serving = serve(app, path=self.path, strict=self.strict, seed=self.seed)
        self._server = await serving.__aenter__()
        self._server.exempted_by("has strict = False.")
        self._serving = serving
        await self._step(self.begin())

    def _make_app(self) -> Any:
        factory = inspect.getattr_static(type(self), "create_app")
        if inspect.isfunction(factory) and "self" not in inspect.signature(factory).parameters:
            return factory()  # create_app = myapp.create_app: no method of ours
        return self.create_app()

    async def _step(self, coroutine: Coroutine[Any, Any, _T] | None) -> _T | None:
        __tracebackhide__ = True
        result = None if coroutine is None else await coroutine
        await self.settle()
        await self.after_step()
        self.server.judge_errors()
        return result

    def _abandon(self, failure: BaseException) -> None:
        """Close without judging, with the conversations as notes on what has failed."""
        if isinstance(failure, HypothesisException):
            failure = _GivenUp()  # it failed no step, and nobody reads a note
        try:
            with suppress(Exception):  # what closing raises, whatever it is, tells less
                self._run(self._leave(failure))
        finally:
            self._close_loop()

    async def _leave(self, failure: BaseException | None) -> None:
        __tracebackhide__ = True
        serving, self._serving = self._serving, None
        if serving is not None:
            trace = None if failure is None else failure.__traceback__
            await serving.__aexit__(None if failure is None else type(failure), failure, trace)

    async def _forget(self, number: int) -> None:
        if self.clients.pop(number, None) is not None:
            await self.on_disconnect(number)

    def _loop(self) -> asyncio.Runner:
        if self._runner is None:
            raise RuntimeError("the machine has a clock from its first step on")
        return self._runner

    def _run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        __tracebackhide__ = True
        return self._loop().run(coroutine, context=contextvars.copy_context())

    def _close_loop(self) -> None:
        runner, self._runner = self._loop(), None
        self._server = None
        try:
            runner.close()
        except Stuck:
            return  # a task that ignores its cancellation, which has been judged
        finally:
            self._hushed.close()


class _GivenUp(BaseException):
    """Nothing has failed, but the run is over."""
