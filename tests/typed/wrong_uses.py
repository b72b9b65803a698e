"""Mistakes that a type checker has to see: mypy refuses an ignore that nothing needs.

Nobody runs this.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from hypothesis import strategies as st
from shop import Order, Shop, create_app

from pytest_wsrpc import FaultPlan, RpcStateMachine, Serve, WsConnect, WsTestClient, fuzz, serve
from pytest_wsrpc import Nothing as Nothing  # type: ignore[attr-defined]
from pytest_wsrpc import strategies as ws
from pytest_wsrpc.fuzz import nothing as nothing  # type: ignore[attr-defined]
from pytest_wsrpc.stateful import Bundle, initialize, invariant, precondition, rule
from wsrpc import LocalBroker, RedisBroker, RpcClient, SocketsManager, WsPathMixin, ws_rpc
from wsrpc import Nobody as Nobody  # type: ignore[attr-defined]


class Wrong(WsPathMixin, web.View):
    limits = 5  # type: ignore[assignment]

    async def authorize(self, action: int, channel: str, event: str) -> bool:  # type: ignore[override]
        return True

    async def can_receive(self, channel: str, event: str) -> bool:  # type: ignore[override]
        return True

    @ws_rpc(body_schema=Order)  # type: ignore[type-var]
    def ws_rpc_plain(self, payload: Order) -> int:
        return payload.count

    @ws_rpc(body=Order)  # type: ignore[call-arg]
    async def ws_rpc_misspelled(self, payload: Order) -> int:
        return payload.count


class Broker(SocketsManager):
    async def subscribe(self, channel: int) -> None:  # type: ignore[override]
        pass

    async def publish(self, channel: str, event: str) -> None:  # type: ignore[override]
        pass


async def server(view: Shop, app: web.Application, broker: LocalBroker) -> None:
    LocalBroker.for_app(app, latenzy=1.0)  # type: ignore[call-arg]
    LocalBroker.for_app(app, history="long")  # type: ignore[arg-type]
    RedisBroker.for_app(app)  # type: ignore[call-arg]
    broker.server_info()["channel"]  # type: ignore[typeddict-item]
    await broker.channels.register("stock", "*", 5)  # type: ignore[arg-type]
    await view.send_event("stock", 5, None)  # type: ignore[arg-type]
    await view.ws_rpc_order({"item": "tea"})  # type: ignore[arg-type]
    _ = (await view.ws_rpc_order(Order("tea"))).count  # type: ignore[attr-defined]


async def client(url: str) -> None:
    RpcClient.connect(url).call("info")  # type: ignore[attr-defined]
    async with RpcClient.connect(url, reconnect="often") as connected:  # type: ignore[arg-type]
        await connected.until("conected")  # type: ignore[arg-type]
        async with connected.subscribe("stock", 5) as events:  # type: ignore[arg-type]
            _ = (await anext(events)).dat  # type: ignore[attr-defined]


async def fixtures(ws_client: WsTestClient, ws_connect: WsConnect, ws_serve: Serve) -> None:
    await ws_connect("/shop", reconect=True)  # type: ignore[call-arg]
    await ws_connect("/shop", timeout="long")  # type: ignore[arg-type]
    await ws_client.next_event("stock", within=5)  # type: ignore[call-arg]
    ws_client.link.stall(direction="up")  # type: ignore[arg-type]
    ws_serve(create_app)  # type: ignore[arg-type]
    ws_serve(create_app(), transport="udp")  # type: ignore[arg-type]
    async with serve(create_app(), strict=5) as connect:  # type: ignore[arg-type]
        await connect(nam="ann")  # type: ignore[call-arg]


def faults(ws_faults: FaultPlan) -> None:
    ws_faults.drop("nowhere")  # type: ignore[arg-type]
    ws_faults.error("deliver", OSError)  # type: ignore[arg-type]
    ws_faults.error("publish", "OSError")  # type: ignore[arg-type]
    ws_faults.stall("publish", chanel="stock")  # type: ignore[call-arg]
    ws.faults(points=["nowhere"])  # type: ignore[list-item]


class Machine(RpcStateMachine):
    create_app = 5  # type: ignore[assignment]

    taken: Bundle[int] = Bundle("taken")

    @rule(target=taken)  # type: ignore[arg-type]
    async def one(self) -> str:
        return "tea"

    @initialize(target=taken)  # type: ignore[arg-type]
    def two(self) -> str:
        return "tea"

    @rule()  # type: ignore[type-var]
    async def three(self) -> str:
        return "for no bundle"

    @rule(item=5)  # type: ignore[call-overload, untyped-decorator]
    async def four(self, item: int) -> None:
        await self.three()

    @precondition(5)  # type: ignore[arg-type]
    @rule(item=st.integers())
    async def five(self, item: int) -> None:
        await self.five("tea")  # type: ignore[arg-type]

    @invariant()  # type: ignore[type-var]
    async def six(self) -> bool:
        return True


class Strange(RpcStateMachine):
    def create_app(self) -> int:  # type: ignore[override]
        return 5


api = fuzz.load(5)  # type: ignore[arg-type]
fuzz.load(create_app, phases=["sequence"])  # type: ignore[list-item]


@api.parametrize()  # type: ignore[type-var]
def test_plain(case: fuzz.LiveCase) -> None:
    pass


@api.parametrize(phase="accepts")  # type: ignore[call-arg]
async def test_misspelled(case: fuzz.LiveCase) -> None:
    case.check(await case.call(), excludes=["no-leak"])  # type: ignore[call-arg]
    case.check({})  # type: ignore[arg-type]


@fuzz.check("one", of="record")  # type: ignore[type-var]
def one(exchange: fuzz.Exchange) -> None:
    pass


@fuzz.check("two")  # type: ignore[type-var]
async def two(exchange: fuzz.Exchange) -> None:
    pass


async def decorated(case: fuzz.LiveCase, machine: Machine) -> Any:
    await test_misspelled(5)  # type: ignore[arg-type]
    one(5)  # type: ignore[arg-type]
