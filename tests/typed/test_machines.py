"""State machines whose rules, initializers and invariants are coroutines."""

from __future__ import annotations

import asyncio
from typing import Any, assert_type

from aiohttp import web
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from shop import STOCK, create_app

from pytest_wsrpc import FaultPlan, RpcStateMachine, Server, VirtualClock, WsTestClient
from pytest_wsrpc.faults import Effect, Point, Spec
from pytest_wsrpc.stateful import (
    Bundle,
    CallRules,
    ChannelsMachine,
    ConnectionRules,
    FaultRules,
    PubSubRules,
    TimeRules,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from wsrpc import RpcError
from wsrpc.rpc import RpcMethod

few = settings(max_examples=3, stateful_step_count=6, deadline=None, derandomize=True)


class Customers(RpcStateMachine):
    """Customers take home what is there, and no more."""

    create_app = staticmethod(create_app)
    path = "/shop"
    headers = {"Authorization": "Bearer abc"}
    strict = "server-errors tasks"

    taken: Bundle[str] = Bundle("taken")
    counts: Bundle[int] = Bundle("counts")

    def __init__(self) -> None:
        super().__init__()
        self.left = {"tea": 10, "cup": 2}

    async def begin(self) -> None:
        assert_type(self.app, web.Application)
        assert_type(self.server, Server)
        assert_type(self.faults, FaultPlan)
        assert_type(self.clock, VirtualClock)

    async def on_connect(self, number: int, client: WsTestClient) -> None:
        await client.call("login", {"token": "let me in"})

    @initialize(target=counts)
    def first(self) -> int:
        return 1

    @rule(target=taken, client=st.integers(0, 1), item=st.sampled_from(["tea", "cup"]))
    async def order(self, client: int, item: str) -> str:
        try:
            await self.call(client, "order", {"item": item}, timeout=30)
        except RpcError as error:
            if error.code != 1001:
                raise
        else:
            self.left[item] -= 1
        return item

    @rule(targets=(taken,), items=st.lists(st.just("tea"), max_size=2))
    def remember(self, items: list[str]) -> Any:
        return multiple(*items)

    @precondition(lambda machine: machine.clients)
    @rule(item=consumes(taken), count=counts)
    async def forget(self, item: str, count: int) -> None:
        assert_type(await self.client(0), WsTestClient)
        await self.disconnect(0, abruptly=True)
        await self.advance(count)

    async def both(self) -> None:
        assert_type(await self.order(0, "tea"), str)

    @invariant(check_during_init=True)
    async def nothing_is_lost(self) -> None:
        await self.settle()
        assert self.app[STOCK] == self.left


TestCustomers = Customers.TestCase
TestCustomers.settings = few


class Everything(CallRules, ConnectionRules, TimeRules):
    path = "/shop"
    skip_methods = ("leave", "subscribe", "unsubscribe", "publish", "watch")
    times = (1.0,)

    async def create_app(self) -> web.Application:
        await asyncio.sleep(0)
        return create_app()

    def payloads(self, method: RpcMethod) -> SearchStrategy[Any]:
        return super().payloads(method)


class News(PubSubRules, FaultRules):
    channels = ("news",)
    path = "/shop"

    def create_app(self) -> web.Application:
        return create_app()

    def fault_injected(self, fault: Spec) -> None:
        super().fault_injected(fault)
        assert_type((fault.point, fault.effect), tuple[Point, Effect])


class Channels(ChannelsMachine):
    create_app = create_app
    path = "/shop"
    channels = ("news", "weather")


def test_everything() -> None:
    run_state_machine_as_test(Everything, settings=few)


def test_news() -> None:
    run_state_machine_as_test(News, settings=few)


def test_channels() -> None:
    run_state_machine_as_test(Channels, settings=few)
