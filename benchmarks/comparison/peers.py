"""The servers that are compared, and the environments that they run in."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.comparison.protocols import Protocol

ENVIRONMENTS = Path(__file__).parents[1] / ".venvs"
AIOHTTP = "aiohttp==3.14.5"


class CannotInstall(Exception):
    """An environment could not be made; the last line of pip."""


@dataclass(frozen=True)
class Peer:
    """A server: its module in ``benchmarks.servers``, how it is spoken to, what it needs."""

    name: str
    module: str
    protocol: Protocol = field(default_factory=Protocol)
    requirements: tuple[str, ...] = ()
    """What pip installs; nothing where the interpreter at hand has all that is needed."""
    typed: bool = False
    """Whether it has the method ``order``, whose payload and response have types."""

    def python(self) -> Path:
        """Return the interpreter that has the requirements; make its environment if needed."""
        if not self.requirements:
            return Path(sys.executable)
        words = "\n".join([sys.version, *self.requirements])
        place = ENVIRONMENTS / f"{self.name}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"
        python = place / "bin" / "python"
        done = place / "installed"
        if not done.exists():
            print(f"making an environment for {self.name} ...", file=sys.stderr, flush=True)
            venv.create(place, clear=True, with_pip=True)
            result = subprocess.run(
                [python, "-m", "pip", "install", "-q", *self.requirements],
                capture_output=True,
                text=True,
            )
            if result.returncode:
                lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
                raise CannotInstall((lines or ["pip failed"])[-1])
            done.touch()
        return python


PEERS = (
    Peer("wsrpc", "wsrpc", typed=True),
    Peer("aiohttp-raw", "aiohttp_raw"),
    Peer("aiohttp-raw-msgspec", "aiohttp_raw_msgspec", typed=True),
    Peer("aio-openapi", "openapi", Protocol(), ("aio-openapi==3.2.1", AIOHTTP), typed=True),
)
