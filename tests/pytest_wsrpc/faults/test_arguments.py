"""A mistake in Python is an error at its line, which names the argument and what is allowed."""

import math
import traceback

import pytest
from aiohttp import web

from pytest_wsrpc.faults import FaultPlan
from wsrpc import CannotPublish, RpcError


@pytest.fixture
def ws_faults():
    return FaultPlan(7, "a test")


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda f: f.drop("publsh"), ValueError, "no point 'publsh'; did you mean 'publish'"),
        (lambda f: f.drop(3), TypeError, "point must be one of 'publish', .*'reply', got 3"),
        (
            lambda f: f.error("deliver", KeyError),
            ValueError,
            "'error' is not possible at 'deliver'",
        ),
        (lambda f: f.reorder("call"), ValueError, "not possible at 'call': .* at 'reply'"),
        (lambda f: f.corrupt("subscribe"), ValueError, "there is no message to damage"),
        (
            lambda f: f.drop("publish", chanel="x"),
            TypeError,
            "there is no 'chanel'; did you mean 'channel'.*\n"
            "publish:drop takes channel, event, nth, every, times, probability, optional",
        ),
        (lambda f: f.drop("call", channel="x"), TypeError, "'call' does not take 'channel'"),
        (lambda f: f.drop("call", method=3), TypeError, "method must be a name or a glob, got 3"),
        (lambda f: f.drop("call", method="[a"), ValueError, "method is no glob: the \\["),
        (lambda f: f.latency("publish", "1s"), TypeError, "seconds must be a number.*'1s'"),
        (lambda f: f.latency("publish", True), TypeError, "seconds must be a number.*True"),
        (lambda f: f.latency("publish", -1), ValueError, "seconds must be .* at least 0, got -1"),
        (lambda f: f.latency("publish", math.nan), ValueError, "seconds must be .*got nan"),
        (lambda f: f.latency("publish", 1, jitter=-1), ValueError, "jitter must be"),
        (lambda f: f.latency("publish", 1, jitter=math.inf), ValueError, "jitter must be"),
        (lambda f: f.reorder("deliver", window=1), ValueError, "window must be at least 2, got 1"),
        (lambda f: f.reorder("deliver", window=None), TypeError, "window must be an integer"),
        (lambda f: f.reorder("deliver", within="1s"), TypeError, "within must be a number"),
        (lambda f: f.drop("publish", nth=0), ValueError, "nth must be at least 1, got 0"),
        (lambda f: f.drop("publish", nth=True), TypeError, "nth must be an integer, got True"),
        (lambda f: f.drop("publish", every=1.5), TypeError, "every must be an integer, got 1.5"),
        (lambda f: f.drop("publish", times=-1), ValueError, "times must be at least 1"),
        (lambda f: f.drop("publish", nth=1, every=1), ValueError, "give one of them"),
        (lambda f: f.drop("publish", probability=0), ValueError, "more than 0 and at most 1"),
        (lambda f: f.drop("publish", probability=math.nan), ValueError, "more than 0"),
        (lambda f: f.drop("publish", probability=True), TypeError, "probability must be a number"),
        (lambda f: f.drop("publish", optional=1), TypeError, "optional must be True or False"),
        (lambda f: f.error("publish", "KeyError"), TypeError, "'KeyError' is no exception"),
        (lambda f: f.error("publish", int), TypeError, "<class 'int'> is no exception"),
        (lambda f: f.error("publish", SystemExit), TypeError, "would end the test run"),
        (lambda f: f.error("publish", RpcError), ValueError, "RpcError cannot be raised without"),
        (
            lambda f: f.error("call", web.HTTPFound),
            ValueError,
            r"HTTPFound cannot.*\n.*\n.*instance",
        ),
    ],
)
def test_mistakes(ws_faults, make, error, text):
    with pytest.raises(error, match=rf"(?s)^ws_faults\.\w+: .*{text}"):
        make(ws_faults)
    assert ws_faults.rules == ()


def test_a_mistake_points_at_the_line_of_the_test(ws_faults):
    with pytest.raises(ValueError) as caught:
        ws_faults.error("reply", CannotPublish)
    shown = [entry for entry in caught.traceback if not entry.ishidden(None)]
    assert [entry.path.name for entry in shown][-1] == "test_arguments.py"
    assert "Mistake" not in "".join(traceback.format_exception(caught.value))


def test_a_rule_knows_the_line_that_made_it(ws_faults):
    rule = ws_faults.drop("publish")
    with ws_faults.stall("deliver") as other:
        pass
    name, line = rule.place.split(":")
    assert name == "test_arguments.py"
    assert other.place == f"{name}:{int(line) + 1}"
