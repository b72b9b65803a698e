"""Conversations: several calls in a row by several clients, with values of earlier answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from aiohttp import web
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from wsrpc.errors import InternalError, RpcError
from wsrpc.names import suggestion
from wsrpc.rpc import RpcMethod

from ..clock import VirtualClock, VirtualLoop
from ..fuzz import conversation as values
from ..fuzz.conversation import Advance, Call, Disconnect, Like, Step, Together
from ..fuzz.endpoints import Endpoint, endpoints_of
from ..fuzz.references import resolved
from .payloads import payloads

if TYPE_CHECKING:
    from ..client import WsTestClient

Connect: TypeAlias = "Callable[..., Awaitable[WsTestClient]]"

_LINKED: Final = 8
"""Fields of a payload that may take over an earlier value: few have more that are ids."""


@dataclass(frozen=True)
class Answer:
    """A call as it was made, with the response or the error that answered it."""

    client: int
    method: str
    payload: dict[str, Any]
    response: Any = None
    error: RpcError | None = None

    @property
    def code(self) -> int | None:
        """The code of the error; None for a response."""
        return None if self.error is None else self.error.code


@dataclass(frozen=True, repr=False)
class Conversation(values.Conversation):
    """What several clients do, one step after the other; `steps` are values to look at."""

    path: str | None = None
    """The endpoint, where the application has several."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    async def play(
        self, connect: Connect, *, path: str | None = None, timeout: float | None = 120.0
    ) -> list[Answer]:
        """Do it with clients that `connect` gives, as ``ws_connect`` does; return all answers.

        A client connects when it is needed. Errors are answers like others, but `InternalError` is
        raised, with the exception of the server for its cause.
        """
        player = _Player(self, connect, path or self.path, timeout)
        for step in self.steps:
            await player.take(step)
        return player.answers


