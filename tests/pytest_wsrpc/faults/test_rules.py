"""Which matches a rule picks, how rules compose, and when they end."""

import asyncio

import pytest

from pytest_wsrpc.faults import FaultPlan, parse
from wsrpc import CannotPublish


def dropped(play, count=12, **keywords):
    """Return the numbers of the publishes that such a rule drops."""

    async def scenario(stage):
        rule = stage.plan.drop("publish", **keywords)
        for number in range(1, count + 1):
            await stage.backend.publish("orders", "new", number)
        arrived = {int(line.split()[-1]) for line in stage.log}
        assert rule.matched == count
        assert rule.fired == count - len(arrived)
        return [number for number in range(1, count + 1) if number not in arrived]

    return play(scenario)


@pytest.mark.parametrize(
    ("keywords", "numbers"),
    [
        ({}, [*range(1, 13)]),
        ({"nth": 3}, [3]),
        ({"every": 5}, [5, 10]),
        ({"times": 2}, [1, 2]),
        ({"every": 4, "times": 2}, [4, 8]),
        ({"probability": 1}, [*range(1, 13)]),
        ({"nth": None, "every": None, "times": None, "probability": None}, [*range(1, 13)]),
    ],
)
def test_a_rule_picks_its_matches_by_number(play, keywords, numbers):
    assert dropped(play, **keywords) == numbers


def test_a_probability_picks_about_its_share_and_times_counts_only_those(play):
    assert 250 < len(dropped(play, 1000, probability=0.3)) < 350
    assert len(dropped(play, 1000, probability=0.3, times=7)) == 7


@pytest.mark.parametrize(
    ("keywords", "matched"),
    [
        ({"channel": "orders"}, 2),
        ({"channel": None, "event": None}, 4),
        ({"channel": "orders*"}, 3),
        ({"channel": "[!o]*"}, 1),
        ({"event": "new"}, 2),
        ({"event": ""}, 1),
        ({"channel": "orders", "event": "new"}, 1),
        ({"channel": "Orders"}, 0),
    ],
)
def test_globs_of_channel_and_event_both_have_to_match(play, keywords, matched):
    async def scenario(stage):
        rule = stage.plan.drop("publish", **keywords)
        await stage.backend.publish("orders", "new", 1)
        await stage.backend.publish("orders", "", 2)
        await stage.backend.publish("orders.eu", "old", 3)
        await stage.backend.publish("users", "new", 4)
        return rule.matched

    assert play(scenario) == matched


def test_names_are_found_in_keyword_arguments_and_others_match_no_glob(play):
    async def scenario(stage):
        rule = stage.plan.drop("publish", channel="orders", event="new")
        some = stage.plan.drop("publish")
        await stage.backend.publish(body=1, event="new", channel="orders")
        await stage.backend.publish(["orders"], None, 1)
        return rule.fired, some.matched

    assert play(scenario) == (1, 2)


def test_rules_act_in_the_order_in_which_they_were_made(play):
    async def scenario(stage):
        stage.plan.latency("publish", 2)
        stage.plan.error("publish", CannotPublish)
        with pytest.raises(CannotPublish):
            await stage.backend.publish("orders", "", 1)
        return asyncio.get_running_loop().time()

    assert play(scenario) == 2


def test_a_rule_behind_one_that_ends_it_matches_and_does_not_fire(play):
    async def scenario(stage):
        first = stage.plan.drop("publish", nth=1)
        second = stage.plan.duplicate("publish")
        for number in (1, 2):
            await stage.backend.publish("orders", "", number)
        assert (first.matched, first.fired) == (2, 1)
        assert (second.matched, second.fired) == (2, 1)
        return stage.log

    assert play(scenario) == ["0 publish orders  2"] * 2


def test_effects_on_one_message_add_up(play):
    async def scenario(stage):
        client = await stage.subscribed()
        stage.plan.duplicate("deliver")
        stage.plan.duplicate("deliver")
        stage.plan.latency("deliver", 1)
        await stage.backend.publish("orders", "", 1)
        return [(await client.next_event(timeout=2)).data for _ in range(4)]

    assert play(scenario) == [1] * 4


def test_latencies_of_one_publish_add_up_and_keep_the_order(play):
    async def scenario(stage):
        stage.plan.latency("publish", 1, event="slow")
        stage.plan.latency("publish", 2)
        await asyncio.gather(
            stage.backend.publish("a", "slow", 1), stage.backend.publish("a", "", 2)
        )
        return stage.log

    assert play(scenario) == ["3 publish a slow 1", "3 publish a  2"]


def test_a_rule_ends_with_its_block(play):
    async def scenario(stage):
        with stage.plan.error("publish", CannotPublish) as rule:
            with pytest.raises(CannotPublish):
                await stage.backend.publish("orders", "", 1)
            assert not rule.healed
        await stage.backend.publish("orders", "", 2)
        assert (rule.healed, rule.matched, rule.fired) == (True, 1, 1)
        assert repr(rule) == "<Rule publish:error=CannotPublish: matched 1, fired 1, healed>"

    play(scenario)


