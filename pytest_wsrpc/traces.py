"""Which frames are the application's, and which only the machinery around it; a line of code."""

from __future__ import annotations

import asyncio
import linecache
import os
import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final

import aiohttp
import msgspec
import pytest

import wsrpc.client
import wsrpc.keeper
import wsrpc.subscribing
import wsrpc.subscription
from wsrpc.errors import ConnectionClosed, RpcError

_STDLIB: Final = sysconfig.get_path("stdlib") + os.sep
_INSTALLED: Final = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
_HERE: Final = str(Path(__file__).parent) + os.sep
_PACKAGES: Final = str(Path(__file__).parent.parent) + os.sep
_DEMO: Final = _HERE + "demo.py"


def _folder(module: object) -> str:
    return str(Path(str(getattr(module, "__file__", ""))).parent) + os.sep


def _folders_of(package: str) -> list[str]:
    """Return where a package is, without importing it."""
    found = find_spec(package)
    return [
        str(Path(where)) + os.sep for where in (found and found.submodule_search_locations) or ()
    ]


_ASYNCIO: Final = _folder(asyncio)
_SERVING: Final = (*map(_folder, (aiohttp, wsrpc)), _HERE)
_LIBRARIES: Final = (
    *_SERVING,
    _ASYNCIO,
    _folder(msgspec),
    *_folders_of("hypothesis"),
    *_folders_of("coverage"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of code."""

    filename: str
    lineno: int
    function: str

    def __str__(self) -> str:
        """Give file, line, function and source, as short as can be found from here."""
        source = linecache.getline(self.filename, self.lineno).strip()
        end = f": {source}" if source else ""
        return f"{self.short()} in {self.function}{end}"

    def short(self) -> str:
        """Give file and line: from the working directory, or from where a library is installed."""
        name = self.filename
        for installed in _INSTALLED:
            name = name.rpartition(installed)[2]
        for folder in (_working_directory(), _STDLIB, _PACKAGES):
            name = name.removeprefix(folder)
        return f"{name}:{self.lineno}"


@lru_cache(maxsize=4096)
def is_application(filename: str) -> bool:
    """Tell whether a file is neither Python's own nor one of the libraries that serve."""
    if filename == _DEMO:
        return True
    if filename.startswith(("<", *_LIBRARIES)):
        return False
    in_stdlib = filename.startswith(_STDLIB)
    return not in_stdlib or any(part in filename for part in _INSTALLED)


@lru_cache(maxsize=4096)
def is_serving(filename: str) -> bool:
    """Tell whether a file is of aiohttp, wsrpc or the plugin: who starts a task there ends it."""
    return filename.startswith(_SERVING) and filename != _DEMO


def hide_clients() -> None:
    """Have pytest show the line of the test, not how the client came to raise what it promises."""
    from . import client

    for module in (client, wsrpc.client, wsrpc.keeper, wsrpc.subscribing, wsrpc.subscription):
        vars(module)["__tracebackhide__"] = _is_promised


def application_trace(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from its first frame of the application on, whole where it has none."""
    own = trace
    while own is not None and not is_application(own.tb_frame.f_code.co_filename):
        own = own.tb_next
    return own or trace


def calling_place() -> Place | None:
    """Give the innermost line of the application, or of the test, that is being executed.

    None where only libraries are, as in a callback of the event loop.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if is_application(filename):
            return Place(filename, frame.f_lineno, frame.f_code.co_name)
        if filename.startswith(_ASYNCIO) and frame.f_code.co_name in _LOOP:
            return None  # what is further out runs the loop, as pytest does
        frame = frame.f_back
    return None


def _is_promised(caught: pytest.ExceptionInfo[BaseException]) -> bool:
    return isinstance(caught.value, (RpcError, ConnectionClosed, TimeoutError, AssertionError))


_LOOP: Final = frozenset({"_run", "_run_once", "run_forever", "run_until_complete"})


def _working_directory() -> str:
    try:
        return os.getcwd() + os.sep
    except OSError:  # it was removed meanwhile
        return ""