class _Player:
    """One playing of a conversation."""

    def __init__(
        self, conversation: Conversation, connect: Connect, path: str | None, timeout: float | None
    ) -> None:
        self._conversation = conversation
        self._connect = connect
        self._path = path
        self._timeout = timeout
        self._clients: dict[int, WsTestClient] = {}
        self._responses: dict[int, Any] = {}
        self._names: dict[int, str] = {}
        self._count = 0
        self.answers: list[Answer] = []

    async def take(self, step: Step) -> None:
        match step:
            case Call():
                await self._together((step,))
            case Together(calls):
                await self._together(calls)
            case values.Connect(client):
                await self._open(client)
            case Disconnect(client):
                if client in self._clients:
                    await self._clients.pop(client).close()
            case Advance(seconds):
                loop = asyncio.get_running_loop()
                if isinstance(loop, VirtualLoop):
                    await VirtualClock(loop).advance(seconds)
                else:
                    await asyncio.sleep(seconds)
            case _:
                raise TypeError(
                    f"{step!r} is no step that play() takes: set faults beside it, by ws_faults"
                )

    async def _open(self, client: int) -> None:
        if client not in self._clients:
            where = () if self._path is None else (self._path,)
            self._clients[client] = await self._connect(*where)

    async def _together(self, calls: Sequence[Call]) -> None:
        for call in calls:
            await self._open(call.client)
        endpoint = self._conversation.endpoint
        payloads = [resolved(call, endpoint, self._responses, self._names)[0] for call in calls]
        answers = await asyncio.gather(
            *(self._call(call, payload) for call, payload in zip(calls, payloads, strict=True)),
            return_exceptions=True,  # so that none is left running when one fails
        )
        for call, answer in zip(calls, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            self.answers.append(answer)
            if answer.error is None:
                self._responses[self._count] = answer.response
            self._names[self._count] = call.method.name
            self._count += 1

    async def _call(self, call: Call, payload: dict[str, Any]) -> Answer:
        client, name = self._clients[call.client], call.method.name
        try:
            response = await client.call(name, payload, timeout=self._timeout)
        except InternalError:
            raise
        except RpcError as error:
            return Answer(call.client, name, payload, error=error)
        return Answer(call.client, name, payload, response)


@st.composite
def conversations(
    draw: st.DrawFn,
    app: web.Application,
    *,
    path: str | None = None,
    methods: Collection[str] | None = None,
    clients: int = 2,
    max_calls: int = 8,
    pauses: Collection[float] = (),
) -> Conversation:
    """Return conversations with an application: calls of its methods by up to so many clients.

    Fields of a payload may take over values of earlier answers, by name and type, such as the id
    of what was created. Calls overlap, clients leave and come back, and time passes where
    `pauses` gives the seconds to choose from, which is free on virtual time. `path` picks one of
    several endpoints, as the router writes it, and `methods` those to call.

    >>> await conversation.play(ws_connect)
    [Answer(client=0, method='add', payload={'a': 0, 'b': 0}, response={'sum': 0}, error=None)]
    """
    for option, value in (("clients", clients), ("max_calls", max_calls)):
        if type(value) is not int or value < 1:
            raise InvalidArgument(f"{option} must be an integer of at least 1, got {value!r}")
    endpoint, shown = _endpoint(app, path)
    chosen = tuple(method for _, method in sorted(_methods(endpoint, methods).items()))
    steps = draw(_steps(chosen, clients, max_calls, tuple(pauses)))
    return Conversation(endpoint, tuple(_numbered(steps)), path=shown)


def _endpoint(app: object, path: str | None) -> tuple[Endpoint, str | None]:
    if not isinstance(app, web.Application):
        hint = ", which is to be called" if callable(app) else ""
        raise InvalidArgument(f"expected an aiohttp.web.Application, got {app!r:.100}{hint}")
    known = {endpoint.path: endpoint for endpoint in endpoints_of(app)}
    if path is None and len(known) == 1:
        return next(iter(known.values())), None
    if path is None:
        many = f"several endpoints: pass path=, one of {', '.join(map(repr, known))}"
        raise InvalidArgument(f"the application has {many if known else 'no websocket endpoint'}")
    if path not in known:
        raise InvalidArgument(
            f"the application has no endpoint {path!r}{suggestion(path, known)}; "
            f"it has {', '.join(map(repr, known)) or 'none'}"
        )
    return known[path], path


def _methods(endpoint: Endpoint, names: Collection[str] | None) -> dict[str, RpcMethod]:
    if names is None:
        if not endpoint.methods:
            raise InvalidArgument(f"{endpoint.view.__name__} has no RPC methods")
        return dict(endpoint.methods)
    if isinstance(names, str) or not names:
        raise InvalidArgument(f"methods must be names of methods, got {names!r}")
    for name in names:
        if name not in endpoint.methods:
            raise InvalidArgument(
                f"{endpoint.view.__name__} has no method {name!r}"
                f"{suggestion(name, endpoint.methods)}; it has {', '.join(endpoint.methods)}"
            )
    return {name: endpoint.methods[name] for name in names}


@lru_cache(maxsize=64)
def _steps(
    methods: tuple[RpcMethod, ...], clients: int, most: int, pauses: tuple[float, ...]
) -> st.SearchStrategy[list[Step]]:
    numbers = st.integers(0, clients - 1)
    call = st.one_of([_calls(method, numbers) for method in methods])
    kinds: list[st.SearchStrategy[Any]] = [call]
    if pauses:
        kinds.append(st.builds(Advance, st.sampled_from(pauses)))
    kinds.append(st.builds(Disconnect, numbers))
    kinds.append(st.lists(call, min_size=2, max_size=3).map(lambda some: Together(tuple(some))))
    # most steps are calls, of which a conversation is made
    steps = st.lists(st.one_of([call, call, *kinds]), min_size=1, max_size=most)
    return steps.filter(lambda drawn: any(isinstance(step, Call | Together) for step in drawn))


def _calls(method: RpcMethod, numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Call]:
    links = st.lists(st.none() | st.integers(0, 3), max_size=_LINKED)
    return st.builds(
        lambda client, payload, links: Call(client, 0, method, _linked(payload, links)),
        numbers,
        payloads(method.payload),
        links,
    )


def _linked(payload: dict[str, Any], links: Sequence[int | None]) -> dict[str, Any]:
    """Let fields take over earlier values, as many as there are links."""
    left = list(reversed(links))
    linked = {}
    for name, value in payload.items():
        back = left.pop() if left and isinstance(value, str | int | float) else None
        linked[name] = value if back is None else Like(name, value, back)
    return linked


def _numbered(steps: Sequence[Step]) -> Iterator[Step]:
    """Give each call an id of its own."""
    ids = count(1)
    for step in steps:
        if isinstance(step, Together):
            yield Together(tuple(replace(call, id=next(ids)) for call in step.calls))
        else:
            yield replace(step, id=next(ids)) if isinstance(step, Call) else step
