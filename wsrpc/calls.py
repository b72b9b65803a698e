"""The calls of one connection: how many run, which wait, when they end, what they are answered."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
from aiohttp import web

from . import protocol
from .errors import (
    BrokerUnavailable,
    CallTimeout,
    ConnectionClosed,
    Forbidden,
    InternalError,
    MethodNotFound,
    RpcError,
    ShuttingDown,
    TooManyRequests,
)
from .failures import Failure, report
from .limits import Limits
from .protocol import MessageId, Request
from .rpc import RpcMethod
from .schema import InvalidResponse

if TYPE_CHECKING:
    from .manager import Websocket

logger = logging.getLogger("wsrpc.calls")

_CLOCK_RESOLUTION: Final = 1e-6


class Acknowledged(Protocol):
    """What a call made and what counts only once the call is answered: a subscription."""

    def acknowledge(self, call: Call) -> None:
        """The reply is on its way."""

    def withdraw(self, call: Call) -> None:
        """The call ended in an error."""


class Call(msgspec.Struct, eq=False):
    """One call, from its arrival to the end of its handler."""

    id: MessageId
    method: str
    deadline: float
    task: asyncio.Task[None] | None = None
    waits: bool = False
    """The handler has waited for something: the task is its own until it ends."""
    answered: bool = False
    cancelled: bool = False
    """The connection cancelled the handler, at a timeout or at its end."""
    made: list[Acknowledged] = []

    def undo(self) -> None:
        """Take back the subscriptions that the call made."""
        made, self.made = self.made, []
        for item in made:
            item.withdraw(self)


CURRENT: contextvars.ContextVar[Call | None] = contextvars.ContextVar("wsrpc_call", default=None)
"""The call in whose handler, or in whose handler's tasks, the code runs."""


