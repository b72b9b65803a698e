"""The order of events, and what faults excuse."""

from pytest_wsrpc.model import Tolerance

from .conftest import Story, broken


def test_events_come_in_the_order_in_which_they_were_answered(story):
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "tick", 1)
    story.publish("carl", "news", "tick", 2)
    story.receive("anna", "news", "tick", 2)
    with broken("order"):
        story.receive("anna", "news", "tick", 1)


def test_events_of_one_connection_come_in_the_order_in_which_they_were_sent(story):
    story.subscribe("anna", "news", "*")
    story.model.publishing("bert", "news", "tick", 1)
    story.model.publishing("bert", "news", "tick", 2)
    story.receive("anna", "news", "tick", 2)
    with broken("order"):
        story.receive("anna", "news", "tick", 1)


def test_events_that_overlap_come_in_any_order_but_everywhere_in_the_same(story):
    for who in ("anna", "bert", "carl"):
        story.subscribe(who, "news", "*")
    story.model.publishing("dora", "news", "tick", 1)
    story.model.publishing("emil", "news", "tick", 2)
    for who in ("anna", "bert"):
        story.receive(who, "news", "tick", 2)
        story.receive(who, "news", "tick", 1)
    story.receive("carl", "news", "tick", 1)
    with broken("order"):
        story.receive("carl", "news", "tick", 2)


def test_an_order_may_contradict_itself_through_several_connections(story):
    for who in ("anna", "bert", "carl"):
        story.subscribe(who, "news", "*")
    for number, who in enumerate(("dora", "emil", "fred")):
        story.model.publishing(who, "news", "tick", number)
    for who, first, second in (("anna", 1, 0), ("bert", 2, 1)):
        story.receive(who, "news", "tick", first)
        story.receive(who, "news", "tick", second)
    story.receive("carl", "news", "tick", 0)
    with broken("order"):
        story.receive("carl", "news", "tick", 2)


def test_channels_have_orders_of_their_own(story):
    story.subscribe("anna", "news", "*")
    story.subscribe("anna", "sports", "*")
    story.publish("bert", "news", "tick", 1)
    story.publish("bert", "sports", "tick", 2)
    story.receive("anna", "sports", "tick", 2)
    story.receive("anna", "news", "tick", 1)


def test_events_that_are_alike_are_counted(story):
    story.publish("bert", "news", "tick")
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "tick")
    story.publish("bert", "news", "tock")
    story.receive("anna", "news", "tick")
    story.receive("anna", "news", "tock")
    story.model.settled()
    story.receive("anna", "news", "tick")
    with broken("once"):
        story.receive("anna", "news", "tick")


def test_where_the_order_leaves_a_choice_any_is_right(story):
    story.subscribe("anna", "news", "*")
    story.model.publishing("dora", "news", "tick", 0)
    for number in (1, 2, 3, 4):
        story.model.publishing("bert", "news", "tick", number)
    for number in (1, 0, 2, 3, 4):
        story.receive("anna", "news", "tick", number)


def test_a_fault_that_loses_events_makes_them_optional(story):
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "tick", 1)
    story.model.tolerate(Tolerance(loss=True))
    story.publish("bert", "news", "tick", 2)
    story.model.heal()
    story.model.settled()
    story.publish("bert", "news", "tick", 3)
    with broken("missing"):
        story.model.settled()


def test_a_fault_that_repeats_events_lets_them_come_again_and_late(story):
    story.subscribe("anna", "news", "*")
    story.model.tolerate(Tolerance(repeats=True))
    story.publish("bert", "news", "tick", 1)
    story.publish("bert", "news", "tick", 2)
    for data in (1, 2, 1):
        story.receive("anna", "news", "tick", data)
    story.subscribe("carl", "news", "*")
    story.receive("carl", "news", "tick", 1)
    story.model.settled()


def test_a_fault_that_changes_the_order_is_no_reason_for_events_to_be_lost(story):
    story.subscribe("anna", "news", "*")
    story.model.tolerate(Tolerance(disorder=True))
    for data in (1, 2, 3):
        story.publish("bert", "news", "tick", data)
    story.receive("anna", "news", "tick", 3)
    story.receive("anna", "news", "tick", 1)
    with broken("missing"):
        story.model.settled()


def test_what_had_settled_before_a_fault_is_not_excused_by_it(story):
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "tick")
    story.receive("anna", "news", "tick")
    story.model.settled()
    story.model.tolerate(Tolerance(repeats=True))
    with broken("once"):
        story.receive("anna", "news", "tick")


def test_after_a_gap_the_events_before_it_may_be_lost(story):
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "tick")
    story.receive("anna", "news", "wsrpc.gap")
    story.receive("anna", "news", "wsrpc.position", {"epoch": "e", "offset": 1})
    story.model.settled()


def test_what_the_application_hides_is_not_missing():
    story = Story(hides=lambda who, channel, event: event == "secret")
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "secret")
    story.model.settled()
    story.publish("bert", "news", "tick")
    with broken("missing"):
        story.model.settled()


def test_what_two_processes_publish_comes_in_any_order_but_everywhere_in_the_same():
    story = Story(place={"anna": 0, "bert": 0, "carl": 1, "dora": 1}.get)
    story.subscribe("anna", "news", "*")
    story.subscribe("carl", "news", "*")
    story.publish("bert", "news", "tick", 1)
    story.publish("dora", "news", "tick", 2)
    story.receive("anna", "news", "tick", 2)
    story.receive("anna", "news", "tick", 1)
    story.receive("carl", "news", "tick", 1)
    with broken("order"):
        story.receive("carl", "news", "tick", 2)
