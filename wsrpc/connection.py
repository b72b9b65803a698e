"""One connection's life: handshake, reading, calls, subscriptions, end."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiohttp import WebSocketError, WSMessage, WSMsgType, web

from . import compression, internals, protocol
from .call_context import CallContext
from .calls import Call
from .channel import ChannelEvent
from .errors import CloseCode, ConnectionClosed, InvalidRequest, ParseError
from .failures import Failure, is_being_cancelled, report
from .frames import close_frame
from .handover import noticing_wait
from .manager import Websocket
from .memberships import Memberships
from .protocol import Rejected, Request
from .rpc import methods_of

if TYPE_CHECKING:
    from .manager import SocketsManager

logger = logging.getLogger("wsrpc.connection")

CLOSE_TIMEOUT: Final = 1.0
"""Seconds that the client has to answer a close frame: a round trip, with room to spare."""

LOST: Final = 1006
"""The code of a connection that ended without a close frame (RFC 6455, section 7.1.5)."""

LINGER: Final = 30.0
"""Seconds that what a slow client was sent may take to reach it after the close frame."""

_WATCH: Final = 0.05
_MESSAGES_IN_A_ROW: Final = 64


class Connection:
    """One connection of a view, from its handshake to its end.

    The request's own task only waits for the end. One task reads, and runs each call itself as
    long as the call does not wait; if it waits, the next task goes on reading. So a call that
    never waits costs no task, and no call keeps the next one from being read.
    """

    __slots__ = (
        "_awaiting_end",
        "_calls",
        "_close_code",
        "_close_timer",
        "_closed_early",
        "_context",
        "_draining",
        "_has_ended",
        "_is_open",
        "_is_over",
        "_limits",
        "_loop",
        "_memberships",
        "_outbox",
        "_reader",
        "_request",
        "_socket",
        "_tasks",
        "_transport",
        "closing",
        "manager",
        "peername",
        "view",
    )

    def __init__(self, view: Websocket, manager: SocketsManager) -> None:
        self.view = view
        self.manager = manager
        self.closing = False
        """Nothing more can be sent."""
        self._request = view.request
        self._loop = asyncio.get_running_loop()
        self._limits = limits = view.limits
        self._outbox, self._socket = compression.parts(
            self._request, limits, self._loop, self._too_slow
        )
        self._calls = manager._wsrpc_calls(
            view, methods_of(type(view)), limits, self._outbox.put, self._start, self._writable
        )
        self._memberships: Memberships | None = None
        transport = self._request.transport
        self._transport: Any = transport
        self.peername = None if transport is None else transport.get_extra_info("peername")
        self._tasks: list[asyncio.Task[None]] = []  # few, and a set takes more memory
        self._reader: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        self._is_open = False
        self._closed_early: tuple[int, str] | None = None
        self._close_code = LOST
        self._close_timer: asyncio.TimerHandle | None = None
        self._has_ended = False
        self._awaiting_end: tuple[asyncio.Future[None], ...] = ()
        self._is_over = False

    async def serve(self) -> web.StreamResponse:
        """Take the connection from its handshake to its end; the body of the request's handler."""
        self.manager._connecting.add(self)
        try:
            await self._connect()
        finally:
            self.manager._connecting.discard(self)
        self._start_reading()
        try:
            await self._end_of_all()
        except asyncio.CancelledError:
            # aiohttp cancels with handler_cancellation, and when its patience at shutdown ends
            self._end()
            raise
        return self._socket

    async def _connect(self) -> None:
        try:
            await self.view.on_connect()
        except BaseException:
            self.memberships.leave()
            self._tell_end()
            raise
        self._context = contextvars.copy_context()
        try:
            await self._socket.prepare(self._request)
        except BaseException:
            self._end()
            raise
        internals.read_less(self._transport)
        self._outbox.open(self._transport)
        self.manager.add(self.view)
        self._is_open = True
        if self._closed_early is not None:
            self.close(*self._closed_early)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task of the connection, in a context of its own."""
        task = self._loop.create_task(coroutine, context=self._context.copy())
        self._tasks.append(task)
        task.add_done_callback(self._task_done)
        return task

    def _start_reading(self) -> None:
        self._reader = self._start(self._read())

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.remove(task)
        if task.cancelled():
            if task is self._reader and not self._is_over:
                self._start_reading()  # a stranger cancelled what was the task of a call before
        elif (error := task.exception()) is not None:
            report(logger, Failure(error, "connection", self.view))
            self.close(CloseCode.INTERNAL_ERROR)

    async def _read(self) -> None:
        socket = self._socket
        link = self._request.protocol
        outbox = self._outbox
        buffered = internals.buffered(socket)
        task = asyncio.current_task()
        assert task is not None
        in_a_row = 0
        context = CallContext()
        while True:
            if not internals.is_text_next(buffered):
                outbox.uncork()
            in_a_row += 1
            if link.writing_paused:
                await self._writable()
            elif in_a_row % _MESSAGES_IN_A_ROW == 0:
                outbox.uncork()
                await asyncio.sleep(0)  # receive() does not wait while messages are there
            try:
                message = await socket.receive()
            except ConnectionError:  # a ping came whose pong cannot be sent any more
                self._abort()
                return
            if message.type is WSMsgType.TEXT:
                if self.closing:
                    continue
                outbox.corked = buffered is not None
                request = self._request_in(message.data)
                call = None if request is None else self._calls.admit(request, message.data)
                if request is None or call is None:
                    continue
                context.enter(call)
                running = self._calls.run(call, request.payload)
                await noticing_wait(running, partial(self._waits, call, task))
                if call.waits:
                    return
                if context.is_changed() or task.cancelling():
                    outbox.uncork()
                    self._start_reading()
                    return
                del message, request, running  # else they stay until the next one comes
            elif message.type is WSMsgType.BINARY:
                self._refuse(Rejected(InvalidRequest(protocol.BINARY_FRAME)))
            else:
                self._reading_ended(message)
                return

    def _request_in(self, data: bytes) -> Request | None:
        """Return the request that a message is, or answer why it is none."""
        try:
            return protocol.request(data, self._limits.depth)
        except ParseError as error:
            self._refuse(Rejected(error))
        except Rejected as rejected:
            self._refuse(rejected)
        return None

    def _refuse(self, rejected: Rejected) -> None:
        self._outbox.put(protocol.error(rejected.id, rejected.method, rejected.error))

    def _waits(self, call: Call, task: asyncio.Task[None]) -> None:
        """The call in `task` has to wait: another task is to read."""
        self._outbox.uncork()
        # In the next turn, as calls mostly go on then: the ones that are read next would find them
        # holding the turn of their channel, and each of them would have to wait for one more turn.
        self._loop.call_soon(self._hand_over, call, task)

    def _hand_over(self, call: Call, task: asyncio.Task[None]) -> None:
        if not self._is_over:
            self._calls.suspended(call, task)
            self._start_reading()

    async def _writable(self) -> None:
        """Wait until the client takes what was sent to it, if it is behind."""
        link = self._request.protocol
        while link.writing_paused and link.connected and not self._is_over:
            self._outbox.uncork()
            if self._draining is None or self._draining.done():
                # one for all who wait: a cancelled one would cancel aiohttp's waiter for the rest
                self._draining = self._loop.create_task(self._drain())
            await asyncio.wait([self._draining], timeout=self._limits.heartbeat)
            if self._socket.closed:  # no pong came; aiohttp waits for its buffer to empty
                self._abort()

    async def _drain(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._request.writer.drain()

    def _reading_ended(self, message: WSMessage) -> None:
        """The client closed, broke the protocol, or is gone."""
        if message.type is WSMsgType.CLOSE:
            if not self.closing:
                self._answer_close(message.data)
            self._end()
        elif message.type is WSMsgType.ERROR and isinstance(message.data, WebSocketError):
            # The rest of what the client sends is read and dropped, as closing the socket at
            # once would reset the connection before the client has read why.
            self.close(message.data.code)
            self._watch()
        elif message.type is WSMsgType.ERROR:
            self._abort()
        else:
            self._end()

    def _answer_close(self, code: int) -> None:
        try:
            frame = close_frame(code)
        except ValueError:
            frame = close_frame(CloseCode.OK)
        self._begin_closing(code)
        self._write(frame)

    def _watch(self) -> None:
        if self._request.protocol.connected:
            self._loop.call_later(_WATCH, self._watch)
        else:
            self._end()

    def close(self, code: int, reason: str = "") -> None:
        """Send what waits, then the close frame; the client has `CLOSE_TIMEOUT` to answer it.

        The connection is gone from its channels at once. Raises `ValueError` as `close_frame`.
        """
        frame = close_frame(code, reason)
        if not self._is_open:
            self._closed_early = self._closed_early or (code, reason)
            self.memberships.leave()
            self._outbox.closed = True
            return
        if self.closing:
            return
        self._begin_closing(code)
        self._close_timer = self._loop.call_later(CLOSE_TIMEOUT, self._end)
        self._write(frame)

    def _begin_closing(self, code: int) -> None:
        self.closing = True
        self._close_code = code
        self._leave()

    def _write(self, frame: bytes) -> None:
        self._outbox.flush()
        self._outbox.discard()
        if not self._transport.is_closing():
            self._transport.write(frame)

    def _too_slow(self) -> None:
        logger.warning("websocket %s reads too slowly: closed", self.view.socket_id)
        self.close(CloseCode.TRY_AGAIN_LATER, "reads too slowly")

    def _abort(self) -> None:
        self._transport.abort()
        self._end()

    def _leave(self) -> None:
        self.manager.remove(self.view)
        if self._memberships is not None:
            self._memberships.leave()

    @property
    def memberships(self) -> Memberships:
        """The channels of the connection; made when they are first asked for."""
        if self._memberships is None:
            self._memberships = Memberships(self.view, self.manager, self._outbox)
            if self.closing:
                self._memberships.leave()
        return self._memberships

    def _end(self) -> None:
        """End all that belongs to the connection, whoever ended it."""
        if self._is_over:
            return
        self._is_over = True
        if not self.closing:
            self.closing = True
            self._leave()
        self._outbox.discard()
        if self._close_timer is not None:
            self._close_timer.cancel()
        if self._transport is not None:
            self._transport.close()
            if self._transport.get_write_buffer_size():
                self._loop.call_later(LINGER, self._stop_lingering)
        self._calls.close()
        own = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not own]
        for task in tasks:
            task.cancel()
        if not tasks and self._socket.is_closing and not self._is_told_of_end:
            self._tell_end()  # most connections end so, without a task for it
            return
        ending = self._loop.create_task(self._finish(tasks), context=self._context.copy())
        _endings.add(ending)
        ending.add_done_callback(_endings.discard)

    @property
    def _is_told_of_end(self) -> bool:
        """Whether the view has a hook of its own for it."""
        return type(self.view).on_disconnect is not Websocket.on_disconnect

    def _stop_lingering(self) -> None:
        if self._transport.get_write_buffer_size():  # a socket that is closed cannot be aborted
            self._transport.abort()

    async def _finish(self, tasks: list[asyncio.Task[None]]) -> None:
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)
            if self._socket.prepared:
                self._socket.over = True
                await self._socket.close()  # ends aiohttp's heartbeat
            await self.view.on_disconnect()
        except asyncio.CancelledError as error:
            if is_being_cancelled():
                raise
            self._disconnect_failed(error)
        except Exception as error:
            # the application's own code
            self._disconnect_failed(error)
        finally:
            self._tell_end()

    def _end_of_all(self) -> asyncio.Future[None]:
        """Return a future, the caller's own, that is done when the connection has ended."""
        end: asyncio.Future[None] = self._loop.create_future()
        if self._has_ended:
            end.set_result(None)
        else:
            self._awaiting_end += (end,)
        return end

    def _tell_end(self) -> None:
        self._has_ended = True
        for end in self._awaiting_end:
            if not end.done():  # who waits for it may have been cancelled
                end.set_result(None)

    def _disconnect_failed(self, error: BaseException) -> None:
        report(logger, Failure(error, "on_disconnect", self.view))

    def keep_reading(self) -> None:
        """Go on reading calls and pongs, which aiohttp drops once its own shutdown began."""
        internals.keep_reading(self._request.protocol)

    async def shut_down(self) -> None:
        """Let the calls end, then close with 1001; bounded by `Limits.shutdown_timeout`.

        A handshake that is under way is closed as soon as it ends, which is not waited for long.
        """
        patience = CLOSE_TIMEOUT
        if self._is_open:
            patience += self._limits.shutdown_timeout
            await self._calls.drain()
        self.close(CloseCode.GOING_AWAY, "shutting down")
        await asyncio.wait([self._end_of_all()], timeout=patience)

    async def send_event(self, channel: str, event: str, data: Any) -> None:
        """Put an event for this connection alone into its outbox."""
        if self.closing:
            raise ConnectionClosed(self._close_code)
        if callable(data):
            data = data()
        message = ChannelEvent(channel, event, data).message
        self._outbox.put_event(message)
        self.manager.channels.put_out(len(message.text))
        await self.manager.channels.give_turn()


_endings: Final[set[asyncio.Task[None]]] = set()
