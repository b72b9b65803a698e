"""Exceptions of the server that the test has not looked at."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from wsrpc.failures import Failure

from ..traces import application_trace
from . import titled


@dataclass(frozen=True)
class ServerError:
    """An exception of the server, and whose connection it was."""

    failure: Failure
    client: str | None

    def exception_line(self) -> str:
        """Give the type of the exception and its message, as far as that fits into a line."""
        lines = "".join(traceback.format_exception_only(self.failure.exception)).splitlines()
        return f"{lines[0]:.200}"

    def where(self) -> str:
        """Name what failed: the call or hook, its request, and the connection."""
        words = [self.failure.where]
        if self.failure.request_id is not None:
            words.append(f"(id {self.failure.request_id!r})")
        if self.client is not None:
            words.append(f"of {self.client}")
        return " ".join(words)

    def traceback(self) -> str:
        """Give the traceback from the first frame that is the application's own."""
        error = self.failure.exception
        lines = traceback.format_exception(
            type(error), error, application_trace(error.__traceback__)
        )
        return "".join(lines).rstrip("\n")

    def list_name(self) -> str:
        """Name the list in which the test finds the exception."""
        if self.client is None:
            return "ws_connect.server_errors"
        if self.client == "ws_client":
            return "ws_client.server_errors"
        return f"server_errors of {self.client}"


@dataclass(frozen=True)
class ServerErrors:
    """The exceptions that are still where the test could have taken them."""

    kind: ClassVar[str] = "server-errors"
    errors: Sequence[ServerError]

    def head(self) -> str:
        """Give the first exception, which often is the cause of the others."""
        first = self.errors[0].exception_line()
        if len(self.errors) == 1:
            return f"The server raised {first}; the test did not look at it."
        return (
            f"The server raised {len(self.errors)} exceptions that the test did not look at, the "
            f"first is {first}."
        )

    def details(self) -> str:
        """Give each exception with its traceback below the place where it was raised."""
        return titled((error.where(), error.traceback()) for error in self.errors)

    def advice(self) -> str:
        """Say where the test finds what it expects."""
        pronoun = "it" if len(self.errors) == 1 else "them"
        lists = ", ".join(dict.fromkeys(error.list_name() for error in self.errors))
        return f"A test that expects {pronoun} takes {pronoun} out of {lists}"

    def exception(self) -> BaseException | None:
        """Give the first exception of the application among them."""
        return self.errors[0].failure.exception
