"""The same seed gives the same run; another seed, another one."""

import asyncio

import pytest

from pytest_wsrpc.faults import parse

RULES = """
    publish:latency=50ms,jitter=40ms
    publish:error=CannotPublish,probability=0.2
    publish:duplicate,every=7
    deliver:latency=10ms,jitter=10ms,probability=0.5
    deliver:drop,probability=0.1
    deliver:corrupt,probability=0.2
    deliver:reorder,window=4,within=20ms
    call:latency=5ms,jitter=5ms,method=add
    call:error=Forbidden,method=add,probability=0.2
    reply:reorder,window=3,probability=0.5
    reply:corrupt,method=add,probability=0.2
    reply:duplicate,probability=0.1
"""


async def conversation(stage):
    """Return all that three clients and the backend see under rules of every kind."""
    clients = [await stage.connect(f"client {number}") for number in range(3)]
    for client in clients:
        await client.call("subscribe", {"channel": "orders"})
    stage.plan.add(*parse(RULES))

    async def talk(client):
        for number in range(8):
            await client.send_json({"id": number, "method": "add", "payload": {"a": number}})
            await client.send_json(
                {
                    "id": f"p{number}",
                    "method": "publish",
                    "payload": {"channel": "orders", "event": "new", "data": {"number": number}},
                }
            )
            await asyncio.sleep(0.03)

    await asyncio.gather(*map(talk, clients))
    await asyncio.sleep(30)
    counts = [(rule.matched, rule.fired) for rule in stage.plan.rules]
    return stage.log, stage.told, counts, [client.unread for client in clients]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run_a_hundred_times(play):
    first = play(conversation, seed=7)
    assert all(fired for _, fired in first[2])
    for _ in range(99):
        assert play(conversation, seed=7) == first


def test_another_seed_gives_another_run(play):
    runs = [play(conversation, seed=seed) for seed in (7, 8, 9)]
    assert runs[0] != runs[1] != runs[2] != runs[0]


def test_what_a_rule_draws_does_not_depend_on_the_arguments_of_its_exception(play):
    def scenario(error):
        async def with_error(stage):
            stage.plan.error("publish", error, probability=0.5)
            failed = []
            for number in range(20):
                try:
                    await stage.backend.publish("orders", "", number)
                except ValueError:
                    failed.append(number)
            return failed

        return with_error

    assert play(scenario(ValueError("one"))) == play(scenario(ValueError(object())))
