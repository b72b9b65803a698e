"""The connection of a client: opened, lost, opened again, until the client is closed."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from .connecting import Dialer
from .link import LOST, End, Link, Receiver, check_close
from .reconnect import Backoff, Reconnect, is_busy, is_temporary
from .state import ClientState, Observed

_log = logging.getLogger("wsrpc.client")

_greeted: Final[contextvars.ContextVar[Link | None]] = contextvars.ContextVar(
    "wsrpc_greeted", default=None
)
"""The connection on which `on_connect` runs, for all that runs in it."""


class Owner(Receiver, Protocol):
    """The client of a keeper; it passes `link_ended` on."""

    def link_opened(self, link: Link) -> None:
        """Take a connection for the current one, and read from it."""

    def link_ready(self, link: Link) -> None:
        """Learn that everybody may make calls on it."""

    def ended(self, end: End) -> None:
        """Learn that there will be no other connection."""


class Keeper:
    """Keeps a connection open: while there is none, a task tries to come back, if `options` say so.

    `greet` is called on each connection before anybody else may make calls on it.
    """

    def __init__(
        self,
        owner: Owner,
        dial: Dialer,
        options: Reconnect | None,
        greet: Callable[[], Coroutine[Any, Any, object]] | None,
        on_change: Callable[[ClientState], object] | None,
    ) -> None:
        self.end: End | None = None
        """How the client ended, once it has for good."""
        self.cause: BaseException | None = None
        """What it could not get over."""
        self.lost = End(LOST, "the client has not connected yet")
        """How the last connection ended."""
        self.ready: Link | None = None
        """The connection on which everybody may make calls."""
        self.state = Observed(on_change)
        self._owner = owner
        self._dial = dial
        self._options = options
        self._backoff = Backoff(options or Reconnect())
        self._greet = greet
        self._link: Link | None = None
        self._returning: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect for the first time; raises what goes wrong."""
        try:
            await self._establish()
        except _LinkEnded as ended:
            self._finish(ended.end)
            raise ended.end.error() from ended.__cause__
        except BaseException as error:
            self._finish(End(LOST, "the client could not connect"), error)
            raise

    async def admit(self) -> Link | None:
        """Return a connection on which the caller may make calls.

        None where there is none, and the caller is not to wait for one.
        """
        while self.ready is None:
            link = _greeted.get()
            if link is not None and link is self._link and link.end is None:
                return link
            if self.end is not None or self._options is None or self._options.calls == "fail":
                return None
            await self.state.until({ClientState.CONNECTED, ClientState.CLOSED})
        return self.ready

    def link_ended(self, end: End) -> None:
        """Begin to come back, or end for good."""
        was_ready = self.ready is not None
        self.ready = None
        if not end.locally:
            self.lost = end
        # Else somebody is about to connect or to close, and sees it.
        if was_ready:
            self._backoff.lost(_now())
            if self._options is not None and self._options.comes_back(end):
                self.state.set(ClientState.WAITING)
                self._returning = asyncio.create_task(
                    self._come_back(self._options, end),
                    name=f"wsrpc client of {self._dial.url}, coming back",
                )
            else:
                self._finish(end)

    async def close(self, code: int, reason: str) -> None:
        """End for good, and wait until nothing is left."""
        check_close(code, reason)
        self._finish(End(code, reason, locally=True))
        try:
            if self._returning is not None:
                self._returning.cancel()
                await asyncio.wait([self._returning])
        finally:
            if self._link is not None:
                await self._link.close(code, reason)

    async def _come_back(self, options: Reconnect, end: End) -> None:
        error: Exception = end.error()
        busy = is_busy(end)
        while (pause := self._backoff.next_attempt(_now(), busy=busy)) is not None:
            _log.info("%s: %s; trying to connect in %.1f s", self._dial.url, error, pause)
            assert self._link is not None
            await self._link.close(1000, "")
            await asyncio.sleep(pause)
            self.state.set(ClientState.CONNECTING)
            try:
                return await self._establish()
            except _LinkEnded as ended:
                error, busy = ended.end.error(), is_busy(ended.end)
                if not options.comes_back(ended.end):
                    return self._finish(ended.end)
            except Exception as failure:  # what a hook of the application raises included
                error, busy = failure, False
                if not is_temporary(failure):
                    reason = f"could not come back: {type(failure).__name__}: {failure}"
                    return self._finish(End(LOST, reason), failure)
            self.state.set(ClientState.WAITING)
        tries = self._backoff.attempts
        reason = f"gave up after {tries} attempt{'' if tries == 1 else 's'} to come back: {error}"
        return self._finish(End(LOST, reason), error)

    async def _establish(self) -> None:
        link = await self._dial()
        self._link = link
        self._owner.link_opened(link)
        try:
            await self._introduce(link)
        except BaseException:
            await link.close(1000, "")
            raise
        self._backoff.connected(_now())
        self.ready = link
        self.state.set(ClientState.CONNECTED)
        self._owner.link_ready(link)

    async def _introduce(self, link: Link) -> None:
        """Do what is to be done on the connection before others use it."""
        if self._greet is None:
            return
        context = contextvars.copy_context()
        context.run(_greeted.set, link)
        greeting: asyncio.Future[Any] = asyncio.create_task(
            self._greet(), name=f"wsrpc client of {self._dial.url}, on_connect", context=context
        )
        try:
            await asyncio.wait([greeting, link.ended], return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not greeting.done():
                greeting.cancel()
                await asyncio.wait([greeting])
        failure = None if greeting.cancelled() else greeting.exception()
        if link.end is not None:
            raise _LinkEnded(link.end) from failure
        if greeting.cancelled():
            raise RuntimeError("on_connect was cancelled, by itself or by what it awaits")
        if failure is not None:
            raise failure

    def _finish(self, end: End, cause: BaseException | None = None) -> None:
        if self.end is not None:
            return
        self.end = end
        self.cause = cause
        if cause is not None and self._returning is not None:
            _log.warning("%s: %s", self._dial.url, end.reason)
        self.state.set(ClientState.CLOSED)
        self._owner.ended(end)


class _LinkEnded(Exception):
    """A connection ended while it was being established."""

    def __init__(self, end: End) -> None:
        super().__init__(end)
        self.end = end


def _now() -> float:
    return asyncio.get_running_loop().time()
