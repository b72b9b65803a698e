"""Hear of every exception of the server: what wsrpc tells, and what only aiohttp's log does."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType

from aiohttp.http_exceptions import HttpProcessingError

from wsrpc.failures import Failure, Listener, listen

from .traces import is_application


@contextmanager
def server_failures(listener: Listener) -> Iterator[None]:
    """Tell `listener` of the exceptions in this process, also of plain handlers and middlewares."""
    logger = logging.getLogger("aiohttp.server")
    handler = _FailureHandler(listener)
    logger.addHandler(handler)
    try:
        with listen(listener):
            yield
    finally:
        logger.removeHandler(handler)


class _FailureHandler(logging.Handler):
    def __init__(self, listener: Listener) -> None:
        super().__init__(logging.ERROR)
        self._listener = listener

    def emit(self, record: logging.LogRecord) -> None:
        exception = record.exc_info and record.exc_info[1]
        # Bytes that are no HTTP are the fault of whoever sent them, and who streams to a client
        # learns by an exception of aiohttp's that it has left.
        has_left = isinstance(exception, ConnectionError) and not is_application(
            _innermost(exception).co_filename
        )
        if exception and not has_left and not isinstance(exception, HttpProcessingError):
            self._listener(Failure(exception, f"aiohttp: {record.getMessage()}"))


def _innermost(exception: BaseException) -> CodeType:
    """Give the code that raised the exception."""
    *_, (frame, _) = traceback.walk_tb(exception.__traceback__)
    return frame.f_code
