"""Faults of the backend's hooks: publish, subscribe and unsubscribe."""

import asyncio
import traceback

import pytest

from wsrpc import BrokerUnavailable, CannotPublish, CannotSubscribe, ConnectionClosed


def test_latency_delays_a_publish_and_its_reply(play):
    async def scenario(stage):
        client = await stage.subscribed()
        stage.plan.latency("publish", 0.2)
        await client.call("publish", {"channel": "orders", "event": "new", "data": 1})
        assert (await client.next_event()).data == 1
        return stage.log, asyncio.get_running_loop().time()

    assert play(scenario) == (["0 subscribe orders", "0.2 publish orders new 1"], 0.2)


def test_jitter_varies_a_latency_and_keeps_the_order_of_a_channel(play):
    async def scenario(stage):
        stage.plan.latency("publish", 0.1, jitter=0.1)
        publishes = [stage.backend.publish("a", "", number) for number in range(50)]
        await asyncio.gather(*publishes, stage.backend.publish("b", "", 50))
        return stage.log

    log = [line.split() for line in play(scenario)]
    times = [float(time) for time, _, channel, *_ in log if channel == "a"]
    assert [line[3] for line in log if line[2] == "a"] == [str(number) for number in range(50)]
    assert len(set(times)) > 1
    assert 0 <= times[0] < times[-1] <= 0.2


def test_one_channel_does_not_wait_for_another(play):
    async def scenario(stage):
        stage.plan.latency("publish", 1, channel="slow")
        slow = asyncio.create_task(stage.backend.publish("slow", "", 1))
        await asyncio.sleep(0)
        await stage.backend.publish("fast", "", 2)
        await slow
        return stage.log

    assert play(scenario) == ["0 publish fast  2", "1 publish slow  1"]


def test_what_no_rule_delays_waits_behind_what_one_does(play):
    async def scenario(stage):
        stage.plan.latency("publish", 1, nth=1)
        await asyncio.gather(*(stage.backend.publish("a", "", number) for number in range(3)))
        return stage.log

    assert play(scenario) == ["1 publish a  0", "1 publish a  1", "1 publish a  2"]


def test_nobody_publishes_between_the_end_of_a_latency_and_the_start_of_who_waited(play):
    async def scenario(stage):
        stage.plan.latency("publish", 1, nth=1)

        async def late(number):
            await asyncio.sleep(1)
            await stage.backend.publish("a", "", number)

        # its timer is set first, so it is awake first
        await asyncio.gather(late(2), stage.backend.publish("a", "", 1))
        return stage.log

    assert play(scenario) == ["1 publish a  1", "1 publish a  2"]


def test_an_error_answers_the_publish_and_never_reaches_the_backend(play):
    async def scenario(stage):
        client = await stage.subscribed()
        rule = stage.plan.error("publish", CannotPublish, times=1)
        with pytest.raises(CannotPublish):
            await client.call("publish", {"channel": "orders", "data": 1})
        await client.call("publish", {"channel": "orders", "data": 2})
        assert (await client.next_event()).data == 2
        assert (rule.matched, rule.fired) == (2, 1)
        return stage.log

    assert play(scenario) == ["0 subscribe orders", "0 publish orders  2"]


def test_an_error_says_which_rule_raised_it(play):
    async def scenario(stage):
        stage.plan.error("publish", ConnectionError, every=2)
        await stage.backend.publish("a", "", 1)
        with pytest.raises(ConnectionError) as caught:
            await stage.backend.publish("a", "", 2)
        return caught.value.__notes__

    (note,) = play(scenario)
    assert note.startswith("raised by the fault publish:error=ConnectionError,every=2 (test_hooks.")
    assert note.endswith("), match 2, seed 7")


def test_an_instance_is_raised_as_a_copy_each_time(play):
    async def scenario(stage):
        cause = KeyError("cause")
        error = BrokerUnavailable("gone")
        error.__cause__ = cause
        stage.plan.error("publish", error)
        caught = []
        for _ in range(2):
            with pytest.raises(BrokerUnavailable, match="gone") as info:
                await stage.backend.publish("a", "", 1)
            caught.append(info.value)
        assert len({id(one) for one in (error, *caught)}) == 3
        assert all(one.__cause__ is cause and len(one.__notes__) == 1 for one in caught)
        assert not hasattr(error, "__notes__")

    play(scenario)


def test_an_error_shows_neither_what_was_being_handled_nor_the_harness(play):
    async def scenario(stage):
        stage.plan.error("publish", KeyError("orders"))
        try:
            raise ValueError("another")
        except ValueError:
            with pytest.raises(KeyError) as caught:
                await stage.backend.publish("orders", "", 1)
        assert "another" not in "".join(traceback.format_exception(caught.value))
        visible = [entry for entry in caught.traceback if not entry.ishidden(None)]
        return [entry.path.name for entry in visible]

    assert play(scenario) == ["test_hooks.py"]


