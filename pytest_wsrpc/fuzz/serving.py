"""How a case meets the application: a server for it, and a connection to the server.

The rest of the fuzzer knows `Host.application`, `Server.connect` and `Connection` only.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

from aiohttp import web

from wsrpc import SocketsManager
from wsrpc.failures import Failure

from .. import internals
from ..clock import VirtualClock, VirtualLoop
from ..faults import FaultPlan
from ..listening import handler_failures
from ..managers import managers_of
from .containing import ProcessEnded, contained, let_go
from .held import Held
from .memory import bounded
from .spinning import FuzzLoop
from .target import Target
from .watchdog import Watchdog
from .websocket import Refused, WebSocket

T = TypeVar("T")
Login: TypeAlias = "Callable[[Connection], Awaitable[None]]"

SHUTDOWN_TIMEOUT = 1.0
"""Seconds, twice, that aiohttp gives a handler which goes on after its client has gone."""

CLOSING_TURNS = 60
"""Turns of the loop that closing may take: about ten, where the server does not go on sending."""

CLEANUP_TIMEOUT = 5.0
"""Seconds that the application's own clean-up may take, and tasks that it has left."""


class HandshakeRefused(Exception):
    """The server did not open the connection."""

    def __init__(
        self, status: int | None, exception: BaseException | None = None, text: str = ""
    ) -> None:
        super().__init__(status)
        self.status = status
        """The HTTP status; None where there was no answer in time."""
        self.exception = exception
        self.text = text
        """Why it could not even be asked, empty where it was."""


class ServerGone(Exception):
    """A server that could be connected to, and cannot be any more."""

    def __init__(self, refused: HandshakeRefused) -> None:
        super().__init__(refused)
        self.refused = refused


