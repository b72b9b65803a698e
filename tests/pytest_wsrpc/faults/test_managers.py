"""Whatever the application holds as a manager, the plan gets in its way, and out again."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from pytest_wsrpc.client import WsTestClient
from pytest_wsrpc.faults import FaultPlan
from pytest_wsrpc.network.memory import MemoryConnector
from wsrpc import (
    SOCKETS_KEY,
    ApiPath,
    CannotPublish,
    LocalBroker,
    Publish,
    SocketsManager,
    Subscribe,
    WsPathMixin,
)


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_echo(self, payload):
        return payload


class Auditing(LocalBroker):
    """It calls its base class, and itself."""

    async def publish(self, channel, event, body):
        await super().publish(channel, event, body)
        if channel != "audit":
            await self.publish("audit", event, body)


class Uninitialized(LocalBroker):
    def __init__(self):
        pass


class Guarded(LocalBroker):
    """Nobody sets an attribute from outside by accident."""

    def __setattr__(self, name, value):
        if not name.startswith("_") and name != "latency":
            raise AttributeError(name)
        super().__setattr__(name, value)


class Plain(SocketsManager):
    """No broker at all."""

    async def publish(self, channel, event, body):
        await self.channels(channel, {"event": event, "data": body})

    async def subscribe(self, channel):
        pass


async def connect(app, session):
    return await WsTestClient.connect("ws://localhost/stream", session=session)


async def use(app, manager, path="/stream"):
    """Count what one call of each kind meets."""
    plan = FaultPlan(7, "a test")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    before = dict(vars(manager))
    plan.attach([manager])
    rules = {
        point: plan.latency(point, 0)
        for point in ("publish", "subscribe", "unsubscribe", "deliver", "call", "reply")
    }
    async with aiohttp.ClientSession(connector=MemoryConnector(runner.server)) as session:
        client = await WsTestClient.connect(f"ws://localhost{path}", session=session)
        await client.call("subscribe", {"channel": "orders"})
        await client.call("publish", {"channel": "orders", "data": 1})
        assert (await client.next_event()).data == 1
        await client.call("unsubscribe", {"channel": "orders"})
        await client.close()
    plan.detach()
    after = {name: value for name, value in vars(manager).items() if name in before}
    assert after == before
    assert not {"publish", "subscribe", "unsubscribe", "_wsrpc_calls"} & set(vars(manager))
    assert "_deliver" not in vars(manager.channels)
    await runner.cleanup()
    return {point: rule.fired for point, rule in rules.items()}


PLAIN = {
    "publish": 1,
    "subscribe": 1,
    "unsubscribe": 1,
    "deliver": 1,
    "call": 3,
    "reply": 3,
}


@pytest.mark.parametrize(
    ("cls", "fired"),
    [
        (LocalBroker, PLAIN),
        (Uninitialized, PLAIN),
        (Guarded, PLAIN),
        (Plain, PLAIN),
        (Auditing, PLAIN | {"publish": 2, "deliver": 2}),
    ],
)
def test_managers_of_any_class(run, cls, fired):
    async def scenario():
        app = web.Application()
        app.router.add_view("/stream", Stream)
        return await use(app, cls.for_app(app))

    assert run(scenario) == fired


@pytest.mark.filterwarnings("ignore::aiohttp.web.NotAppKeyWarning")
def test_a_manager_under_the_string_key(run):
    async def scenario():
        app = web.Application()
        app.router.add_view("/stream", Stream)
        app["web_sockets"] = manager = LocalBroker()
        return await use(app, manager)

    assert run(scenario) == PLAIN


def test_a_manager_of_a_sub_application(run):
    async def scenario():
        app, part = web.Application(), web.Application()
        part.router.add_view("/stream", Stream)
        manager = LocalBroker.for_app(part)
        app.add_subapp("/part", part)
        return await use(app, manager, "/part/stream")

    assert run(scenario) == PLAIN


def test_two_managers_do_not_wait_for_each_other(run):
    async def scenario():
        one, two = Auditing(), Auditing()
        plan = FaultPlan(7, "a test")
        plan.attach([one, two])
        rule = plan.stall("publish", nth=1)
        stalled = asyncio.create_task(one.publish("orders", "", 1))
        await asyncio.sleep(0)
        await two.publish("orders", "", 2)
        assert not stalled.done()
        plan.detach()
        await stalled
        return rule.matched

    assert run(scenario) == 3


def test_a_point_without_a_rule_stays_as_it_is(run):
    async def scenario():
        manager = LocalBroker()
        plan = FaultPlan(7, "a test")
        plan.attach([manager])
        plan.drop("publish", optional=True)
        assert not manager._unsubscribes()
        assert {"publish", "subscribe", "unsubscribe"} & set(vars(manager)) == {"publish"}
        assert "_deliver" not in vars(manager.channels)

    run(scenario)


def test_what_the_test_replaced_before_is_called_and_comes_back(run):
    async def scenario():
        calls = []

        async def replaced(channel, event, body):
            calls.append(body)

        manager = LocalBroker()
        manager.publish = replaced
        plan = FaultPlan(7, "a test")
        plan.attach([manager])
        plan.drop("publish", nth=1)
        for number in (1, 2):
            await manager.publish("orders", "", number)
        plan.detach()
        assert manager.publish is replaced
        return calls

    assert run(scenario) == [2]


def test_what_the_test_replaces_meanwhile_stays_and_the_rules_behind_it_are_over(run):
    async def scenario():
        manager = LocalBroker()
        plan = FaultPlan(7, "a test")
        plan.attach([manager])
        plan.error("publish", CannotPublish)
        plan.drop("deliver")
        hook, deliver = manager.publish, manager.channels._deliver
        events = []

        async def publish(channel, event, body):
            await hook(channel, event, body)

        manager.publish = publish
        manager.channels._deliver = lambda name, message: deliver(name, message)
        plan.detach()
        assert manager.publish is publish
        await manager.channels.register("orders", "*", lambda *event: events.append(event))
        await manager.publish("orders", "new", 1)
        await asyncio.sleep(0)
        return events

    assert run(scenario) == [("orders", "new", 1)]


def test_detaching_lets_coroutines_go_on_and_drops_messages(run):
    async def scenario():
        manager = LocalBroker()
        events = []
        await manager.channels.register("orders", "*", lambda *event: events.append(event[2]))
        plan = FaultPlan(7, "a test")
        plan.attach([manager])
        plan.stall("deliver", event="stall")
        plan.reorder("deliver", event="reorder")
        await manager.publish("orders", "stall", 1)
        await manager.publish("orders", "reorder", 2)
        plan.stall("publish")
        publishing = asyncio.create_task(manager.publish("orders", "late", 3))
        await asyncio.sleep(0)
        plan.detach()
        plan.detach()
        await publishing
        await asyncio.sleep(10)
        return events

    assert run(scenario) == [3]


def test_a_plan_that_was_detached_works_again_where_it_is_attached(run):
    async def scenario():
        plan = FaultPlan(7, "a test")
        assert not plan.was_attached
        rule, healed = plan.drop("publish"), plan.error("publish", CannotPublish)
        healed.heal()
        for _ in range(2):
            manager = LocalBroker()
            plan.attach([manager])
            await manager.publish("orders", "", 1)
            plan.detach()
        assert plan.was_attached
        return rule.fired

    assert run(scenario) == 2


def test_a_connection_outlives_the_plan(run):
    async def scenario():
        app = web.Application()
        app.router.add_view("/stream", Stream)
        manager = LocalBroker.for_app(app)
        assert app[SOCKETS_KEY] is manager
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        plan = FaultPlan(7, "a test")
        plan.attach([manager])
        async with aiohttp.ClientSession(connector=MemoryConnector(runner.server)) as session:
            client = await connect(app, session)
            plan.drop("call", method="echo")
            plan.drop("reply", method="echo")
            plan.detach()
            assert await client.call("echo", {"a": 1}) == {"a": 1}
            await client.close()
        await runner.cleanup()

    run(scenario)
