"""Silence while hypothesis searches: of hundreds of runs a person reads the log of the last."""

from __future__ import annotations

import logging
from contextlib import ExitStack

from hypothesis.control import current_build_context, currently_in_test_context


def hush() -> ExitStack:
    """Keep log records from the root logger's handlers until closed, unless this run is shown.

    pytest would show those of all runs below the failure of one.
    """
    hushed = ExitStack()
    if currently_in_test_context() and not current_build_context().is_final:
        for handler in logging.getLogger().handlers:
            handler.addFilter(_nothing)
            hushed.callback(handler.removeFilter, _nothing)
    return hushed


def _nothing(record: logging.LogRecord) -> bool:
    return False
