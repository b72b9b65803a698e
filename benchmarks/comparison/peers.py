"""The servers that are compared, and the environments that they run in."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from benchmarks.comparison.protocols import (
    FastapiWebsocket,
    JsonRpc,
    Protocol,
    SocketIo,
    WsrpcAiohttp,
)

ENVIRONMENTS = Path(__file__).parents[1] / ".venvs"
AIOHTTP = f"aiohttp=={metadata.version('aiohttp')}"
"""The version that this project runs with here."""


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
    Peer("aio-openapi", "openapi", requirements=("aio-openapi==3.2.1", AIOHTTP), typed=True),
    Peer("wsrpc-aiohttp", "wsrpc_aiohttp", WsrpcAiohttp(), ("wsrpc-aiohttp==4.1.1", AIOHTTP)),
    Peer("python-socketio", "socketio", SocketIo(), ("python-socketio==5.18.1", AIOHTTP)),
    Peer(
        "fastapi-websocket",
        "fastapi",
        FastapiWebsocket(),
        (
            "fastapi-websocket-rpc==0.1.29",
            "fastapi-websocket-pubsub==1.0.1",
            "fastapi==0.165.0",
            "uvicorn==0.54.0",
            "websockets==17.4",
        ),
    ),
    Peer("aiohttp-json-rpc", "json_rpc", JsonRpc(), ("aiohttp-json-rpc==0.13.3", AIOHTTP)),
    Peer("websockets", "websockets", requirements=("websockets==17.4",)),
    Peer("picows", "picows", requirements=("picows==2.3.1", "aiofastnet==1.2.0")),
)
