"""Faults of the calls of a method."""

import asyncio

import pytest
from aiohttp import web

from wsrpc import Forbidden, InternalError, RpcError


def test_latency_lets_the_method_begin_later_and_no_other(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.latency("call", 2, method="add")
        slow = asyncio.create_task(client.call("add", {"a": 1}))
        await asyncio.sleep(0)
        await client.call("tell", {"channel": "orders", "count": 1})
        assert await slow == 2
        return stage.log

    assert play(scenario) == ["0 publish orders  0", "2 add 1"]


def test_calls_that_a_rule_does_not_pick_pass_those_it_delays(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.latency("call", 2, method="add", nth=1)
        slow = asyncio.create_task(client.call("add", {"a": 1}))
        await asyncio.sleep(0)
        await client.call("add", {"a": 2})
        await slow
        return stage.log

    assert play(scenario) == ["0 add 2", "2 add 1"]


def test_a_latency_beyond_the_call_timeout_is_a_call_that_times_out(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.latency("call", 100, method="add")
        reply = await client.request("add", {"a": 1}, timeout=None)
        await asyncio.sleep(100)
        return reply["error"]["code"], stage.log, stage.plan.running

    assert play(scenario) == (-32001, [], {})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RpcError(4711, "no"), 4711),
        (Forbidden, -32003),
        (web.HTTPForbidden, -32003),
        (ConnectionError, -32004),
        (RuntimeError("secret"), -32603),
    ],
)
def test_an_error_is_answered_as_if_the_method_had_raised_it(play, error, code):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.error("call", error, method="a*", nth=1)
        reply = await client.request("add", {"a": 1})
        assert reply["error"]["code"] == code
        assert await client.call("add", {"a": 2}) == 3
        return stage.log

    assert play(scenario) == ["0 add 2"]


def test_a_dropped_call_is_never_answered_and_its_place_is_free_again(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.drop("call", method="add", nth=1)
        with pytest.raises(TimeoutError):
            await client.call("add", {"a": 1}, timeout=600)
        assert await client.call("add", {"a": 2}) == 3
        assert not stage.plan.running
        return stage.log

    assert play(scenario) == ["600 add 2"]


def test_a_duplicated_call_runs_and_is_answered_twice(play):
    async def scenario(stage):
        client = await stage.connect()
        rule = stage.plan.duplicate("call", method="add")
        assert await client.call("add", {"a": 1}) == 2
        assert await client.receive() == {"id": 1, "method": "add", "response": 2}
        assert (rule.matched, rule.fired) == (1, 1)
        assert not stage.plan.running
        return stage.log

    assert play(scenario) == ["0 add 1"] * 2


def test_a_duplicated_call_that_fails_is_answered_twice_with_its_error(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.duplicate("call", method="fail")
        with pytest.raises(InternalError):
            await client.call("fail")
        assert (await client.receive())["error"]["code"] == -32603

    play(scenario)


def test_a_stalled_call_begins_when_healed(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.stall("call", method="add")
        calls = [asyncio.create_task(client.call("add", {"a": number})) for number in range(3)]
        await asyncio.sleep(4)
        assert not any(call.done() for call in calls)
        stage.plan.heal()
        assert await asyncio.gather(*calls) == [1, 2, 3]
        return stage.log

    assert play(scenario) == ["4 add 0", "4 add 1", "4 add 2"]


def test_built_in_methods_are_methods_too(play):
    async def scenario(stage):
        client = await stage.connect()
        rules = [
            stage.plan.latency("call", 1, method=name)
            for name in ("subscribe", "publish", "unsubscribe")
        ]
        await client.call("subscribe", {"channel": "orders"})
        await client.call("publish", {"channel": "orders", "data": 1})
        await client.call("unsubscribe", {"channel": "orders"})
        assert [rule.fired for rule in rules] == [1, 1, 1]
        return stage.log

    assert play(scenario) == [
        "1 subscribe orders",
        "2 publish orders  1",
        "3 unsubscribe orders",
    ]


def test_a_method_that_is_not_there_is_no_call(play):
    async def scenario(stage):
        client = await stage.connect()
        rule = stage.plan.drop("call")
        reply = await client.request("nothing")
        return reply["error"]["code"], rule.matched

    assert play(scenario) == (-32601, 0)


def test_a_fault_is_told_with_the_connection_whose_call_it_struck(play):
    async def scenario(stage):
        told = []
        stage.plan._on_fired = lambda text, websocket: told.append((text, websocket))
        client = await stage.connect()
        (view,) = stage.backend.sockets
        stage.plan.latency("publish", 0)
        stage.plan.latency("call", 0)
        await client.call("tell", {"channel": "orders", "event": "new", "count": 1})
        await stage.backend.publish("users", "", 1)
        assert told == [
            ("call:latency=0s (method 'tell')", view),
            ("publish:latency=0s (channel 'orders', event 'new')", view),
            ("publish:latency=0s (channel 'users')", None),
        ]

    play(scenario)


def test_a_connection_that_ends_ends_the_calls_that_rules_hold(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.stall("call", method="add", nth=1)
        stage.plan.duplicate("call", method="tell")
        stage.plan.latency("publish", 50)
        await client.send_json({"id": 1, "method": "add", "payload": {"a": 1}})
        await client.send_json({"id": 2, "method": "tell", "payload": {"channel": "a", "count": 1}})
        await asyncio.sleep(1)
        await client.close()
        await asyncio.sleep(100)
        return stage.log, stage.plan.running

    assert play(scenario) == ([], {})


def test_calls_of_one_channel_keep_their_order_while_one_is_held(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.latency("call", 2, method="subscribe")
        for id, method in enumerate(("subscribe", "unsubscribe", "subscribe")):
            await client.send_json({"id": id, "method": method, "payload": {"channel": "orders"}})
        replies = [(await client.receive(timeout=10))["method"] for _ in range(3)]
        return replies, stage.log

    assert play(scenario) == (
        ["subscribe", "unsubscribe", "subscribe"],
        ["2 subscribe orders", "2 unsubscribe orders", "4 subscribe orders"],
    )


def test_a_payload_that_is_refused_reaches_no_method(play):
    async def scenario(stage):
        client = await stage.connect()
        rule = stage.plan.drop("call")
        reply = await client.request("subscribe", {"channel": 3})
        return reply["error"]["code"], rule.matched

    assert play(scenario) == (-32602, 0)


def test_a_typed_method_is_dropped_without_a_complaint_about_its_response(play):
    from wsrpc import failures

    async def scenario(stage):
        told = []
        client = await stage.connect()
        stage.plan.drop("call", method="subscribe")
        with failures.listen(told.append), pytest.raises(TimeoutError):
            await client.call("subscribe", {"channel": "orders"}, timeout=70)
        return told

    assert play(scenario) == []
