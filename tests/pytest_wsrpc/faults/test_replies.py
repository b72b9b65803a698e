"""Faults of replies on their way to the client."""

import asyncio

import pytest

from wsrpc import ConnectionClosed


def now():
    return asyncio.get_running_loop().time()


def test_latency_delays_the_reply_and_not_the_method(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.latency("reply", 2, method="add")
        assert await client.call("add", {"a": 1}) == 2
        return stage.log, now()

    assert play(scenario) == (["0 add 1"], 2)


def test_replies_that_a_rule_does_not_pick_pass_those_it_delays(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.latency("reply", 2, method="add", nth=1)
        slow = asyncio.create_task(client.call("add", {"a": 1}))
        await asyncio.sleep(0)
        await client.call("add", {"a": 2})
        assert not slow.done()
        await slow

    play(scenario)


def test_a_late_acknowledgement_of_a_subscription_keeps_the_events_behind_it(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.latency("reply", 2, method="subscribe")
        call = asyncio.create_task(client.call("subscribe", {"channel": "orders"}))
        await asyncio.sleep(1)
        await stage.backend.publish("orders", "", 1)
        await client.no_event(within=0.5)
        await call
        assert (await client.next_event()).data == 1
        received = [entry for entry in client.transcript.entries if entry.direction == "received"]
        assert "subscribed" in repr(received[0])

    play(scenario)


def test_a_dropped_reply_never_comes_though_the_method_ran(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.drop("reply", method="add", nth=3)
        results = [await client.call("add", {"a": number}) for number in (1, 2)]
        with pytest.raises(TimeoutError):
            await client.call("add", {"a": 3}, timeout=300)
        return results, await client.call("add", {"a": 4}), stage.log

    assert play(scenario) == ([2, 3], 5, ["0 add 1", "0 add 2", "0 add 3", "300 add 4"])


def test_a_subscription_whose_acknowledgement_is_lost_is_made_all_the_same(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.drop("reply", method="subscribe")
        with pytest.raises(TimeoutError):
            await client.call("subscribe", {"channel": "orders"}, timeout=5)
        assert stage.backend.server_info()["channels"] == {"orders": {"*": 1}}
        await stage.backend.publish("orders", "", 1)
        assert (await client.next_event()).data == 1

    play(scenario)


def test_a_duplicated_reply_comes_twice_though_the_method_ran_once(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.duplicate("reply", method="add")
        assert await client.call("add", {"a": 1}) == 2
        assert await client.receive() == {"id": 1, "method": "add", "response": 2}
        return stage.log

    assert play(scenario) == ["0 add 1"]


def test_a_subscription_whose_acknowledgement_comes_twice_counts_once(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.duplicate("reply", method="subscribe")
        await client.call("subscribe", {"channel": "orders"})
        await client.receive()
        await stage.backend.publish("orders", "", 1)
        assert (await client.next_event()).data == 1
        await client.no_event(within=10)

    play(scenario)


def test_replies_are_reordered_among_calls_under_way(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.reorder("reply", window=3)
        for number in range(3):
            await client.send_json({"id": number, "method": "add", "payload": {"a": number}})
        ids = [(await client.receive())["id"] for _ in range(3)]
        return ids, stage.log

    ids, log = play(scenario)
    assert sorted(ids) == [0, 1, 2]
    assert ids != [0, 1, 2]
    assert log == ["0 add 0", "0 add 1", "0 add 2"]


def test_a_call_whose_reply_waits_alone_for_others_is_not_lost(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.reorder("reply", window=3)
        assert await client.call("add", {"a": 1}) == 2
        return now()

    assert play(scenario) == 0.1


def test_a_damaged_reply_answers_no_call(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.corrupt("reply", method="add")
        for number in range(30):
            with pytest.raises(TimeoutError):
                await client.call("add", {"a": number}, timeout=1)
        assert len(client.unread) == 30
        return len(stage.log)

    assert play(scenario) == 30


def test_a_stalled_reply_comes_when_healed(play):
    async def scenario(stage):
        client = await stage.connect()
        rule = stage.plan.stall("reply", method="add")
        calls = [
            asyncio.create_task(client.call("add", {"a": number}, timeout=None))
            for number in range(3)
        ]
        assert await client.call("tell", {"channel": "orders", "count": 0}) is None
        await asyncio.sleep(9)
        assert not any(call.done() for call in calls)
        rule.heal()
        return await asyncio.gather(*calls), now()

    assert play(scenario) == ([1, 2, 3], 9)


def test_errors_are_replies_too(play):
    async def scenario(stage):
        client = await stage.connect()
        rules = [stage.plan.latency("reply", 1, method=name) for name in ("fail", "nothing")]
        await client.request("fail")
        await client.request("nothing")
        return [rule.fired for rule in rules], now()

    assert play(scenario) == ([1, 1], 2)


def test_a_reply_that_times_out_while_its_call_is_stalled_passes_the_rules(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.stall("call", method="add")
        rule = stage.plan.duplicate("reply", method="add")
        await client.request("add", {"a": 1}, timeout=None)
        assert (await client.receive())["error"]["code"] == -32001
        return rule.fired

    assert play(scenario) == 1


def test_a_reply_to_a_client_that_has_gone_is_forgotten(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.stall("reply")
        call = asyncio.create_task(client.call("subscribe", {"channel": "orders"}))
        await asyncio.sleep(1)
        await client.close()
        with pytest.raises(ConnectionClosed):
            await call
        stage.plan.heal()
        await asyncio.sleep(1)
        return stage.backend.server_info()

    assert play(scenario) == {"connections": 0, "channels": {}}