def test_heal_ends_all_rules_and_releases_in_order_what_waits_at_any(play):
    async def scenario(stage):
        client = await stage.subscribed()
        first = stage.plan.stall("deliver", event="b")
        stage.plan.stall("deliver", event="a")
        stage.plan.corrupt("deliver", event="b")
        await stage.backend.publish("orders", "a", 1)
        await stage.backend.publish("orders", "b", 2)
        await stage.backend.publish("orders", "c", 3)
        await client.no_event(within=60)
        stage.plan.heal()
        assert [(await client.next_event()).data for _ in range(3)] == [1, 2, 3]
        assert all(rule.healed for rule in stage.plan.rules)
        later = stage.plan.drop("deliver")
        await stage.backend.publish("orders", "b", 4)
        await client.no_event(within=60)
        assert (first.matched, later.fired) == (1, 1)

    play(scenario)


def test_healing_releases_publishes_that_wait_at_different_rules_in_order(play):
    async def scenario(stage):
        stage.plan.stall("publish", event="b")
        stage.plan.stall("publish", event="a")
        tasks = [
            asyncio.create_task(stage.backend.publish("orders", event, ""))
            for event in ("a", "b", "c")
        ]
        await asyncio.sleep(1)
        stage.plan.heal()
        await stage.backend.publish("orders", "d", "")
        await asyncio.gather(*tasks)
        return [line.split()[3] for line in stage.log]

    assert play(scenario) == ["a", "b", "c", "d"]


def test_healing_a_latency_ends_the_wait_at_once(play):
    async def scenario(stage):
        rule = stage.plan.latency("publish", 1000)
        task = asyncio.create_task(stage.backend.publish("orders", "", 1))
        await asyncio.sleep(1)
        rule.heal()
        await task
        return stage.log

    assert play(scenario) == ["1 publish orders  1"]


def test_rules_may_be_made_before_the_plan_is_attached_and_after(play):
    async def scenario(stage):
        plan = stage.plan
        plan.detach()
        early = plan.drop("publish", nth=1)
        plan.attach([stage.backend])
        plan.attach([stage.backend])
        late = plan.drop("publish", nth=2)
        for number in (1, 2, 3):
            await stage.backend.publish("orders", "", number)
        assert (early.fired, late.fired) == (1, 1)
        return stage.log

    assert play(scenario) == ["0 publish orders  3"]


def test_the_next_example_starts_with_the_kept_rules_anew_and_without_the_others(play):
    async def scenario(stage):
        plan = stage.plan
        own = plan.drop("publish")
        (kept,) = plan.keep(parse("publish:drop,nth=1"), "--wsrpc-faults", optional=True)
        assert plan.rules == (kept, own)
        await stage.backend.publish("orders", "", 1)
        kept.heal()
        plan.restart()
        assert plan.rules == (kept,)
        for number in (2, 3):
            await stage.backend.publish("orders", "", number)
        assert (kept.matched, kept.fired, own.matched) == (3, 2, 1)
        return stage.log

    assert play(scenario) == ["0 publish orders  3"]


def test_the_next_example_draws_the_same(play):
    async def scenario(stage):
        stage.plan.keep(parse("publish:drop,probability=0.5"), "a marker", optional=False)
        runs = []
        for _ in range(2):
            own = stage.plan.drop("publish", probability=0.5)
            for number in range(50):
                await stage.backend.publish("orders", "", number)
            runs.append([line.split()[-1] for line in stage.log])
            stage.backend.log.clear()
            stage.plan.restart()
            assert own not in stage.plan.rules
        return runs

    first, second = play(scenario)
    assert first == second
    assert 0 < len(first) < 50


def test_equal_rules_draw_differently(play):
    async def scenario(stage):
        one, two = (stage.plan.duplicate("publish", probability=0.5) for _ in range(2))
        copies = []
        for number in range(50):
            await stage.backend.publish("orders", "", number)
            copies.append((one.fired, two.fired))
        return copies

    assert any(one != two for one, two in play(scenario))


def test_rules_of_a_schedule_are_optional_unless_told():
    plan = FaultPlan(1, "a test")
    (optional,) = plan.add(*parse("publish:drop"))
    (needed,) = plan.add(*parse("publish:drop"), optional=False)
    (said,) = plan.add(*parse("publish:drop,optional=true"), optional=False)
    assert (optional.optional, needed.optional, said.optional) == (True, False, True)
    assert plan.unused() == [needed]


def test_a_schedule_consists_of_rules_and_not_of_texts():
    with pytest.raises(TypeError, match=r"rules as values.*'publish:drop'"):
        FaultPlan(1, "a test").add("publish:drop")
