"""Fault schedules as a strategy: legal, readable, and small when they have shrunk."""

import pytest
from hypothesis import find, given
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.faults import EFFECTS, FaultPlan, Spec


@pytest.mark.slow
@given(ws.faults())
def test_schedules_are_rules_that_a_plan_takes_and_none_draws_or_stalls(schedule):
    assert isinstance(schedule, tuple)
    assert len(schedule) <= 3
    for spec in schedule:
        assert isinstance(spec, Spec)
        assert spec.effect in EFFECTS[spec.point]
        assert spec.effect != "stall"
        assert spec.probability is None
    assert all(rule.optional for rule in FaultPlan(1, "a test").add(*schedule))


@given(ws.faults(points=["publish", "deliver"], effects={"drop", "stall"}, max_rules=1))
def test_points_and_effects_can_be_chosen(schedule):
    assert len(schedule) <= 1
    for spec in schedule:
        assert spec.point in ("publish", "deliver")
        assert spec.effect in ("drop", "stall")


@pytest.mark.parametrize(
    ("point", "effect"), [(point, effect) for point in EFFECTS for effect in EFFECTS[point]]
)
def test_every_effect_can_come_at_every_point_where_it_is_possible(point, effect):
    schedule = find(ws.faults(points=[point], effects=[effect]), bool)
    assert [(spec.point, spec.effect) for spec in schedule] == [(point, effect)]


def test_what_needs_no_fault_shrinks_to_none():
    assert find(ws.faults(), lambda schedule: True) == ()


def test_a_schedule_shrinks_to_the_rule_that_matters():
    schedule = find(
        ws.faults(max_rules=5),
        lambda schedule: any(
            spec.point == "deliver" and spec.effect == "drop" and (spec.nth or 0) >= 2
            for spec in schedule
        ),
    )
    assert repr(schedule) == "(deliver:drop,nth=2,)"


def test_a_schedule_shrinks_together_with_what_fails_under_it():
    def lost(drawn):
        schedule, events = drawn
        drops = [spec for spec in schedule if (spec.point, spec.effect) == ("deliver", "drop")]
        return any(spec.nth == number for spec in drops for number, _ in enumerate(events, 1))

    found = find(st.tuples(ws.faults(), st.lists(st.integers())), lost)
    assert repr(found) == "((deliver:drop,nth=1,), [0])"


def test_its_repr_says_what_was_asked_for():
    assert repr(ws.faults()) == "faults()"
    assert repr(ws.faults(points=["deliver"])) == "faults(points=['deliver'])"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"points": "publish"}, "points must be names such as"),
        ({"points": []}, "points must be names such as"),
        ({"points": 3}, "points must be names such as"),
        ({"points": ["publsh"]}, "points: there is no 'publsh'; did you mean 'publish'"),
        ({"effects": ["lose"]}, "effects: there is no 'lose'.*known are latency, error, drop"),
        (
            {"points": ["publish"], "effects": ["corrupt"]},
            "none of the effects corrupt is possible",
        ),
        ({"max_rules": 0}, "max_rules must be an integer of at least 1, got 0"),
        ({"max_rules": 1.0}, "max_rules must be an integer"),
    ],
)
def test_mistakes(arguments, text):
    with pytest.raises(InvalidArgument, match=text):
        find(ws.faults(**arguments), bool)
