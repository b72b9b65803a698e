"""A case in a user's test: sent when the test says so, judged when it says so."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from wsrpc.names import suggestion

from .. import internals
from ..report.options import STORY
from . import traces
from .case import Case, Exchange
from .catalogue import CHECKS
from .failure import CheckFailure
from .handshake import HandshakeFailure, explained, path_of
from .headers import Headers, merged
from .login import login_of
from .phases import Subject
from .play import play
from .registry import failures
from .rules import Rules
from .serving import HandshakeRefused, Host
from .settings import Settings
from .story import story_of
from .target import Target


class LiveCase:
    """One message to an endpoint, for a test under ``@api.parametrize()``."""

    def __init__(self, case: Case, player: Player) -> None:
        self._case = case
        self._player = player

    @property
    def endpoint(self) -> str:
        """The path of the endpoint, as the router writes it."""
        return self._case.endpoint.path

    @property
    def method(self) -> str | None:
        """The name of the method that is called; None where the message calls none."""
        return self._case.method.name if self._case.method else None

    @property
    def payload(self) -> dict[str, Any] | None:
        """The payload, where the message is a request."""
        return self._case.payload

    @property
    def message(self) -> str | bytes:
        """The message as it is sent."""
        return self._case.frame

    @property
    def is_valid(self) -> bool:
        """Whether the type of the payload accepts it."""
        return self._case.is_valid

    @property
    def why(self) -> str:
        """What is wrong about the message, empty for one that is valid."""
        return self._case.why

    async def call(self, *, headers: Mapping[str, str] | None = None) -> Exchange:
        """Send the message to a fresh application, on a new connection, and return the reply.

        It is an `Exchange`: `response`, `error`, `code`, `is_success`, and all else that came.
        `headers` come on top of all others.
        """
        __tracebackhide__ = True
        return await self._player.play(self._case, tuple((headers or {}).items()))

    def check(self, reply: Exchange, *, exclude: Iterable[str] = ()) -> None:
        """Fail with the conversation if a check does not hold, but for those excluded by name."""
        __tracebackhide__ = True
        self._player.check(reply, (exclude,) if isinstance(exclude, str) else tuple(exclude))

    def __repr__(self) -> str:
        what = f"{self.method} {self.payload!r}" if self.method else repr(self.message)
        wrong = f": {self.why}" if self.why else ""
        return f"<case {self.endpoint} {what}{wrong}>"


class CheckFailed(AssertionError):
    """Checks that do not hold, with the conversation; the first of them tells defects apart."""

    failures: tuple[CheckFailure, ...] = ()


_kinds: dict[object, type[CheckFailed]] = {}
"""A class for each defect: hypothesis tells failures apart by class, and shrinks each."""


class Player:
    """Plays the cases of one item."""

    def __init__(
        self,
        target: Target,
        subject: Subject,
        settings: Settings,
        rules: Rules,
        config: pytest.Config,
    ) -> None:
        self._target = target
        self._subject = subject
        self._settings = settings
        self._config = config
        method = subject.method.name if subject.method else None
        self._login = login_of(
            rules, subject.endpoint.path, method, settings.case_timeout, config.rootpath
        )

    async def play(self, case: Case, headers: Headers) -> Exchange:
        """Play a case on the loop that runs, or where the one application is."""
        __tracebackhide__ = True
        # a report is of the last case, the smallest that fails, not of all that led there
        internals.forget_log(self._config)
        settings, endpoint = self._settings, self._subject.endpoint
        path = path_of(endpoint, settings)
        sent = merged(headers, settings.headers)
        try:
            if self._target.is_factory:
                host = Host(self._target)
                host.login = self._login
                return await play(host, case, path, sent, settings.case_timeout)
            shared = _Shared.of(self._target, self._config)
            shared.host.login = self._login
            return await shared.play(case, path, sent, settings.case_timeout)
        except HandshakeRefused as refused:
            told = explained(refused, endpoint, path, settings, self._config.rootpath)
        raise HandshakeFailure(told)

    def check(self, reply: Exchange, exclude: tuple[str, ...]) -> None:
        """Raise `CheckFailed` for what does not hold."""
        __tracebackhide__ = True
        if not isinstance(reply, Exchange):
            raise TypeError(f"case.check() takes what case.call() has returned, got {reply!r:.100}")
        for name in exclude:
            if name not in CHECKS:
                raise ValueError(
                    f"case.check(exclude=...): there is no check {name!r}"
                    f"{suggestion(name, CHECKS)}; --wsrpc-checks lists them"
                )
        excluded = self._settings.excluded_checks | frozenset(exclude)
        found = tuple(failures(reply, excluded, self._config.rootpath))
        if found:
            kind = _kinds.setdefault(found[0].identity, type("CheckFailed", (CheckFailed,), {}))
            error = kind(self._told(reply, found))
            error.failures = found
            setattr(error, STORY, partial(story_of, reply, self._config.rootpath))
            raise error

    def _told(self, reply: Exchange, found: tuple[CheckFailure, ...]) -> str:
        first, case = found[0], reply.case
        parts = [f"{self._subject.name}\ncheck: {first.check}"]
        if case.why:
            parts[0] += f"\nsent: {case.why}"
        parts.append(reply.render())
        parts.append(f"expected: {first.expected}\ngot: {first.got}")
        if len(found) > 1:
            parts[-1] += "".join(f"\nalso: {another}" for another in found[1:])
        if first.exception is not None:
            shown = traces.render(first.exception, self._config.rootpath)
            parts.append("on the server:\n" + textwrap.indent(shown, "    "))
        return "\n\n".join(parts)


class _Shared:
    """An application that all cases share, on a loop and a thread of its own."""

    _KEY = pytest.StashKey[dict[int, "_Shared"]]()

    def __init__(self, target: Target) -> None:
        self._thread = ThreadPoolExecutor(1, "wsrpc-fuzz")
        self.host = Host(target)

    @classmethod
    def of(cls, target: Target, config: pytest.Config) -> _Shared:
        """Return the one of a target, which ends with the run."""
        known = config.stash.setdefault(cls._KEY, {})
        key = id(target.value)
        if key not in known:
            known[key] = cls(target)
            config.add_cleanup(known[key].close)
        return known[key]

    async def play(self, case: Case, path: str, headers: Headers, timeout: float) -> Exchange:
        """Play a case there, while the loop that runs goes on."""
        loop = asyncio.get_running_loop()
        playing = play(self.host, case, path, headers, timeout)
        return await loop.run_in_executor(self._thread, self.host.run, playing)

    def close(self) -> None:
        """Stop the application, its loop and its thread."""
        self._thread.submit(self.host.close).result()
        self._thread.shutdown()