class Host:
    """An event loop of the fuzzer's own, with the application on it.

    A factory's application is new for each case. An application that was given as such binds to
    the first loop it runs on, so it is served once, for all cases.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        # with a factory for its loop it leaves alone which loop is current for others
        self._runner = asyncio.Runner(loop_factory=FuzzLoop)
        self._shared: tuple[Any, Server] | None = None
        self._is_stuck = False
        self._ending: asyncio.Task[Any] | None = None
        self._watchdog: Watchdog | None = None
        self.held: Held | None = None
        """How the last run held the event loop, if it did."""
        self.alive: Callable[[], None] = _say_nothing
        """Called from time to time, on another thread, as long as the loop can be interrupted."""
        self.login: Login | None = None
        """Awaited with each new connection, before anything is sent on it."""
        self.is_careful = True
        """Whether to take all the time that there is for what may still come."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop.

        Raises `ProcessEnded` for what would end the process, but in a call, which it fails.
        """
        if self._watchdog is None:
            self._watchdog = Watchdog(self._runner.get_loop(), alive=self.alive)
        with bounded(), contained(), self._watchdog.watching() as watch:
            try:
                # as Runner.run does, which takes over the signals for each of thousands of runs
                result = self._runner.get_loop().run_until_complete(coroutine)
            except SystemExit as error:
                with contextlib.suppress(SystemExit):
                    self._runner.run(self._end_all())
                raise ProcessEnded(f"SystemExit({error.code!r}) ends the process") from error
        self.held = watch.held
        return result

    @asynccontextmanager
    async def application(self) -> AsyncIterator[Server]:
        """Give a server with the application for one case."""
        if self._target.is_factory:
            async with self._serve() as server:
                yield server
        else:
            if self._shared is None:
                serving = self._serve()
                self._shared = serving, await serving.__aenter__()
            yield self._shared[1]

    def close(self) -> None:
        """Stop the application and the loop."""
        self.run(self._close())
        self._leave()
        if self._is_stuck:
            # asyncio.Runner would wait for ever for a task that ignores its cancellation
            self._runner.get_loop().close()
        else:
            self._runner.close()

    async def _end_all(self) -> None:
        """End all that runs on the loop, which was stopped in the midst of it."""
        self._ending = asyncio.current_task()
        await self._end(asyncio.all_tasks() - {self._ending})

    def _leave(self) -> None:
        """End the watch; let nobody wait for threads and processes that the application left."""
        if self._watchdog is not None:
            self._watchdog.close()
        let_go()
        internals.abandon_executor(self._runner.get_loop())

    async def _close(self) -> None:
        if self._shared is not None:
            await self._shared[0].__aexit__(None, None, None)

    @asynccontextmanager
    async def _serve(self) -> AsyncIterator[Server]:
        before = asyncio.all_tasks()
        server = None
        app = await self._target.create()
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_TIMEOUT
        )
        try:
            await runner.setup()
            assert runner.server is not None
            server = Server(runner.server, self, app)
            yield server
        finally:
            if server is not None:
                server.detach_faults()
            try:
                async with asyncio.timeout(CLEANUP_TIMEOUT):
                    await runner.cleanup()
            finally:
                own = {asyncio.current_task(), self._ending}
                await self._end(asyncio.all_tasks() - before - own)

    async def _end(self, tasks: set[asyncio.Task[Any]]) -> None:
        """Cancel what the application has left on the loop, before the next one is made."""
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=CLEANUP_TIMEOUT)
            self._is_stuck = self._is_stuck or bool(pending)


class Server:
    """An application that is being served."""

    def __init__(self, server: web.Server, host: Host, app: web.Application) -> None:
        self.app = app
        self.on_fault: Callable[[str], None] = lambda text: None
        """Told each time that a fault takes effect."""
        self._server = server
        self._context = contextvars.copy_context()
        self._host = host
        self._faults: FaultPlan | None = None

    @property
    def managers(self) -> dict[str, SocketsManager]:
        """The managers of the application, by what gets at them."""
        return managers_of(self.app)

    @property
    def faults(self) -> FaultPlan:
        """The faults of this application; asked for before connecting, also for calls and replies.

        With the name and the seed that `pytest_wsrpc.serve` has unless told, so that chance gives
        the same there.
        """
        if self._faults is None:
            self._faults = FaultPlan(0, "serve", self._fault_fired)
            self._faults.attach(self.managers.values())
        return self._faults

    def detach_faults(self) -> None:
        """Leave the application as it was."""
        if self._faults is not None:
            self._faults.detach()

    async def advance(self, seconds: float) -> None:
        """Let virtual time pass, and all that is due run; with 0 what can run at this instant."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        await VirtualClock(loop).advance(seconds)

    def _fault_fired(self, text: str, websocket: object) -> None:
        self.on_fault(text)

    @asynccontextmanager
    async def connect(
        self, path: str, headers: Sequence[tuple[str, str]], timeout: float
    ) -> AsyncIterator[Connection]:
        """Connect for one case; raises `HandshakeRefused`."""
        failures: list[Failure] = []
        socket = WebSocket()
        with handler_failures(failures.append):
            try:
                await socket.open(self._server, self._context.copy(), path, headers, timeout)
            except Refused as refused:
                raise HandshakeRefused(refused.status, _first(failures)) from None
            except TimeoutError:
                raise HandshakeRefused(None, _first(failures)) from None
        try:
            connection = Connection(socket)
            if self._host.login is not None:
                await self._host.login(connection)
            yield connection
        finally:
            await _close(socket)


def _say_nothing() -> None:
    pass


async def _close(socket: WebSocket) -> None:
    """Close a connection, by force where the server goes on sending: then no time passes."""
    socket.say_goodbye()
    for _ in range(CLOSING_TURNS):
        if socket.has_ended:
            await asyncio.sleep(0)  # now the server forgets it, and need not wait at its end
            return
        await asyncio.sleep(0)
    socket.link.reset()
    await socket.close()


class Connection:
    """The client's end of a connection."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self.name = socket.name
        """The address that the server sees."""
        self.login: list[tuple[str, dict[str, Any]]] = []
        """The calls with which the user's hook has logged in, for a test that does the same."""

    @property
    def close_code(self) -> int | None:
        """The code with which the server closed the connection."""
        return self._socket.close_code

    async def send(self, frame: str | bytes, *, binary: bool = False) -> None:
        """Send a frame; bytes go in a text frame, UTF-8 or not, unless `binary`.

        Nothing is raised on a connection that the server has closed: the next `receive` tells.
        """
        self._socket.send(frame.encode() if isinstance(frame, str) else frame, binary=binary)

    async def receive(self, timeout: float | None) -> str | bytes | None:
        """Return the next frame, None when the connection is closed; raises `TimeoutError`."""
        return await self._socket.receive(timeout)


def _first(failures: Sequence[Failure]) -> BaseException | None:
    return failures[0].exception if failures else None
