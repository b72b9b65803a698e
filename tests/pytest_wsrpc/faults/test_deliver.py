"""Faults of what arrives from the backend."""

import asyncio
import json

import pytest

from wsrpc import failures


async def publish(stage, *numbers, channel="orders", event="new"):
    for number in numbers:
        await stage.backend.publish(channel, event, number)


async def received(client, count):
    return [(await client.next_event(timeout=1000)).data for _ in range(count)]


def test_latency_delays_the_event_and_not_who_published_it(play):
    async def scenario(stage):
        client = await stage.subscribed()
        stage.plan.latency("deliver", 0.5)
        await publish(stage, 1, 2)
        assert asyncio.get_running_loop().time() == 0
        assert await received(client, 2) == [1, 2]
        return asyncio.get_running_loop().time()

    assert play(scenario) == 0.5


def test_jitter_keeps_the_order_of_a_channel(play):
    async def scenario(stage):
        client = await stage.subscribed()
        stage.plan.latency("deliver", 0.1, jitter=1)
        await publish(stage, *range(50))
        return await received(client, 50)

    assert play(scenario) == [*range(50)]


def test_what_no_rule_delays_stays_behind_what_one_does(play):
    async def scenario(stage):
        client = await stage.subscribed()
        stage.plan.latency("deliver", 1, event="slow")
        await publish(stage, 1, event="slow")
        await publish(stage, 2, event="fast")
        return await received(client, 2), asyncio.get_running_loop().time()

    assert play(scenario) == ([1, 2], 1)


def test_a_dropped_event_reaches_nobody_though_it_was_published(play):
    async def scenario(stage):
        client = await stage.subscribed()
        rule = stage.plan.drop("deliver", every=3)
        await publish(stage, *range(1, 8))
        assert await received(client, 5) == [1, 2, 4, 5, 7]
        await client.no_event(within=60)
        assert (rule.matched, rule.fired) == (7, 2)
        return len(stage.log)

    assert play(scenario) == 8


def test_a_duplicated_event_arrives_twice_though_it_was_published_once(play):
    async def scenario(stage):
        client = await stage.subscribed()
        stage.plan.duplicate("deliver", nth=2)
        await publish(stage, 1, 2, 3)
        assert await received(client, 4) == [1, 2, 2, 3]
        return len(stage.log)

    assert play(scenario) == 4


@pytest.mark.parametrize("window", [2, 3, 10])
def test_full_windows_arrive_at_once_in_another_order(play, window):
    async def scenario(stage):
        client = await stage.subscribed()
        stage.plan.reorder("deliver", window=window)
        await publish(stage, *range(3 * window))
        events = await received(client, 3 * window)
        assert asyncio.get_running_loop().time() == 0
        return events

    events = play(scenario)
    for first in range(0, 3 * window, window):
        part = events[first : first + window]
        assert sorted(part) == [*range(first, first + window)]
        assert part != sorted(part)


def test_a_window_that_does_not_fill_arrives_after_its_time(play):
    async def scenario(stage):
        client = await stage.subscribed()
        stage.plan.reorder("deliver", window=10, within=0.3)
        await publish(stage, 1, 2)
        await asyncio.sleep(0.2)
        await publish(stage, 3)
        events = await received(client, 3)
        assert sorted(events) == [1, 2, 3]
        assert events != [1, 2, 3]
        return asyncio.get_running_loop().time()

    assert play(scenario) == 0.3


def test_a_window_of_one_event_arrives_after_its_time(play):
    async def scenario(stage):
        client = await stage.subscribed()
        stage.plan.reorder("deliver")
        await publish(stage, 1)
        assert await received(client, 1) == [1]
        return asyncio.get_running_loop().time()

    assert play(scenario) == 0.1


def test_events_that_are_not_reordered_pass_those_that_are(play):
    async def scenario(stage):
        client = await stage.subscribed()
        rule = stage.plan.reorder("deliver", window=3, event="new")
        await publish(stage, 1, 2)
        await publish(stage, 3, event="other")
        assert await received(client, 1) == [3]
        rule.heal()
        assert await received(client, 2) == [2, 1]

    play(scenario)


def test_damaged_events_never_arrive_as_they_were_and_wsrpc_counts_those_it_ignores(play):
    async def scenario(stage):
        client = await stage.subscribed()
        told = []
        original = {"price": 12, "item": "pen"}
        with failures.listen(told.append):
            rule = stage.plan.corrupt("deliver")
            for _ in range(40):
                await stage.backend.publish("orders", "new", original)
                assert not stage.plan.damaging
            assert not client.closed
            ignored = stage.backend.channels.ignored
            events = [await client.next_event() for _ in range(40 - ignored)]
        assert rule.fired == 40
        assert original == {"price": 12, "item": "pen"}
        assert all(stage.plan.explains(failure) is False for failure in told)
        assert len(told) == ignored
        return {(event.event, json.dumps(event.data)) for event in events}

    assert play(scenario) == {
        ("", '{"price": 12, "item": "pen"}'),
        ("new", "null"),
        ("new", '{"price": 12}'),
    }


def test_what_wsrpc_reports_of_a_damaged_event_is_explained_while_it_is_reported(play):
    async def scenario(stage):
        explained = []
        stage.plan.corrupt("deliver", channel="orders")
        with failures.listen(lambda failure: explained.append(stage.plan.explains(failure))):
            await publish(stage, *range(20))
            assert explained
            assert all(explained)
            explained.clear()
            await stage.backend.channels("else", ["no event"])
            assert explained == [False]

    play(scenario)


def test_nothing_arrives_on_a_stalled_channel_until_it_is_healed(play):
    async def scenario(stage):
        client = await stage.subscribed()
        await client.call("subscribe", {"channel": "users"})
        with stage.plan.stall("deliver", channel="orders"):
            await publish(stage, 1, 2)
            await publish(stage, 3, channel="users")
            assert await received(client, 1) == [3]
            await client.no_event(within=3600)
        assert await received(client, 2) == [1, 2]

    play(scenario)


def test_a_stall_of_one_event_holds_all_behind_it(play):
    async def scenario(stage):
        client = await stage.subscribed()
        rule = stage.plan.stall("deliver", nth=2)
        await publish(stage, 1, 2, 3)
        assert await received(client, 1) == [1]
        await client.no_event(within=60)
        rule.heal()
        rule.heal()
        assert await received(client, 2) == [2, 3]
        await publish(stage, 4)
        assert await received(client, 1) == [4]

    play(scenario)


def test_messages_that_are_no_events_pass_the_rules_by_their_channel(play):
    async def scenario(stage):
        named = stage.plan.drop("deliver", event="new")
        all_of_it = stage.plan.corrupt("deliver", channel="orders", optional=True)
        for message in (None, {"event": 7}):
            await stage.backend.channels("orders", message)
        await stage.backend.channels(7, {"event": "new"})
        return named.matched, all_of_it.matched, stage.backend.channels.ignored

    assert play(scenario) == (1, 2, 2)
