"""What outside an event loop can still wake it: descriptors, threads, jobs of executors.

While there is any, nobody can know when it will speak, so virtual time must not jump.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import selectors
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from .. import internals
from .timers import name_of

_HARMLESS: Final = ("pytest_timeout",)
"""How the names of threads begin that other pytest plugins start and that never touch a loop."""


class Outside:
    """Watch what may wake one event loop from outside.

    Threads that were alive before the loop do not count until they speak to it. Neither do idle
    workers of a pool whose every job went through `watch`.
    """

    def __init__(self, descriptors: Mapping[Any, selectors.SelectorKey]) -> None:
        self._descriptors = descriptors
        self._own = len(descriptors)
        self._before = frozenset(threading.enumerate())
        self._speakers: set[int] = set()
        self._pools: list[concurrent.futures.Executor] = []
        self._counted: list[Callable[..., Any]] = []
        self._whole: list[concurrent.futures.Executor] = []
        self._jobs: list[tuple[concurrent.futures.Future[Any], Callable[..., Any]]] = []

    def any(self) -> bool:
        """Tell whether there is anything; poll the descriptors only after having asked.

        What has ended by then has spoken already.
        """
        if self.has_descriptors():
            return True
        if self._jobs:
            self._jobs = [job for job in self._jobs if not job[0].done()]
        return bool(self._jobs) or any(True for _ in self._threads())

    def has_descriptors(self) -> bool:
        """Tell whether any descriptor but the loop's own is watched."""
        return len(self._descriptors) > self._own

    def describe(self) -> list[str]:
        """Name everything that there is, as a person knows it."""
        keys = list(self._descriptors.values())[self._own :]
        names = [_descriptor(key) for key in keys]
        jobs = [job for future, job in self._jobs if not future.done()]
        names += [f"the executor job {name_of(job)}" for job in jobs]
        workers = self._workers()  # known by their jobs
        threads = [thread for thread in self._threads() if thread not in workers]
        names += [f"the thread {thread.name!r}" for thread in threads]
        return list(dict.fromkeys(names))

    def heard(self, thread: int) -> None:
        """Note that the thread with this identifier has called the loop."""
        self._speakers.add(thread)

    def watch(self, executor: concurrent.futures.Executor) -> None:
        """Count every job that the executor is given from now on."""
        if any(executor is pool for pool in self._pools):
            return
        self._pools.append(executor)
        threads = internals.pool_threads(executor)
        if threads is not None and self._before.issuperset(threads):
            self._whole.append(executor)
        submit = executor.submit

        def counted(
            function: Callable[..., Any], /, *args: Any, **kwargs: Any
        ) -> concurrent.futures.Future[Any]:
            future = submit(function, *args, **kwargs)
            self._jobs.append((future, function))
            return future

        executor.submit = counted  # type: ignore[method-assign]
        self._counted.append(counted)

    def close(self) -> None:
        """Leave the executors as they were."""
        for executor, counted in zip(self._pools, self._counted, strict=True):
            if vars(executor).get("submit") is counted:
                del executor.submit
        self._pools.clear()
        self._counted.clear()

    def _threads(self) -> Iterator[threading.Thread]:
        threads = threading.enumerate()
        if len(threads) == 1:
            return  # the one that is asking
        here = threading.get_ident()
        workers = self._workers()
        for thread in threads:
            if thread in workers:
                if internals.is_idle_worker(thread):
                    continue
            elif thread in self._before and thread.ident not in self._speakers:
                continue
            if thread.ident != here and not thread.name.startswith(_HARMLESS):
                yield thread

    def _workers(self) -> set[threading.Thread]:
        workers: set[threading.Thread] = set()
        for pool in self._whole:
            workers.update(internals.pool_threads(pool) or ())
        return workers


def _descriptor(key: selectors.SelectorKey) -> str:
    """Name a socket by its address, with the protocol that reads it."""
    handle = next((handle for handle in key.data if handle is not None), None)
    callback, _ = internals.callback_of(handle) if handle is not None else (None, ())
    transport = getattr(callback, "__self__", None)
    protocol = ""
    if isinstance(transport, asyncio.BaseTransport):
        protocol = f" ({type(transport.get_protocol()).__name__})"
    return f"{_file(key.fd)}{protocol}"


def _file(descriptor: int) -> str:
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISSOCK(mode):
            return f"the {'pipe' if stat.S_ISFIFO(mode) else 'file'} with descriptor {descriptor}"
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return f"the socket that listens on {_address(copy.getsockname())}"
            try:
                return f"the connection to {_address(copy.getpeername())}"
            except OSError:
                return f"the socket at {_address(copy.getsockname())}"
    except OSError:
        return f"descriptor {descriptor}"


def _address(name: Any) -> str:
    if isinstance(name, tuple):
        return f"{name[0]}:{name[1]}"
    return str(name) or "its other end"
