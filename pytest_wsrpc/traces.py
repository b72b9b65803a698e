"""Which frames of a traceback are the application's, and which only the machinery around it."""

from __future__ import annotations

import asyncio
import os
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import Final

import aiohttp
import msgspec

import wsrpc

_LIBRARIES: Final = tuple(
    str(Path(str(module.__file__)).parent) + os.sep for module in (aiohttp, asyncio, msgspec, wsrpc)
)
_STDLIB: Final = sysconfig.get_path("stdlib") + os.sep
_INSTALLED: Final = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)


def is_application(filename: str) -> bool:
    """Tell whether a file is neither Python's own nor one of the libraries that serve."""
    if filename.startswith(("<", *_LIBRARIES)):
        return False
    in_stdlib = filename.startswith(_STDLIB)
    return not in_stdlib or any(part in filename for part in _INSTALLED)


def application_trace(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from its first frame of the application on, whole where it has none."""
    own = trace
    while own is not None and not is_application(own.tb_frame.f_code.co_filename):
        own = own.tb_next
    return own or trace
