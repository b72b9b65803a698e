"""What is said of rules: which were never of use, and what all of them did."""

import re

import pytest

from pytest_wsrpc.faults import FaultPlan, parse, verdict
from pytest_wsrpc.faults.table import legend


def stable(text):
    return re.sub(r"test_report\.py:\d+", "test_report.py:0", text)


def verdict_of(plan):
    return stable(verdict(plan.unused(), attached=plan.was_attached))


def test_rules_that_matched_nothing_and_what_there_was_instead(play):
    async def scenario(stage):
        plan = stage.plan
        plan.drop("publish", channel="order", event="n*")
        plan.error("call", KeyError, method="ad")
        plan.drop("unsubscribe")
        plan.drop("publish", channel="nowhere", optional=True)
        plan.drop("publish", probability=0.001)
        await stage.backend.publish("users", "new", 1)
        client = await stage.connect()
        for number in range(2):
            await client.call("add", {"a": number})
            await stage.backend.publish("orders", "new", number)
        return verdict_of(plan)

    assert (
        play(scenario)
        == """\
3 fault rules never matched:

  publish:drop,channel=order,event=n*   (test_report.py:0)
    publish happened 3 times meanwhile:
      channel 'orders', event 'new' (2 times)
      channel 'users', event 'new'

  call:error=KeyError,method=ad   (test_report.py:0)
    call happened 2 times meanwhile:
      method 'add' (2 times)

  unsubscribe:drop   (test_report.py:0)
    unsubscribe: nothing happened there meanwhile

Change or remove what strikes nothing, or pass optional=True."""
    )


def test_much_that_did_not_match_is_cut(play):
    async def scenario(stage):
        stage.plan.drop("publish", channel="orders")
        for number in range(300):
            await stage.backend.publish(f"users{number % 150}", "", number)
        return verdict_of(stage.plan)

    assert (
        play(scenario)
        == """\
1 fault rule never matched:

  publish:drop,channel=orders   (test_report.py:0)
    publish happened 300 times meanwhile, among others:
      channel 'users0' (2 times)
      channel 'users1' (2 times)
      channel 'users2' (2 times)
      channel 'users3' (2 times)
      channel 'users4' (2 times)

Change or remove what strikes nothing, or pass optional=True."""
    )


def test_one_that_did_not_match_once(play):
    async def scenario(stage):
        stage.plan.drop("deliver", channel="orders")
        await stage.backend.publish("users", "", 1)
        return verdict_of(stage.plan)

    assert "deliver happened once meanwhile:\n      channel 'users'\n" in play(scenario)


def test_rules_without_an_application():
    plan = FaultPlan(7, "a test")
    plan.drop("publish")
    assert (
        verdict_of(plan)
        == """\
1 fault rule never matched:

  publish:drop   (test_report.py:0)
    no application ran: faults strike what ws_client and ws_connect are connected to

Change or remove what strikes nothing, or pass optional=True."""
    )


def test_a_place_in_the_source_is_of_use_if_it_matched_in_any_example(play):
    async def scenario(stage):
        plan = stage.plan
        (kept,) = plan.keep(parse("deliver:drop"), "@pytest.mark.wsrpc", optional=False)
        for number in range(3):
            plan.drop("publish", channel=f"orders{number}")
            plan.drop("publish", channel=f"users{number}")
            plan.drop("publish", channel=f"users{number}", optional=True)
            if number == 1:
                await stage.backend.publish("orders1", "", 1)
            plan.restart()
        unused = plan.unused()
        assert kept in unused
        return [str(rule.spec) for rule in unused]

    assert play(scenario) == ["publish:drop,channel=users0", "deliver:drop"]


def test_within_one_example_each_rule_counts(play):
    async def scenario(stage):
        for name in ("orders", "users"):
            stage.plan.drop("publish", channel=name)
        await stage.backend.publish("orders", "", 1)
        return [str(rule.spec) for rule in stage.plan.unused()]

    assert play(scenario) == ["publish:drop,channel=users"]


def test_the_summary_tells_what_each_rule_did_and_how_to_see_it_again(play):
    async def scenario(stage):
        plan = stage.plan
        assert plan.summary() == []
        plan.keep(parse("publish:duplicate,times=1"), "--wsrpc-faults", optional=True)
        with plan.latency("publish", 0.05, event="new"):
            for number in range(3):
                await stage.backend.publish("orders", "new", number)
        return stable("\n".join(plan.summary()))

    assert (
        play(scenario)
        == """\
publish:duplicate,times=1       matched 3, fired 1  (--wsrpc-faults)
publish:latency=50ms,event=new  matched 3, fired 3, healed  (test_report.py:0)
the same faults again: --wsrpc-seed 7"""
    )


def test_each_rule_that_takes_effect_is_told(play):
    async def scenario(stage):
        stage.plan.drop("publish", nth=2)
        for number in range(3):
            await stage.backend.publish("orders", "new", number)
        return stage.told

    assert play(scenario) == ["publish:drop,nth=2 (channel 'orders', event 'new')"]


def test_nobody_has_to_be_told(play):
    async def scenario(stage):
        stage.plan._on_fired = None
        rule = stage.plan.drop("publish")
        await stage.backend.publish("orders", "new", 1)
        return rule.fired

    assert play(scenario) == 1


def test_a_failure_that_the_test_injected_and_no_handler_can_prevent_is_explained(play):
    from wsrpc import failures

    async def scenario(stage):
        told = []
        client = await stage.subscribed()
        stage.plan.error("unsubscribe", ConnectionError, times=1)
        stage.plan.error("publish", ConnectionError, nth=1)
        stage.plan.error("publish", RuntimeError, nth=2)
        stage.plan.error("call", RuntimeError, method="add")
        with failures.listen(told.append):
            await client.call("unsubscribe", {"channel": "orders"})
            await client.request("publish", {"channel": "orders", "data": 1})
            await client.request("publish", {"channel": "orders", "data": 1})
            await client.request("add", {"a": 1, "b": 2})
        return [(failure.where, stage.plan.explains(failure)) for failure in told]

    assert play(scenario) == [
        ("hook unsubscribe", True),
        ("call publish", True),
        ("call publish", False),
        ("call add", True),
    ]


@pytest.mark.parametrize("line", ["publish      latency", "  for channel, event\n"])
def test_the_legend_is_a_table(line):
    assert line in legend()
    assert max(map(len, legend().splitlines())) <= 100


def test_a_plan_shows_its_rules():
    plan = FaultPlan(7, "a test")
    assert repr(plan) == "<FaultPlan: no rules; seed 7>"
    plan.add(*parse("publish:drop,nth=1; deliver:stall"))
    assert repr(plan) == "<FaultPlan: publish:drop,nth=1; deliver:stall; seed 7>"
