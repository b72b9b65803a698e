"""Scripts on a connection of their own: in order, many at once, each sent at most once."""

from __future__ import annotations

import asyncio
import contextvars
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import ResponseError

from ..errors import BrokerUnavailable
from .endpoint import FAILURES, Endpoint, Link
from .scripts import Script

BATCH: Final = 256
"""Scripts that are sent together: enough that the way to Redis and back costs each of them little,
few enough that an answer does not wait for many others."""

BATCH_BYTES: Final = 1024 * 1024
"""Bytes that are sent together."""

QUEUE_BYTES: Final = 16 * 1024 * 1024
"""Bytes that wait for Redis. There is no more memory for an outage than this."""

PAUSE: Final = 0.05
"""Seconds between a failed try to connect and the next one."""


@dataclass(eq=False, slots=True)
class _Request:
    script: Script
    keys: Sequence[bytes]
    arguments: Sequence[bytes | str | int]
    size: int
    answer: asyncio.Future[Any]

    def command(self, known: set[Script]) -> list[bytes | str | int]:
        """Return the command: the first one of a batch brings the source with it."""
        head: tuple[bytes, bytes] = (b"EVALSHA", self.script.digest)
        if self.script not in known:
            known.add(self.script)
            head = (b"EVAL", self.script.source)
        return [*head, len(self.keys), *self.keys, *self.arguments]


class Lane:
    """A queue of scripts and the one connection that they run on, opened when it is needed.

    No script is ever sent twice: one whose answer does not come may have run or not.
    """

    def __init__(self, endpoint: Endpoint, timeout: float, batch: int = BATCH) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._batch = batch
        self._queue: deque[_Request] = deque()
        self._waiting_bytes = 0
        self._link: Link | None = None
        self._worker: asyncio.Task[None] | None = None
        self._failed_at = -math.inf
        self._is_closed = False
        self._is_stale = False

    async def run(
        self,
        script: Script,
        keys: Sequence[bytes],
        arguments: Sequence[bytes | str | int],
        timeout: float | None = None,
    ) -> Any:
        """Run a script and return its answer.

        Raises `BrokerUnavailable` where Redis is not reached, refuses, or does not answer within
        the timeout.
        """
        size = sum(len(word) for word in arguments if not isinstance(word, int)) + 256
        if self._is_closed:
            raise BrokerUnavailable("the connection to Redis is closed")
        if self._waiting_bytes and self._waiting_bytes + size > QUEUE_BYTES:
            raise BrokerUnavailable(f"more than {QUEUE_BYTES} bytes wait for Redis")
        loop = asyncio.get_running_loop()
        request = _Request(script, keys, arguments, size, loop.create_future())
        self._queue.append(request)
        self._waiting_bytes += size
        if self._worker is None:
            # in a context of its own: it has nothing to do with who came first
            self._worker = loop.create_task(self._work(), context=contextvars.Context())
        limit = self._timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(limit):
                return await request.answer
        except TimeoutError:
            raise BrokerUnavailable(f"Redis did not answer within {limit} s") from None
        except FAILURES as error:
            raise BrokerUnavailable(f"Redis cannot be reached, or refuses: {error}") from error

    def renew(self) -> None:
        """Have a new connection for what is not sent yet: Redis may be another one by now."""
        self._is_stale = True

    async def close(self) -> None:
        """Fail what waits, and close the connection, until `open`."""
        self._is_closed = True
        while self._queue:
            self._fail(self._take(), BrokerUnavailable("the connection to Redis is closed"))
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait([self._worker])
        await self._close_link()

    def open(self) -> None:
        """Take scripts, also after `close`."""
        self._is_closed = False

    async def _work(self) -> None:
        try:
            # what comes in this turn goes along, and the end of an idle connection is seen
            await asyncio.sleep(0)
            while self._queue:
                try:
                    link = await self._connected()
                except FAILURES as error:
                    while self._queue:
                        self._fail(self._take(), error)
                    return
                await self._run_batch(link, self._next_batch())
        finally:
            self._worker = None

    async def _connected(self) -> Link:
        """Return the connection, a new one where the old one is broken."""
        if self._link is not None and not self._is_stale and await self._link.is_usable():
            return self._link
        await self._close_link()
        self._is_stale = False
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._failed_at + PAUSE - loop.time()))
        try:
            self._link = await self._endpoint.connect()
        except FAILURES:
            self._failed_at = loop.time()
            raise
        return self._link

    def _next_batch(self) -> list[_Request]:
        """Take what is sent together, without what nobody waits for any more."""
        batch: list[_Request] = []
        size = 0
        while self._queue and len(batch) < self._batch and size < BATCH_BYTES:
            request = self._take()
            if not request.answer.done():
                batch.append(request)
                size += request.size
        return batch

    async def _run_batch(self, link: Link, batch: list[_Request]) -> None:
        known: set[Script] = set()
        unanswered = deque(batch)
        failure: BaseException = ConnectionError("the connection to Redis was given up")
        try:
            await link.send([request.command(known) for request in batch])
            while unanswered:
                try:
                    answer = await link.answer()
                except ResponseError as error:
                    self._fail(unanswered.popleft(), error)
                else:
                    request = unanswered.popleft()
                    if not request.answer.done():
                        request.answer.set_result(answer)
        except FAILURES as error:
            failure = error
        finally:
            if unanswered:
                for request in unanswered:
                    self._fail(request, failure)
                await self._close_link()

    def _take(self) -> _Request:
        request = self._queue.popleft()
        self._waiting_bytes -= request.size
        return request

    @staticmethod
    def _fail(request: _Request, error: BaseException) -> None:
        if not request.answer.done():
            request.answer.set_exception(error)
            request.answer.exception()  # whoever asked may have been cancelled in this turn

    async def _close_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()
