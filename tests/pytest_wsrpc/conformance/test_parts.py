"""The parts of the suite that no broker reaches, or none alone."""

from __future__ import annotations

import pytest

from pytest_wsrpc.conformance import reruns
from pytest_wsrpc.conformance.clauses import CLAUSES, ConformanceError
from pytest_wsrpc.conformance.memory import remembered
from pytest_wsrpc.conformance.nodes import running
from pytest_wsrpc.conformance.offsets import Offsets
from pytest_wsrpc.conformance.reruns import Reruns
from wsrpc import LocalBroker


def test_a_failure_says_what_is_promised_expected_and_got():
    error = ConformanceError("once", "client 0", "it once", "it twice")
    assert str(error) == (
        f"the broker breaks the clause 'once':\n  {CLAUSES['once']}\n"
        "client 0: expected it once\ngot it twice"
    )


class Player:
    """Fails as often as it is told to, and counts."""

    def __init__(self, *failing):
        self.failing = failing
        self.played = 0

    async def __call__(self):
        self.played += 1
        if self.played in self.failing:
            raise AssertionError(self.played)


async def test_an_example_that_failed_fails_again_without_being_played():
    play, memory = Player(1), Reruns()
    for _ in range(3):
        with pytest.raises(AssertionError, match="1"):
            await memory.run([1], play)
    assert play.played == 1


async def test_other_examples_are_played_until_shrinking_has_taken_its_time(monkeypatch):
    play, memory = Player(2, 3), Reruns()
    await memory.run(["passes"], play)
    for example in ("fails", "fails too"):
        with pytest.raises(AssertionError):
            await memory.run([example], play)
    monkeypatch.setattr(reruns.time, "monotonic", lambda: float("inf"))
    await memory.run(["is not played"], play)
    assert play.played == 3


@pytest.mark.parametrize(
    "message",
    [
        {"event": "a", "data": 1},
        {"event": "a", "data": 1, "offset": 3},
        {"event": "a", "data": 2, "offset": 4},
    ],
    ids=["none", "that-of-the-reply", "that-of-another-event"],
)
def test_an_offset_belongs_to_one_event_behind_the_reply(message):
    offsets = Offsets(has_history=True)
    for name in ("one", "other"):
        reply = {"response": {"positions": {"x": {"epoch": "e", "offset": 3}}}}
        offsets.replied(name, "x", reply)
    offsets.received("one", {"channel": "x", "event": "a", "data": 1, "offset": 4})
    offsets.received("one", {"channel": "x", "event": "wsrpc.position", "data": {}})
    with pytest.raises(ConformanceError) as raised:
        offsets.received("other", {"channel": "x", **message})
    assert raised.value.clause == "offsets"


async def test_what_makes_a_broker_may_be_a_coroutine_function():
    async def make():
        return LocalBroker()

    async with running(make, 1, 1.0) as [node]:
        assert type(node.broker) is LocalBroker


async def test_what_a_broker_raises_when_it_starts_is_raised():
    class Refused(LocalBroker):
        async def start(self, app=None):
            raise TimeoutError("no backend")

    with pytest.raises(TimeoutError, match="no backend"):
        async with running(Refused, 1, 1.0):
            pass


async def test_something_else_than_a_broker_is_refused():
    with pytest.raises(TypeError, match="it made 'a broker'"):
        async with running(lambda: "a broker", 1, 1.0):
            pass


def test_a_name_is_found_wherever_it_is_but_in_long_texts():
    broker = LocalBroker()
    broker.names = {"x-1": [b"prefix:x-2"], "long": "x-3" * 1000}
    found = remembered(broker, ["x-1", "x-2", "x-3"])
    assert set(found) == {"x-1", "x-2"}
    assert found["x-2"].startswith("LocalBroker.names (dict)")


def test_a_class_without_a_broker_is_told_what_to_define(pytester):
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(
        """
        from pytest_wsrpc import BrokerConformance

        class TestNothing(BrokerConformance):
            pass
        """
    )
    run = pytester.runpytest_inprocess("-k", "sequences or burst", "-p", "no:randomly")
    run.stdout.fnmatch_lines(["TestNothing does not say which broker to test: define the fixture*"])
    assert run.parseoutcomes().keys() == {"errors", "deselected"}
