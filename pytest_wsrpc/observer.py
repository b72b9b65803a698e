"""What the server did during one test: its exceptions, whose they are, and the verdict on them.

aiohttp answers an exception in a websocket handler with a close code and a line in the log. Here
each is kept until the test has looked at it, and fails the test if it never does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NoReturn

import pytest
from aiohttp.http_exceptions import HttpProcessingError

from wsrpc.failures import Failure, Listener, listen

from . import internals, settings
from .leftovers import Leftover, render, verdict

if TYPE_CHECKING:
    from .client import WsTestClient


def observe(item: pytest.Item) -> Observer:
    """Give the observer of this test; the first call starts it."""
    observer = item.stash.get(settings.OBSERVER, None)
    if observer is None:
        observer = item.stash[settings.OBSERVER] = Observer(item)
    return observer


class Observer:
    """Listen to the server from the set-up of a test until its tear-down."""

    def __init__(self, item: pytest.Item) -> None:
        self.clients: list[WsTestClient] = []
        self.server_errors: list[BaseException] = []
        """Exceptions that belong to no client of the fixtures."""
        self._item = item
        self._failures: list[tuple[Failure, WsTestClient | None]] = []
        self._shown: list[WsTestClient] = []
        self._request: pytest.FixtureRequest | None = None
        self._judging = True
        self._listening = ExitStack()
        self._listening.enter_context(listen(self.failed))
        self._listening.enter_context(_aiohttp_failures(self.failed))

    def stop(self) -> None:
        """Listen no longer."""
        self._listening.close()

    def add_client(self, client: WsTestClient) -> None:
        """Show the conversation of this client, and tell it of the exceptions that it caused."""
        self.clients.append(client)
        for index, (failure, owner) in enumerate(self._failures):
            if owner is None and _is_of(failure, client):
                self._failures[index] = failure, client
                _remove(self.server_errors, failure.exception)
                client.server_failed(failure)

    def failed(self, failure: Failure) -> None:
        """Keep an exception of the server, once, with the client whose connection it concerns."""
        if any(known.exception is failure.exception for known, _ in self._failures):
            return
        # A port may serve twice; the latest client has it now.
        for client in reversed(self.clients):
            if _is_of(failure, client):
                self._failures.append((failure, client))
                client.server_failed(failure)
                return
        self._failures.append((failure, None))
        self.server_errors.append(failure.exception)

    def closes_with(self, request: pytest.FixtureRequest) -> None:
        """Take the fixture ``ws_connect`` of this request down at the end of the call."""
        self._request = request

    def close_fixtures(self) -> None:
        """Tear down, while the call still lasts, clients, application and what is built on them.

        An exception of somebody's tear-down is raised where pytest expects it: in the tear-down.
        """
        if self._request is None:
            return
        try:
            internals.finish_fixture(self._request)
        except (Exception, pytest.fail.Exception) as error:
            self._item.addfinalizer(_raiser(error))

    @contextmanager
    def own_outcome(self) -> Iterator[None]:
        """Leave the outcome of a test that fails or is skipped by itself as it is."""
        try:
            yield
        except BaseException:
            self._judging = False
            raise

    def judge(self) -> None:
        """Fail the test for exceptions of the server that it has not looked at."""
        if self._judging and "server-errors" in settings.strict_kinds(self._item):
            leftovers = self._take_leftovers()
            if leftovers:
                pytest.fail(verdict(leftovers), pytrace=False)

    def sections(self) -> Iterator[tuple[str, str]]:
        """Give what a report of failure shows: each conversation once, and leftovers."""
        for client in self.clients:
            if client not in self._shown and _has_content(client):
                self._shown.append(client)
                yield f"Conversation of {client.name}", client.transcript.render()
        leftovers = self._take_leftovers()
        if leftovers:
            yield "Exceptions on the server", render(leftovers)

    def _take_leftovers(self) -> list[Leftover]:
        """Take out the exceptions that are still where the test could have taken them."""
        leftovers = []
        for failure, client in self._failures:
            kept = self.server_errors if client is None else client.server_errors
            if _remove(kept, failure.exception):
                leftovers.append(Leftover(failure, None if client is None else client.name))
        return leftovers


def _has_content(client: WsTestClient) -> bool:
    return any(entry.direction != "connected" for entry in client.transcript.entries)


def _is_of(failure: Failure, client: WsTestClient) -> bool:
    return failure.websocket is not None and failure.websocket.peername == client.sockname


def _remove(errors: list[BaseException], error: BaseException) -> bool:
    """Remove this very exception; equality is the user's to define, and not asked."""
    for index, candidate in enumerate(errors):
        if candidate is error:
            del errors[index]
            return True
    return False


def _raiser(error: BaseException) -> Callable[[], NoReturn]:
    def raise_error() -> NoReturn:
        raise error

    return raise_error


@contextmanager
def _aiohttp_failures(listener: Listener) -> Iterator[None]:
    """Hear of what only aiohttp's log tells: exceptions of plain handlers and of middlewares."""
    logger = logging.getLogger("aiohttp.server")
    handler = _FailureHandler(listener)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _FailureHandler(logging.Handler):
    def __init__(self, listener: Listener) -> None:
        super().__init__(logging.ERROR)
        self._listener = listener

    def emit(self, record: logging.LogRecord) -> None:
        exception = record.exc_info and record.exc_info[1]
        # Bytes that are no HTTP are the fault of whoever sent them.
        if exception and not isinstance(exception, HttpProcessingError):
            self._listener(Failure(exception, f"aiohttp: {record.getMessage()}"))
