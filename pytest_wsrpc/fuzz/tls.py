"""How connections through TLS are made sure of."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tls:
    """Whose certificates are trusted."""

    ca: Path | None = None
    """A file of certificates that are trusted instead of the system's."""
    verifies: bool = True
    """Whether certificates are looked at at all."""

    def context(self) -> ssl.SSLContext:
        """Return what connects so; raises `OSError` for a file that has no certificates."""
        context = ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
        if not self.verifies:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def written(self) -> str:
        """Return the argument of a test that connects so, empty where nothing was asked for."""
        if not self.verifies:
            return "ssl=False"
        if self.ca is not None:
            return f"ssl=ssl.create_default_context(cafile={str(self.ca)!r})"
        return ""