class Picky(Exception):
    """It cannot be copied, as its arguments are not what __init__ takes."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def test_an_instance_that_cannot_be_copied_is_raised_itself_with_one_note(play):
    async def scenario(stage):
        stage.plan.error("publish", Picky(1, 2))
        for _ in range(2):
            with pytest.raises(Picky, match="1 and 2") as info:
                await stage.backend.publish("a", "", 1)
        assert len(info.value.__notes__) == 1

    play(scenario)


def test_a_cancellation_as_an_error_answers_the_call_and_cancels_nobody(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.error("publish", asyncio.CancelledError)
        reply = await client.request("publish", {"channel": "orders", "data": 1})
        assert reply["error"]["code"] == -32603
        assert not client.closed

    play(scenario)


def test_a_dropped_publish_succeeds_and_arrives_nowhere(play):
    async def scenario(stage):
        client = await stage.subscribed()
        stage.plan.drop("publish", event="new")
        await client.call("publish", {"channel": "orders", "event": "new", "data": 1})
        await client.call("publish", {"channel": "orders", "event": "old", "data": 2})
        assert (await client.next_event()).data == 2
        await client.no_event(within=60)
        return stage.log

    assert play(scenario) == ["0 subscribe orders", "0 publish orders old 2"]


def test_a_duplicated_publish_reaches_the_backend_and_the_client_twice(play):
    async def scenario(stage):
        client = await stage.subscribed()
        stage.plan.duplicate("publish")
        await client.call("publish", {"channel": "orders", "data": 1})
        assert [(await client.next_event()).data for _ in range(2)] == [1, 1]
        await client.no_event(within=60)
        return stage.log

    assert play(scenario) == ["0 subscribe orders", *["0 publish orders  1"] * 2]


def test_a_stalled_publish_goes_on_when_healed_and_in_order(play):
    async def scenario(stage):
        client = await stage.subscribed()
        rule = stage.plan.stall("publish", channel="orders")
        calls = [
            asyncio.create_task(
                client.call("publish", {"channel": "orders", "data": number}, timeout=None)
            )
            for number in range(3)
        ]
        await client.no_event(within=30)
        assert not any(call.done() for call in calls)
        rule.heal()
        await asyncio.gather(*calls)
        assert [(await client.next_event()).data for _ in range(3)] == [0, 1, 2]
        return stage.log[1:]

    assert play(scenario) == [f"30 publish orders  {number}" for number in range(3)]


def test_a_handler_in_a_stalled_publish_times_out_and_the_next_one_goes_on(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.stall("publish", nth=1)
        stalled = asyncio.create_task(
            client.request("tell", {"channel": "orders", "count": 1}, timeout=100)
        )
        await asyncio.sleep(1)
        behind = asyncio.create_task(stage.backend.publish("orders", "", "behind"))
        reply = await stalled
        assert reply["error"]["message"] == "Timed out"
        await behind
        return stage.log

    assert play(scenario) == ["60 publish orders  behind"]


def test_a_client_that_leaves_ends_its_handler_in_a_stalled_publish(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.stall("publish")
        call = asyncio.create_task(client.call("tell", {"channel": "orders", "count": 1}))
        await asyncio.sleep(1)
        await client.close()
        with pytest.raises(ConnectionClosed):
            await call
        await asyncio.sleep(1)
        assert not stage.plan.running
        return stage.log

    assert play(scenario) == []


def test_a_failing_subscription_is_refused_and_the_next_one_reaches_the_backend(play):
    async def scenario(stage):
        client = await stage.connect()
        stage.plan.error("subscribe", CannotSubscribe, channel="ord*", nth=1)
        with pytest.raises(CannotSubscribe):
            await client.call("subscribe", {"channel": "orders"})
        assert not stage.backend.server_info()["channels"]
        await client.call("subscribe", {"channel": "orders"})
        return stage.log

    assert play(scenario) == ["0 subscribe orders"]


def test_a_late_subscription_is_acknowledged_late(play):
    async def scenario(stage):
        stage.plan.latency("subscribe", 2)
        await stage.subscribed()
        return stage.log, asyncio.get_running_loop().time()

    assert play(scenario) == (["2 subscribe orders"], 2)


def test_a_dropped_subscription_is_acknowledged_and_unknown_to_the_backend(play):
    async def scenario(stage):
        stage.plan.drop("subscribe")
        await stage.subscribed()
        assert stage.backend.server_info()["channels"] == {"orders": {"*": 1}}
        return stage.log

    assert play(scenario) == []


def test_a_duplicated_subscription_is_made_twice_at_the_backend(play):
    async def scenario(stage):
        stage.plan.duplicate("subscribe")
        await stage.subscribed()
        return stage.log

    assert play(scenario) == ["0 subscribe orders"] * 2


def test_a_stalled_subscription_is_acknowledged_when_healed(play):
    async def scenario(stage):
        with stage.plan.stall("subscribe"):
            client = await stage.connect()
            call = asyncio.create_task(client.call("subscribe", {"channel": "orders"}))
            await asyncio.sleep(4)
            assert not call.done()
        await call
        return stage.log

    assert play(scenario) == ["4 subscribe orders"]


def test_a_failing_unsubscription_is_tried_again(play):
    async def scenario(stage):
        client = await stage.subscribed()
        rule = stage.plan.error("unsubscribe", ConnectionError, times=2)
        assert await client.call("unsubscribe", {"channel": "orders"}) == {"subscribed": {}}
        await asyncio.sleep(10)
        assert (rule.matched, rule.fired) == (3, 2)
        return [line.split(" ", 1)[1] for line in stage.log]

    assert play(scenario) == ["subscribe orders", "unsubscribe orders"]


@pytest.mark.parametrize("effect", ["latency", "drop", "duplicate", "stall"])
def test_each_other_effect_on_an_unsubscription(play, effect):
    async def scenario(stage):
        client = await stage.subscribed()
        rule = (
            stage.plan.latency("unsubscribe", 3)
            if effect == "latency"
            else getattr(stage.plan, effect)("unsubscribe")
        )
        call = asyncio.create_task(client.call("unsubscribe", {"channel": "orders"}))
        await asyncio.sleep(4)
        if effect == "stall":
            assert not call.done()
            rule.heal()
        await call
        return stage.log[1:], asyncio.get_running_loop().time()

    assert (
        play(scenario)
        == {
            "latency": (["3 unsubscribe orders"], 4),
            "drop": ([], 4),
            "duplicate": (["0 unsubscribe orders"] * 2, 4),
            "stall": (["4 unsubscribe orders"], 4),
        }[effect]
    )
