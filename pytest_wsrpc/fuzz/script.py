"""A conversation as the lines of a test: plain asyncio, with clients of `ws_connect`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from . import login
from .assertions import asserted, is_own
from .case import Exchange, Origin
from .conversation import Advance, Call, Connect, Disconnect, Fault, Settle, Together
from .evident import last_call
from .failure import CheckFailure
from .record import Record
from .rounds import MARGIN, ROUNDS
from .written import Code, assigned, literal

FIXTURES = ("ws_app", "ws_faults", "ws_clock")
"""Those that the lines may need beside `ws_connect`."""


ONE_REPLY = "one-reply-in-time"
NOT_BLOCKED = "with fuzz.loop_not_blocked():"


def script(record: Record, failure: CheckFailure, connecting: tuple[str, str]) -> list[str]:
    """Return the lines that do what the conversation did, and fail as the check does.

    `connecting` is the call that connects, and a comment behind it.
    """
    lines = _Script(record, failure, connecting).lines()
    if failure.check == "loop-not-blocked":
        return [NOT_BLOCKED, *_indented(lines)]
    if failure.check == "nothing-left":
        return _repeated(record, lines)
    return lines


def _repeated(record: Record, lines: list[str]) -> list[str]:
    """Return the lines of a test that does a conversation again and again."""
    timeout = record.conversation.endpoint.view.limits.call_timeout
    return [
        "held = []",
        "for _ in range(2):",
        f"    for _ in range({ROUNDS}):",
        *_indented(_indented(lines)),
        f"    await ws_clock.advance({timeout + MARGIN:g})",
        "    held.append(fuzz.holdings(ws_app))",
        "assert not held[1] - held[0]",
    ]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for part in lines for line in part.split("\n")]


class _Script:
    def __init__(self, record: Record, failure: CheckFailure, connecting: tuple[str, str]) -> None:
        self._record = record
        self._failure = failure
        self._connecting = connecting
        self._is_single = len(record.transcripts) <= 1
        failing = failure.call if failure.call is not None else -1
        self._failing = record.of(failing)
        wanted = {call for one in record.calls for call, _ in one.origins.values()}
        self._is_own = is_own(failure.check)
        if self._is_own and self._failing is None:
            wanted |= {exchange.call for exchange in record.calls if not exchange.silent}
        told = "\n".join(failure.test)
        wanted |= {int(number) for number in re.findall(r"\breply_(\d+)", told)}
        self._asserted = self._assertions()
        if self._failing is not None and any("reply_" in line for line in self._asserted):
            wanted.add(failing)
        self._wanted = wanted
        self._number = -1
        self._named: list[str] = []
        """The assignment of the last payload that has a name."""
        self._is_faulty = False
        self._connected: set[int] = set()
        self._pending: list[int] = []
        self._lines: list[str] = []

    def lines(self) -> list[str]:
        last = last_call(self._record, self._failure)
        for step in self._record.conversation.steps:
            if last is not None and self._number >= last:
                break
            match step:
                case Call():
                    self._call(step)
                case Together(calls):
                    self._together(calls)
                case Settle():
                    self._settle()
                case Connect(client):
                    self._connect(client)
                case Disconnect(client):
                    self._disconnect(client)
                case Advance(seconds):
                    self._lines.append(self._passing(seconds))
                case Fault(spec):
                    self._is_faulty = True
                    self._lines.append(f"ws_faults.add(*parse({str(spec)!r}))")
                case _:
                    if self._is_faulty:
                        self._lines.append("ws_faults.heal()")
                    self._is_faulty = False
        self._settle()
        self._lines += self._asserted
        if self._failure.check == "nothing-left":
            for client in tuple(self._connected):
                self._disconnect(client)
        return self._lines

    def _passing(self, seconds: float) -> str:
        if self._record.conversation.endpoint.is_remote:
            return f"await asyncio.sleep({seconds:g})"
        return f"await ws_clock.advance({seconds:g})"

    def _assertions(self) -> list[str]:
        failing = self._failing
        if self._is_own and failing is None:
            return self._own_of_record()
        deaf = failing.unserved if failing is not None else None
        if failing is not None and deaf is not None and self._failure.check == ONE_REPLY:
            return asserted(failing, self._failure, "", self._client(deaf))
        if self._failure.test or failing is None:
            lines = list(self._failure.test)
            if self._is_single:
                lines = [re.sub(r"\bclient_\d+\b", "client", line) for line in lines]
            return lines
        return asserted(
            failing,
            self._failure,
            f"reply_{failing.call}",
            self._client(failing.client),
            has_own_id=True,
            payload=_with_origins(failing.case.payload, failing.origins, ()),
        )

    def _own_of_record(self) -> list[str]:
        """Return the lines that make a check of the user's own of the whole conversation."""
        calls = []
        for one in self._record.calls:
            payload = _with_origins(one.case.payload, one.origins, ())
            reply = Code("None" if one.silent else f"reply_{one.call}")
            calls.append((one.client, one.method, payload, reply))
        unread = {client: Code(f"{self._client(client)}.unread") for client in self._record.logins}
        path = self._record.conversation.endpoint.path
        return [
            f"calls = {literal(calls, 'calls = ')}",
            f"record = fuzz.record_of(ws_app, {path!r}, calls, {unread!r})",
            f"fuzz.verify({self._failure.check!r}, record)",
        ]

    def _call(self, call: Call) -> None:
        exchange = self._next()
        if exchange is None:
            return
        self._connect(call.client)
        if call.wait:
            with self._unanswered(exchange):
                self._request(exchange, "await ", "")
            return
        name = f"call_{exchange.call}"
        self._request(exchange, f"{name} = asyncio.create_task(", ")")
        self._lines.append("await asyncio.sleep(0)  # it goes out")
        self._pending.append(exchange.call)

    def _together(self, calls: tuple[Call, ...]) -> None:
        sent = [exchange for exchange in map(self._following, calls) if exchange is not None]
        for exchange in sent:
            self._connect(exchange.client)
        for exchange in sent:
            self._request(exchange, f"call_{exchange.call} = asyncio.create_task(", ")")
        waited = {call.id for call in calls if call.wait}
        for exchange in sent:
            if exchange.case.id in waited:
                self._reply(exchange.call)
            else:
                self._pending.append(exchange.call)

    def _following(self, call: Call) -> Exchange | None:
        return self._next()

    def _next(self) -> Exchange | None:
        """The exchange of the next call, None if it was left out."""
        self._number += 1
        return self._record.of(self._number)

    def _client(self, client: int) -> str:
        return "client" if self._is_single else f"client_{client}"

    def _connect(self, client: int) -> None:
        if client in self._connected:
            return
        self._connected.add(client)
        call, comment = self._connecting
        name = self._client(client)
        self._lines.append(f"{name} = await {call}{comment}")
        for line in login.lines(self._record.logins.get(client, ())):
            self._lines.append(line.replace("await client.", f"await {name}.", 1))

    def _request(self, exchange: Exchange, before: str, after: str) -> None:
        case = exchange.case
        assert case.method is not None
        number = exchange.call
        if number in self._wanted and before == "await ":
            before = f"reply_{number} = await "
        for call, _ in exchange.origins.values():
            if call in self._pending:
                self._reply(call)
                self._pending.remove(call)
        payload = _with_origins(case.payload, exchange.origins, ())
        start = f"{before}{self._client(exchange.client)}.request({case.method.name!r}, "
        end = f", timeout={exchange.timeout:g}){after}"
        *named, line = assigned(start, payload, end, name="payload")
        if named and named != self._named:
            self._named = named
            self._lines += named
        self._lines.append(line)

    def _disconnect(self, client: int) -> None:
        if client not in self._connected:
            return
        for number in tuple(self._pending):
            exchange = self._record.of(number)
            if exchange is not None and exchange.client == client:
                # who has gone waits for nothing
                self._lines.append(f"call_{number}.cancel()")
                self._pending.remove(number)
        self._lines.append(f"await {self._client(client)}.close()")
        self._connected.discard(client)

    def _reply(self, number: int) -> None:
        start = f"reply_{number} = " if number in self._wanted else ""
        with self._unanswered(self._record.of(number)):
            self._lines.append(f"{start}await call_{number}")

    @contextmanager
    def _unanswered(self, exchange: Exchange | None) -> Iterator[None]:
        """Expect of lines that wait for a reply that none comes, where none did and none need."""
        first = len(self._lines)
        yield
        if exchange is not None and exchange.silent and exchange is not self._failing:
            lines = [f"    {line}" for line in self._lines[first:]]
            self._lines[first:] = ["with pytest.raises(TimeoutError):", *lines]

    def _settle(self) -> None:
        for number in self._pending:
            self._reply(number)
        self._pending.clear()


def _with_origins(
    value: Any, origins: Mapping[tuple[str | int, ...], Origin], path: tuple[str | int, ...]
) -> Any:
    """Put in the expressions for values of earlier replies."""
    if path in origins:
        call, steps = origins[path]
        where = "".join(f"[{step!r}]" for step in steps)
        return Code(f'reply_{call}["response"]{where}')
    if isinstance(value, dict):
        return {key: _with_origins(part, origins, (*path, key)) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_origins(part, origins, (*path, index)) for index, part in enumerate(value)]
    return value
