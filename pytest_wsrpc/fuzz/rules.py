"""What the hooks of a conftest.py say, asked and looked at before it is used."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from hypothesis.strategies import SearchStrategy

from . import registry, traces
from .headers import NAME, VALUE

if TYPE_CHECKING:
    from .login import Client


class HookError(Exception):
    """A hook that has given what has no meaning; the message names its file."""


class Rules:
    """The hooks ``pytest_wsrpc_*`` that count for some items, and the globs of the options."""

    def __init__(
        self, hook: Any, root: Path, fuzzes: Callable[[str], bool] = lambda method: True
    ) -> None:
        self._hook = hook
        self._root = root
        self.fuzzes = fuzzes
        """Whether the globs let a method in."""

    def may_call(self, endpoint: str, method: str, phase: str) -> bool:
        """Tell whether a phase of many methods may call this one."""
        return self.fuzzes(method) and self.skip(endpoint, method, phase) is None

    @property
    def has_login(self) -> bool:
        """Whether there is anything to do on a new connection."""
        return bool(self._hook.pytest_wsrpc_login.get_hookimpls())

    async def login(self, client: Client, endpoint: str, method: str | None) -> None:
        """Log in as each hook does, that of the outermost conftest.py first."""
        given = self._hook.pytest_wsrpc_login(client=client, endpoint=endpoint, method=method)
        for pending in reversed(given):
            if not inspect.isawaitable(pending):
                for other in given:
                    if inspect.iscoroutine(other):
                        other.close()
                self._wrong("pytest_wsrpc_login", "nothing, or what can be awaited", pending)
            await pending

    def headers(self, endpoint: str) -> tuple[tuple[str, str], ...]:
        """Return the headers of a handshake, that of the nearest conftest.py where two give one."""
        name = "pytest_wsrpc_headers"
        found: dict[str, tuple[str, str]] = {}
        for given in self._hook.pytest_wsrpc_headers(endpoint=endpoint):
            if not isinstance(given, Mapping):
                self._wrong(name, "a mapping of names to values", given)
            for header, value in given.items():
                if not isinstance(header, str) or not NAME.fullmatch(header):
                    self._wrong(name, "names of headers for keys", header)
                if not isinstance(value, str) or not VALUE.fullmatch(value):
                    # the value itself may be a secret
                    kind = type(value).__name__ if not isinstance(value, str) else "a line break"
                    self._wrong(name, f"a text of one line for {header}", kind, shown=False)
                found.setdefault(header.lower(), (header, value))
        return tuple(found.values())

    def strategy(self, endpoint: str, method: str, field: str | None) -> SearchStrategy[Any] | None:
        """Return the strategy for a field of a method, or for its payload, if a hook has one."""
        name = "pytest_wsrpc_strategy"
        given = self._hook.pytest_wsrpc_strategy(endpoint=endpoint, method=method, field=field)
        if given is not None and not isinstance(given, SearchStrategy):
            what = f"the field {field!r}" if field is not None else "the payload"
            self._wrong(name, f"a hypothesis strategy for {what} of {method}, or None", given)
        return given

    def skip(self, endpoint: str, method: str | None, phase: str) -> str | None:
        """Return why a method is not to be called in a phase, None if it may."""
        given = self._hook.pytest_wsrpc_skip(endpoint=endpoint, method=method, phase=phase)
        if given is not None and not (isinstance(given, str) and given.strip()):
            self._wrong("pytest_wsrpc_skip", "the reason as a text, or None", given)
        reason: str | None = given
        return reason

    def add_checks(self) -> None:
        """Register the checks that the hooks give."""
        name = "pytest_wsrpc_checks"
        for given in reversed(self._hook.pytest_wsrpc_checks()):
            if not isinstance(given, Mapping):
                self._wrong(name, "a mapping of names to functions", given)
            for check, function in given.items():
                if not callable(function):
                    self._wrong(name, f"a function for the check {check!r}", function)
                try:
                    registry.check(check)(function)
                except (TypeError, ValueError) as error:
                    raise HookError(f"{self.places(name)}: {error}") from None

    def places(self, name: str) -> str:
        """Return a hook's name, and where it is written."""
        written = []
        for hook in reversed(getattr(self._hook, name).get_hookimpls()):
            code = getattr(inspect.unwrap(hook.function), "__code__", None)
            where = f"{code.co_filename}:{code.co_firstlineno}" if code else hook.plugin_name
            written.append(traces.relative(where, self._root))
        return f"{name} ({', '.join(written)})"

    def _wrong(self, name: str, expected: str, given: object, *, shown: bool = True) -> NoReturn:
        got = f"{given!r:.100}" if shown else given
        raise HookError(f"{self.places(name)}: expected {expected}, got {got}")
