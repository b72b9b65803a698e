"""Play a conversation against a fresh application, and record what came back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeAlias

import msgspec

from wsrpc.failures import Failure, listen

from .case import Exchange, Message, parse, request
from .clients import Client, Pending
from .conversation import (
    Advance,
    Call,
    Connect,
    Conversation,
    Disconnect,
    Fault,
    Heal,
    Settle,
    Step,
    Together,
)
from .play import PROBE_METHOD
from .record import Record
from .recording import Recorder
from .references import Unresolvable, resolved
from .serving import HandshakeRefused, Host, Server

Watch: TypeAlias = Callable[[Server, Record], None]

LOST = 1006

FLOOD = 5_000
"""Messages at one instant, beyond which nothing is read: virtual time would never pass."""


async def play_conversation(
    host: Host,
    conversation: Conversation,
    path: str,
    headers: Sequence[tuple[str, str]],
    timeout: float,
) -> Record:
    """Do what a conversation says, on an application of its own, and return what came of it.

    At the end all calls that are open are waited for; then a call of an unknown method on each
    connection shows that it still serves, and that nothing came behind the last reply.
    """
    player = _Player(conversation, path, headers, timeout)
    with listen(player.heard):
        async with host.application() as server:
            await player.play(server)
    return player.record()


async def play_on(
    server: Server,
    conversation: Conversation,
    path: str,
    headers: Sequence[tuple[str, str]],
    timeout: float,
    watch: Watch | None = None,
) -> Record:
    """Do what a conversation says on an application that is served already.

    `watch` is called before, to see what happens on the server while the record grows.
    """
    player = _Player(conversation, path, headers, timeout)
    if watch is not None:
        watch(server, player.unfinished)
    with listen(player.heard):
        await player.play(server)
        await server.advance(0)  # what the server does about a client that has gone
    return player.record()


class _Player:
    _server: Server

    def __init__(
        self,
        conversation: Conversation,
        path: str,
        headers: Sequence[tuple[str, str]],
        timeout: float,
    ) -> None:
        self._record = Record(conversation, timeout)
        self._recorder = Recorder(self._record)
        self._path = path
        self._headers = headers
        self._loop = asyncio.get_running_loop()
        self._clients: dict[int, Client] = {}
        self._ended: set[int] = set()
        self._open: list[Pending] = []
        self._responses: dict[int, Any] = {}
        self._names: dict[int, str] = {}
        self._numbers = count()
        self._is_faulty = False
        self._uses_faults = any(isinstance(step, Fault | Heal) for step in conversation.steps)

    # -- the steps

    @property
    def unfinished(self) -> Record:
        """The record as far as it is."""
        return self._record

    def record(self) -> Record:
        """Return the record, with each failure at its call."""
        self._recorder.assign_failures()
        return self._record

    async def play(self, server: Server) -> None:
        """Do all steps, and close all connections whatever happens."""
        self._server = server
        try:
            await self._play()
        finally:
            await self._close()

    async def _play(self) -> None:
        if self._uses_faults:
            # calls and replies pass the rules of a plan that was there before their connection
            self._server.on_fault = self._fault_fired
            assert self._server.faults is not None
        for step in self._record.conversation.steps:
            await self._do(step)
        await self._settle()
        if not self._is_faulty:
            await self._probe()
        await self._server.advance(0)

    async def _do(self, step: Step) -> None:
        match step:
            case Call():
                pending = await self._send(step)
                if pending is not None and step.wait:
                    await self._wait(pending)
            case Together(calls):
                await self._send_together(calls)
            case Settle():
                await self._settle()
            case Connect(client):
                self._ended.discard(client)
                await self._connect(client)
            case Disconnect(client):
                await self._disconnect(client)
            case Advance(seconds):
                self._recorder.note("note", text=f"{seconds:g} s pass")
                await self._server.advance(seconds)
            case Fault(spec):
                self._recorder.note("note", text=f"from now on: {spec}")
                self._is_faulty = True
                for pending in self._open:
                    pending.exchange.under_faults = True
                self._server.faults.add(spec)
            case _:
                if self._is_faulty:
                    self._recorder.note("note", text="all faults end")
                self._is_faulty = False
                self._server.faults.heal()

    async def _send_together(self, calls: Sequence[Call]) -> None:
        for call in calls:
            # opening a connection takes turns of the loop, which must not come between the calls
            await self._connect(call.client)
        sent = [await self._send(call) for call in calls]
        for pending, call in zip(sent, calls, strict=True):
            if pending is not None and call.wait:
                await self._wait(pending)

    async def _settle(self) -> None:
        for pending in tuple(self._open):
            await self._wait(pending)

    async def _connect(self, client: int) -> None:
        if client in self._clients or client in self._ended:
            return
        manager = self._server.connect(self._path, self._headers, self._record.timeout)
        try:
            connection = await manager.__aenter__()
        except HandshakeRefused as refused:
            self._ended.add(client)
            self._recorder.note("refused", client, text=str(refused.status or "no answer"))
            if refused.exception is not None:
                self.heard(Failure(refused.exception, "the handshake"))
            return
        self._clients[client] = opened = Client(connection, manager)
        self._recorder.addresses[connection.name] = client
        self._record.logins[client] = connection.login
        self._recorder.note("connected", client)
        opened.reader = asyncio.create_task(self._read(client, opened))

    async def _disconnect(self, client: int) -> None:
        closing = self._clients.pop(client, None)
        self._ended.discard(client)
        if closing is None:
            return
        self._recorder.note("disconnected", client)
        for pending in closing.sent.values():
            pending.end()  # a client that goes has no answer to wait for
        await closing.close()

    async def _send(self, call: Call) -> Pending | None:
        number = next(self._numbers)
        await self._connect(call.client)
        client = self._clients.get(call.client)
        if client is None:
            return None
        endpoint = self._record.conversation.endpoint
        try:
            payload, origins = resolved(call, endpoint, self._responses, self._names)
        except Unresolvable:
            return None
        expected = {"code": call.code, "path": call.path, "why": call.why}
        case = request(endpoint, call.method, call.id, payload, **expected)
        exchange = Exchange(
            case,
            self._recorder.transcript(call.client),
            self._record.timeout,
            client=call.client,
            call=number,
            sent=len(self._record.trace),
            under_faults=self._is_faulty,
            origins=origins,
        )
        pending = Pending(exchange, self._loop.create_future())
        client.sent[type(call.id), call.id] = pending
        self._open.append(pending)
        self._names[number] = call.method.name
        self._record.calls.append(exchange)
        self._recorder.note("sent", call.client, call=exchange, frame=case.frame)
        await client.connection.send(case.frame)
        return pending

    async def _wait(self, pending: Pending) -> None:
        try:
            async with asyncio.timeout(self._record.timeout):
                await pending.ended
        except TimeoutError:
            pending.exchange.silent = True
        self._open.remove(pending)

    async def _probe(self) -> None:
        """See whether each connection still serves."""
        for number, client in self._clients.items():
            id = f"probe {number}"
            while (str, id) in client.sent:
                id += " again"
            client.probe = (id, self._loop.create_future())
            await client.connection.send(msgspec.json.encode({"id": id, "method": PROBE_METHOD}))
        for number, client in tuple(self._clients.items()):
            assert client.probe is not None
            try:
                async with asyncio.timeout(self._record.timeout):
                    await client.probe[1]
            except TimeoutError:
                self._note_probe(number, client)
                last = self._recorder.last(number)
                if last is not None:
                    last.unserved = number

    def _note_probe(self, number: int, client: Client) -> None:
        """Note what was sent to see whether a connection serves: only where that is of interest."""
        if client.probe is not None and not client.is_probe_noted:
            client.is_probe_noted = True
            text = f'{{"id":"{client.probe[0]}","method":"{PROBE_METHOD}"}}'
            self._recorder.note("sent", number, frame=text)

    async def _close(self) -> None:
        """End all connections, without any fault in their way."""
        self._record.is_over = True
        if self._uses_faults:
            self._server.faults.detach()
        for client in tuple(self._clients.values()):
            await client.close()

    # -- what comes back

    async def _read(self, number: int, client: Client) -> None:
        frames, now = 0, self._loop.time()
        while (frame := await client.connection.receive(None)) is not None:
            self._received(number, client, parse(frame))
            frames += 1
            if now < self._loop.time():
                frames, now = 0, self._loop.time()
            if frames == FLOOD:
                self._recorder.note("note", text=f"{FLOOD} messages: no more are read")
                return
        code = client.connection.close_code or LOST
        self._recorder.note("closed", number, text=str(code))
        self._record.closed[number] = code
        self._ended.add(number)
        self._clients.pop(number, None)
        last = self._recorder.last(number)
        if last is not None:
            last.close_code = code
        for pending in client.sent.values():
            pending.end()
        client.end_probe()

    def _received(self, number: int, client: Client, message: Message) -> None:
        if message.is_event:
            place = self._recorder.note("event", number, message=message)
            self._record.events.setdefault(number, []).append((place, message))
            last = self._recorder.last(number)
            if last is not None:
                last.events.append(message)
            return
        id = message.value.get("id") if isinstance(message.value, dict) else None
        if client.probe is not None and id == client.probe[0]:
            client.end_probe()
            return
        owner = next((one for one, other in self._clients.items() if other.probes(id)), None)
        if owner is not None:
            self._note_probe(owner, self._clients[owner])
            self._recorder.note("stray", number, message=message)
            self._record.probes_astray.append((number, owner, message))
            return
        pending = client.sent.get((type(id), id))
        if pending is None and not self._is_of_another(number, id):
            pending = client.first_unanswered()
        if pending is None:
            self._recorder.note("stray", number, message=message)
            self._record.strays.append((number, message))
            return
        exchange = pending.exchange
        place = self._recorder.note("answered", number, call=exchange, message=message)
        exchange.answers.append(message)
        if exchange.answered is None:
            exchange.answered = place
            if exchange.is_success:
                self._responses[exchange.call] = exchange.response
        pending.end()

    def _is_of_another(self, number: int, id: object) -> bool:
        """Tell whether another client made a call of this id, so that the answer is for it."""
        return any(
            exchange.client != number
            and type(exchange.case.id) is type(id)
            and exchange.case.id == id
            for exchange in self._record.calls
        )

    def _fault_fired(self, text: str) -> None:
        self._recorder.note("note", text=f"fault: {text}")

    def heard(self, failure: Failure) -> None:
        """Note a failure of the server; those that are a fault itself are none."""
        if self._uses_faults and self._server.faults.explains(failure):
            return
        self._recorder.heard(failure)
