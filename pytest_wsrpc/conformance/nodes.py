"""Processes of one broker, all in this one: each with an application of its own, and its end."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from aiohttp import web

from wsrpc import (
    SOCKETS_KEY,
    ApiPath,
    BrokerUnavailable,
    Publish,
    RpcError,
    SocketsManager,
    Subscribe,
    WsPathMixin,
)

from ..serving import Server, serve
from .clauses import ConformanceError, breaks
from .waiting import comes_true

MakeBroker: TypeAlias = Callable[[], SocketsManager | Awaitable[SocketsManager]]
"""Makes a broker that was not started; each one is that of another process."""

_STRICT: Final = "server-errors, subscriptions"
_UNAVAILABLE: Final = BrokerUnavailable().code


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    """What clients of the suite connect to."""


@dataclass(eq=False)
class Node:
    """One process: the broker in it, and what connects clients to it."""

    number: int
    broker: SocketsManager
    server: Server

    def __str__(self) -> str:
        return f"process {self.number}"


@asynccontextmanager
async def running(
    make_broker: MakeBroker,
    count: int,
    patience: float,
    *,
    alone: bool = True,
    strict: str = _STRICT,
) -> AsyncIterator[list[Node]]:
    """Run so many processes of a broker; what they leave behind fails, if nothing has before.

    Their tasks are judged where they are `alone`, and no others run.
    """
    before = asyncio.all_tasks()
    async with AsyncExitStack() as stack:
        nodes = []
        for number in range(count):
            broker = make_broker()
            if inspect.isawaitable(broker):
                broker = await broker
            if not isinstance(broker, SocketsManager):
                raise TypeError(
                    "the fixture make_broker gives a function that makes a broker, a "
                    f"SocketsManager that was not started; it made {broker!r:.100}"
                )
            stack.enter_context(_named())
            serving = serve(_application(broker, patience), strict=strict)
            nodes.append(Node(number, broker, await stack.enter_async_context(serving)))
        yield nodes
    if alone:
        await _ended(before, patience)


def _application(broker: SocketsManager, patience: float) -> web.Application:
    app = web.Application()
    app[SOCKETS_KEY] = broker
    app.router.add_view("/stream", Stream)
    within = f"within {patience:g} s"
    unanswered = ConformanceError("answered", "the broker", f"start() to end {within}", "no end")
    app.on_startup.append(partial(_in_time, broker.start, patience, unanswered))
    unended = TimeoutError(f"close() has not ended {within}")
    app.on_shutdown.append(partial(_in_time, broker.close, patience, unended))
    return app


async def _in_time(
    hook: Callable[[web.Application], Awaitable[None]],
    patience: float,
    late: Exception,
    app: web.Application,
) -> None:
    """Call a hook in this task, as what it enters may have to be left in the same one."""
    try:
        async with asyncio.timeout(patience) as bound:
            await hook(app)
    except TimeoutError as error:
        raise (late if bound.expired() else error) from None


@contextmanager
def _named() -> Iterator[None]:
    """Name the clause that is broken by what an application leaves."""
    __tracebackhide__ = True
    try:
        yield
    except AssertionError as error:
        if type(error) is not AssertionError:
            raise
        text = str(error)
    else:
        return
    breaks("closed", "a process that ends", "nothing left behind, and no exception", text)


async def _ended(before: set[asyncio.Task[Any]], patience: float) -> None:
    """Wait until no task is left but those that were there before."""

    def left() -> set[asyncio.Task[Any]]:
        return asyncio.all_tasks() - before - {asyncio.current_task()}

    if not await comes_true(lambda: not left(), patience):
        tasks = left()
        for task in tasks:
            task.cancel()
        names = ", ".join(sorted(str(task.get_coro()) for task in tasks))
        await asyncio.wait(tasks, timeout=patience)
        breaks("closed", "the broker", "no task after close()", f"{len(tasks)}: {names:.500}")


@contextmanager
def errors_named(nodes: list[Node]) -> Iterator[None]:
    """Fail for exceptions of the brokers that were raised within, and that none may raise."""
    __tracebackhide__ = True
    yield
    for node in nodes:
        try:
            node.server.judge_errors()
        except AssertionError as error:
            text = str(error)
        else:
            continue
        breaks("raised", node, "no other exception out of a hook", text)


async def outcome(node: Node, what: str, call: Awaitable[Any]) -> dict[str, Any]:
    """Await a call of the broker's own methods; give what a client would be answered."""
    try:
        await call
    except RpcError as error:
        return {"error": {"code": error.code, "message": str(error)}}
    except ConnectionError as error:
        return {"error": {"code": _UNAVAILABLE, "message": str(error)}}
    except Exception as error:  # the broker's code may raise anything
        breaks("raised", node, f"no other exception out of {what}", repr(error))
    return {"response": {}}
