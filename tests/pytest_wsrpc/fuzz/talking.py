"""Conversations of clients that subscribe and publish, played and judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiohttp import web

from pytest_wsrpc import faults
from pytest_wsrpc.fuzz import target
from pytest_wsrpc.fuzz.conversation import (
    Call,
    Conversation,
    Disconnect,
    Fault,
    Step,
)
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.failure import CheckFailure
from pytest_wsrpc.fuzz.growth import small_heap
from pytest_wsrpc.fuzz.judging import judge
from pytest_wsrpc.fuzz.phases.phase import Phase
from pytest_wsrpc.fuzz.phases.pubsub import PHASE
from pytest_wsrpc.fuzz.serving import Host
from wsrpc import (
    ApiPath,
    Publish,
    SocketsManager,
    Subscribe,
    WsPathMixin,
)
from wsrpc.rpc import methods_of


class Plain(ApiPath, WsPathMixin, Subscribe, Publish):
    """Nothing but the built-in methods."""


def say(client: int, method: str, channel: Any = "news", *, wait: bool = True, **rest: Any) -> Any:
    return SimpleNamespace(
        client=client, method=method, payload={"channel": channel, **rest}, wait=wait
    )


def judged(
    create_app: Callable[[], web.Application], view: type[Any], phase: Phase, steps: Iterable[Any]
) -> list[CheckFailure]:
    """Play steps, texts are faults, as a phase does, and judge."""
    methods = methods_of(view)
    made: list[Step] = []
    for number, step in enumerate(steps):
        if isinstance(step, SimpleNamespace):
            made.append(Call(step.client, number, methods[step.method], step.payload, step.wait))
        elif isinstance(step, str):
            made += [Fault(spec) for spec in faults.parse(step)]
        else:
            made.append(step)
    conversation = Conversation(Endpoint("/stream", view, methods), tuple(made))
    host = Host(target.of_value(create_app, "the test"))
    try:
        with small_heap():
            record = host.run(phase.play(host, conversation, "/stream", (), 5.0))
    finally:
        host.close()
    return judge(record, frozenset(), Path.cwd())


def failures_of(
    view: type[Any], broker: type[SocketsManager], *steps: Any, latency: float | None = None
) -> list[CheckFailure]:
    """Play steps on an application of this view and broker, and judge."""

    def create_app() -> web.Application:
        app = web.Application()
        app.router.add_view("/stream", view)
        broker.for_app(app, *([] if latency is None else [latency]))
        return app

    return judged(create_app, view, PHASE, steps)


def only(failures: list[CheckFailure]) -> CheckFailure:
    (failure,) = failures
    return failure


class Direct(SocketsManager):
    """A backend that delivers at once."""

    async def subscribe(self, channel: str) -> None:
        """Take any channel."""

    async def publish(self, channel: str, event: str, body: Any) -> None:
        await self.channels(channel, {"event": event, "data": body})


TALK = (
    say(1, "subscribe"),
    say(2, "publish", event="tick", data="token-1"),
    say(2, "publish", event="tick", data=None),
    say(2, "publish", event="tick", data=None),
    say(1, "unsubscribe"),
    say(2, "publish", event="tick", data="token-2"),
    Disconnect(1),
    say(1, "subscribe", event=["t*", "x"]),
    say(2, "publish", event="tick", data={"id": "token-3"}),
    say(1, "unsubscribe", event="t*"),
)
