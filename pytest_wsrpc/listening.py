"""Hear of every exception of the server: what wsrpc tells, and what only aiohttp's log does."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp.http_exceptions import HttpProcessingError

from wsrpc.failures import Failure, Listener, listen

from .traces import is_application


@contextmanager
def server_failures(listener: Listener) -> Iterator[None]:
    """Tell `listener` of the exceptions in this process, also of plain handlers and middlewares."""
    with handler_failures(listener), listen(listener):
        yield


@contextmanager
def handler_failures(listener: Listener) -> Iterator[None]:
    """Tell `listener` of what only aiohttp logs: exceptions of plain handlers and middlewares."""
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
        if exception and not isinstance(exception, HttpProcessingError) and not _left(exception):
            self._listener(Failure(exception, f"aiohttp: {record.getMessage()}"))


def _left(exception: BaseException) -> bool:
    """Tell whether aiohttp raised it to say that the client has left, as to who streams to it."""
    places = [frame for frame, _ in traceback.walk_tb(exception.__traceback__)]
    return (
        isinstance(exception, ConnectionError)
        and bool(places)
        and not is_application(places[-1].f_code.co_filename)
    )