class Calls:
    """The calls of one connection."""

    __slots__ = (
        "_claimed",
        "_closed",
        "_limits",
        "_loop",
        "_methods",
        "_queue",
        "_queued_bytes",
        "_refusal",
        "_running",
        "_send",
        "_start",
        "_timer",
        "_turns",
        "_view",
        "_waiting",
        "_writable",
    )

    def __init__(
        self,
        view: Websocket,
        methods: Mapping[str, RpcMethod],
        limits: Limits,
        send: Callable[[bytes], None],
        start: Callable[[Any], asyncio.Task[None]],
        writable: Callable[[], Any],
    ) -> None:
        self._view = view
        self._methods = methods
        self._limits = limits
        self._send = send
        self._start = start
        self._writable = writable
        self._loop = asyncio.get_running_loop()
        self._running = 0
        self._waiting: dict[Call, None] = {}  # in order of arrival, so of deadlines too
        self._queue: deque[tuple[bytes, float]] | tuple[()] = ()  # messages with their deadlines
        self._queued_bytes = 0
        self._claimed = 0  # tasks that were started for the queue and did not run yet
        self._timer: asyncio.TimerHandle | None = None
        self._turns: dict[str, tuple[asyncio.Lock, list[None]]] | None = None
        self._refusal: RpcError | None = None
        self._closed = False

    def admit(self, request: Request, message: bytes) -> Call | None:
        """Take a request in: return the call that is to run now, or None if it waits or is refused.

        A message that waits is kept as bytes, which is what `Limits.queued_bytes` counts.
        """
        limits = self._limits
        refusal: RpcError | None = self._refusal
        if request.method not in self._methods:
            refusal = MethodNotFound(errors=protocol.unknown_method(request.method))
        if refusal is None:
            deadline = self._loop.time() + limits.call_timeout
            if not self._queue and self._running < limits.concurrent_calls:
                self._running += 1
                return Call(request.id, request.method, deadline)
            size = self._queued_bytes + len(message)
            if len(self._queue) < limits.queued_calls and size <= limits.queued_bytes:
                self._enqueue(message, deadline)
                self._queued_bytes = size
                self._arm(deadline)
                return None
            refusal = TooManyRequests()
        self._send(protocol.error(request.id, request.method, refusal))
        return None

    async def run(self, call: Call, payload: dict[str, Any]) -> None:
        """Run an admitted call to the end of its handler, and answer it."""
        try:
            try:
                reply = await self._reply(call, self._methods[call.method], payload)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                # A handler may raise anything; only our own cancellation is not an answer.
                if isinstance(error, asyncio.CancelledError) and (call.cancelled or self._closed):
                    raise
                if isinstance(error, GeneratorExit) and self._is_over():
                    raise  # left behind, and collected or closed: no handler raised it
                if isinstance(error, ConnectionClosed) and self._closed:
                    return  # its own: the client has left, and nobody failed
                self._answer_error(call, self._error(call, error))
            else:
                self._answer(call, reply)
        finally:
            if call.made:
                call.undo()
            if call.waits:
                self._waiting.pop(call, None)
                call.task = None  # whose context has the call
            self._running -= 1
            if self._queue:
                self._start_queued()

    def _is_over(self) -> bool:
        return self._closed or self._loop.is_closed()

    async def _reply(self, call: Call, method: RpcMethod, payload: dict[str, Any]) -> bytes:
        data = payload if method.payload is None else method.payload.validate(payload)
        channel = payload.get("channel") if method.channel_call else None
        if isinstance(channel, str):
            async with self._turn(channel):
                value = await method.function(self._view, data)
        else:
            value = await method.function(self._view, data)
        try:
            if method.response is None:
                response = protocol.encode_json(value)
            else:
                response = method.response.encode(value)
        except InvalidResponse as error:
            raise InternalError("Invalid response") from error
        except Exception as error:
            # code of the value's own may run, and raise anything
            raise InternalError("JSON object expected") from error
        return protocol.reply(call.id, call.method, response)

    @asynccontextmanager
    async def _turn(self, channel: str) -> AsyncIterator[None]:
        if self._turns is None:
            self._turns = {}
        turns = self._turns
        lock, users = turns.setdefault(channel, (asyncio.Lock(), []))
        users.append(None)
        try:
            async with lock:
                yield
        finally:
            users.pop()
            if not users:
                del turns[channel]

    def suspended(self, call: Call, task: asyncio.Task[None]) -> None:
        """Note that a call's handler waits: from now on it can be cancelled, and time out."""
        call.waits = True
        call.task = task
        self._waiting[call] = None
        self._arm(call.deadline)

    def _answer(self, call: Call, reply: bytes) -> None:
        if not call.answered:
            call.answered = True
            self._send(reply)
            if call.made:
                made, call.made = call.made, []
                for item in made:
                    item.acknowledge(call)

    def _answer_error(self, call: Call, error: RpcError) -> None:
        call.undo()
        if not call.answered:
            call.answered = True
            try:
                reply = protocol.error(call.id, call.method, error)
            except (TypeError, ValueError) as problem:
                self._report(call, problem)
                reply = protocol.error(call.id, call.method, InternalError())
            self._send(reply)

    def _error(self, call: Call, error: BaseException) -> RpcError:
        """Return what answers a call whose handler raised; log what is the server's fault."""
        if isinstance(error, InternalError) and error.__cause__ is not None:
            self._report(call, error.__cause__)
            return error
        if isinstance(error, RpcError) and not isinstance(error, BrokerUnavailable):
            return error
        if isinstance(error, (web.HTTPUnauthorized, web.HTTPForbidden)):
            return Forbidden()
        self._report(call, error)
        if isinstance(error, (ConnectionError, BrokerUnavailable)):
            return BrokerUnavailable()
        return InternalError()

    def _report(self, call: Call, error: BaseException) -> None:
        report(
            logger,
            Failure(error, f"call {call.method:.80}", self._view, call.id, call.method),
        )

    def _start_queued(self) -> None:
        while self._running < self._limits.concurrent_calls and len(self._queue) > self._claimed:
            self._running += 1
            self._claimed += 1
            self._start(self._run_queued())

    async def _run_queued(self) -> None:
        """Run the call that waits longest.

        Its message stays in the queue until this task runs, so that what arrives meanwhile
        queues up behind it.
        """
        await self._writable()
        self._claimed -= 1
        if not self._queue:
            self._running -= 1
            return
        message, deadline = self._dequeue()
        request = protocol.request(message, self._limits.depth)
        call = Call(request.id, request.method, deadline)
        task = asyncio.current_task()
        assert task is not None
        self.suspended(call, task)
        CURRENT.set(call)
        await self.run(call, request.payload)

    def _enqueue(self, message: bytes, deadline: float) -> None:
        if not isinstance(self._queue, deque):
            self._queue = deque()  # only then, as it takes more memory than all else of this
        self._queue.append((message, deadline))

    def _dequeue(self) -> tuple[bytes, float]:
        assert isinstance(self._queue, deque)
        message, deadline = self._queue.popleft()
        self._queued_bytes -= len(message)
        return message, deadline

    def _arm(self, deadline: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        """Answer what has waited for the call timeout; one timer serves all calls."""
        self._timer = None
        now = self._loop.time() + _CLOCK_RESOLUTION
        for call in tuple(self._waiting):
            if call.answered:
                continue
            if call.deadline > now:
                self._arm(call.deadline)
                return
            self._answer_error(call, CallTimeout())
            self._cancel(call)
        while self._queue:
            if self._queue[0][1] > now:
                self._arm(self._queue[0][1])
                return
            self._refuse_queued(CallTimeout())

    def _refuse_queued(self, error: RpcError) -> None:
        message, _ = self._dequeue()
        request = protocol.request(message, self._limits.depth)
        self._send(protocol.error(request.id, request.method, error))

    def _cancel(self, call: Call) -> None:
        assert call.task is not None  # as it waits
        call.cancelled = True
        call.task.cancel()

    async def drain(self) -> None:
        """Refuse new calls, and wait until those that run have ended or their time is over."""
        self._refusal = ShuttingDown()
        while self._queue:
            self._refuse_queued(self._refusal)
        await asyncio.sleep(0)  # a handler that waits since this very turn is known in the next
        own = CURRENT.get()  # the call that asks for this cannot end before
        tasks = {call.task for call in self._waiting if call is not own and call.task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=self._limits.shutdown_timeout)
        for call in tuple(self._waiting):
            if call.task in tasks:
                self._answer_error(call, ShuttingDown())
                self._cancel(call)

    def close(self) -> None:
        """Cancel all calls; nothing is answered any more."""
        self._closed = True
        self._queue = ()
        self._queued_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for call in tuple(self._waiting):
            call.undo()
            self._cancel(call)
