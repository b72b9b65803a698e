"""How exceptions of the server are told to the person whose test they failed."""

from __future__ import annotations

import textwrap
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from wsrpc.failures import Failure

from .traces import application_trace


@dataclass(frozen=True)
class Leftover:
    """An exception of the server that the test has not looked at, and whose connection it was."""

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


def render(leftovers: Sequence[Leftover]) -> str:
    """Give each exception below the place where it was raised."""
    return "\n\n".join(
        f"{leftover.where()}:\n{textwrap.indent(leftover.traceback(), '    ')}"
        for leftover in leftovers
    )


def verdict(leftovers: Sequence[Leftover]) -> str:
    """Say why a test whose own assertions hold fails, and what can be done about it."""
    first = leftovers[0].exception_line()
    if len(leftovers) == 1:
        head, pronoun = f"The server raised {first}; the test did not look at it.", "it"
    else:
        head = (
            f"The server raised {len(leftovers)} exceptions that the test did not look at, the "
            f"first is {first}."
        )
        pronoun = "them"
    lists = ", ".join(dict.fromkeys(leftover.list_name() for leftover in leftovers))
    return (
        f"{head}\n\n{render(leftovers)}\n\n"
        f"A test that expects {pronoun} takes {pronoun} out of {lists};\n"
        "one that does not care is marked with @pytest.mark.wsrpc(strict=False)."
    )
