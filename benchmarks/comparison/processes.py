"""The server processes: each alone, on a core of its own, its processor time read from outside."""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
START = 30.0
"""Seconds that a server has to start."""


class CannotStart(Exception):
    """A server did not start."""


class Server:
    """One server in a process of its own, while the context is open."""

    def __init__(self, python: Path, module: str, core: int | None) -> None:
        self._command = [str(python), "-m", f"benchmarks.servers.{module}"]
        self._core = core
        self.versions: dict[str, str] = {}

    def __enter__(self) -> Self:
        # the project from this very tree, whatever else is installed
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
        self._errors = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            cwd=ROOT,
        )
        try:
            if self._core is not None:
                os.sched_setaffinity(self._process.pid, {self._core})
            self._read_announcement()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _read_announcement(self) -> None:
        assert self._process.stdout is not None
        line = b""
        while not line.startswith(b"{"):  # some peers greet on the standard output
            ready, _, _ = select.select([self._process.stdout], [], [], START)
            line = self._process.stdout.readline() if ready else b""
            if not line:
                raise CannotStart(f"cannot start: {self.last_error() or 'it said nothing'}")
        announcement: dict[str, Any] = json.loads(line)
        self.port: int = announcement["port"]
        self.versions = announcement["versions"]
        # clock_getcpuclockid: nanoseconds of all threads, where /proc has hundredths of a second
        self._clock = (~self._process.pid << 3) | 2

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            assert stream is not None
            stream.close()

    def last_error(self) -> str:
        """Return the last line that the process wrote on its standard error."""
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else ""

    def cpu(self) -> float:
        """Return the seconds of processor time that the process has spent."""
        return time.clock_gettime(self._clock)

    def waited(self) -> float:
        """Return the seconds that its main thread could have run but had no core."""
        return waited(str(self._process.pid))

    def memory(self) -> int:
        """Return the bytes that the process holds."""
        statm = Path(f"/proc/{self._process.pid}/statm").read_text()
        return int(statm.split()[1]) * resource.getpagesize()


class Awake:
    """Keep cores awake with processes that give way to anything else, while the context is open.

    A virtual core that goes idle may take milliseconds to come back.
    """

    _SPIN = """if True:
        import os, sys
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        while os.getppid() == int(sys.argv[1]):
            pass
    """

    def __init__(self, cores: list[int]) -> None:
        self._cores = cores
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for core in self._cores:
            spinner = subprocess.Popen([sys.executable, "-c", self._SPIN, str(os.getpid())])
            self._processes.append(spinner)
            os.sched_setaffinity(spinner.pid, {core})
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@contextmanager
def pinned(pin: bool) -> Iterator[int | None]:
    """Keep this process on a core while the context is open, and give another one for servers.

    None where there are not two, or they are left to the system.
    """
    cores = sorted(os.sched_getaffinity(0))
    if not pin or len(cores) < 2:
        yield None
        return
    with Awake(cores[:2]):
        os.sched_setaffinity(0, {cores[1]})
        try:
            yield cores[0]
        finally:
            os.sched_setaffinity(0, cores)


def waited(process: str) -> float:
    """Return the seconds that the main thread of a process could have run but had no core."""
    try:
        words = Path(f"/proc/{process}/schedstat").read_text().split()
    except FileNotFoundError:  # a kernel that does not count it
        return 0.0
    return int(words[1]) / 1e9


def stolen() -> tuple[float, float]:
    """Return the ticks that the host took from this machine so far, and all ticks."""
    values = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return values[7], sum(values[:8])


def allow_files() -> int:
    """Allow this process and its servers as many files as may be, and return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
