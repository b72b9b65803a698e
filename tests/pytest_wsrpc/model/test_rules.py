"""Each rule of the publish/subscribe model, kept and broken."""

import pytest

from .conftest import Story, broken, listing

REFUSED = {"error": {"code": -32602, "message": "Invalid RPC parameters"}}
UNKNOWN = {"error": {"code": -32004, "message": "Service unavailable"}}


def test_a_subscriber_receives_what_matches_once(story):
    story.subscribe("anna", "news", "sport*")
    story.publish("bert", "news", "sport.tennis", {"won": 6})
    assert story.model.must_receive("anna") == [("news", "sport.tennis")]
    story.receive("anna", "news", "sport.tennis", {"won": 6})
    assert story.model.must_receive("anna") == []
    story.model.settled()
    with broken("once") as failure:
        story.receive("anna", "news", "sport.tennis", {"won": 6})
    assert failure.value.rule == "once"
    assert failure.value.connection == "anna"


def test_what_nobody_published_reaches_nobody(story):
    story.subscribe("anna", "news", "*")
    with broken("published"):
        story.receive("anna", "news", "tick", 1)


@pytest.mark.parametrize(
    ("channel", "event", "data"), [("sports", "tick", 1), ("news", "tock", 1), ("news", "tick", 2)]
)
def test_an_event_that_was_changed_on_its_way_was_never_published(story, channel, event, data):
    story.subscribe("anna", "news", "*")
    story.subscribe("anna", "sports", "*")
    story.publish("bert", "news", "tick", 1)
    with broken("published"):
        story.receive("anna", channel, event, data)


def test_data_is_the_same_whatever_the_order_of_its_members(story):
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "tick", [{"a": 1, "b": {"x": 1, "y": 2}}])
    story.receive("anna", "news", "tick", [{"b": {"y": 2, "x": 1}, "a": 1}])


def test_an_event_without_a_name_has_the_empty_one(story):
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", None)
    story.model.received("anna", {"channel": "news", "event": "", "data": None})
    story.model.settled()


def test_what_was_refused_reaches_nobody(story):
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "tick", reply=REFUSED)
    with broken("published"):
        story.receive("anna", "news", "tick")


def test_nor_may_it_have_reached_anybody_before_the_refusal(story):
    story.subscribe("anna", "news", "*")
    sent = story.model.publishing("bert", "news", "tick")
    story.receive("anna", "news", "tick")
    with broken("published"):
        story.model.answered(sent, REFUSED)


def test_what_failed_otherwise_may_arrive_or_not(story):
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "tick", 1, reply=UNKNOWN)
    story.publish("bert", "news", "tick", 2, reply=UNKNOWN)
    story.publish("bert", "news", "tick", 3, reply={"error": "no object"})
    story.receive("anna", "news", "tick", 2)
    story.model.settled()


def test_a_missing_event_is_told_when_all_has_settled(story):
    story.subscribe("anna", "news", "tick")
    story.publish("bert", "news", "tick", 1)
    with broken("missing"):
        story.model.settled()


def test_nothing_is_missing_that_no_pattern_matches(story):
    story.subscribe("anna", "news", "tick")
    story.publish("bert", "news", "tock")
    assert not story.model.may_receive("anna", "news", "tock")
    assert story.model.may_receive("anna", "news", "tick")
    story.model.settled()


def test_an_event_without_a_matching_pattern_may_not_arrive(story):
    story.subscribe("anna", "news", "tick")
    story.publish("bert", "news", "tock")
    with broken("subscribed") as failure:
        story.receive("anna", "news", "tock")
    assert "['tick']" in failure.value.expected


def test_no_event_comes_before_the_acknowledgement(story):
    story.model.subscribing("anna", "news", ["*"])
    story.publish("bert", "news", "tick")
    with broken("subscribed"):
        story.receive("anna", "news", "tick")


def test_what_was_published_before_the_acknowledgement_may_arrive_after_it_or_not(story):
    asked = story.model.subscribing("anna", "news", ["*"])
    story.publish("bert", "news", "tick", 1)
    story.publish("bert", "news", "tick", 2)
    story.model.answered(asked, listing("news", ["*"]))
    story.receive("anna", "news", "tick", 2)
    story.model.settled()


def test_no_event_comes_after_the_acknowledgement_of_the_end(story):
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "tick")
    story.unsubscribe("anna", "news")
    story.model.settled()
    with broken("subscribed"):
        story.receive("anna", "news", "tick")


def test_while_the_end_is_under_way_an_event_may_come_or_not(story):
    story.subscribe("anna", "news", "*")
    asked = story.model.unsubscribing("anna", "news", ["*"])
    story.publish("bert", "news", "tick", 1)
    story.publish("bert", "news", "tick", 2)
    assert story.model.patterns("anna", "news") == []
    story.receive("anna", "news", "tick", 1)
    story.model.answered(asked, listing("news", []))
    story.model.settled()


def test_another_pattern_that_stays_keeps_an_event_owed(story):
    story.subscribe("anna", "news", "t*", "tick")
    story.publish("bert", "news", "tick")
    story.unsubscribe("anna", "news", "t*", left=["tick"])
    with broken("missing"):
        story.model.settled()


def test_an_end_that_was_refused_changes_nothing(story):
    story.subscribe("anna", "news", "*")
    asked = story.model.unsubscribing("anna", "news", ["["])
    story.model.answered(asked, REFUSED)
    everything = story.model.unsubscribing("anna", "news")
    other = story.model.unsubscribing("anna", "news", ["*"])
    story.model.answered(everything, REFUSED)
    assert story.model.patterns("anna", "news") == []
    story.model.answered(other, REFUSED)
    assert story.model.patterns("anna", "news") == ["*"]


def test_after_an_end_that_failed_otherwise_both_are_possible_until_a_reply_tells(story):
    story.subscribe("anna", "news", "a", "b", held=["a", "b"])
    asked = story.model.unsubscribing("anna", "news")
    story.model.answered(asked, UNKNOWN)
    story.publish("bert", "news", "a", 1)
    story.receive("anna", "news", "a", 1)
    story.subscribe("anna", "news", "c", held=["b", "c"])
    story.model.settled()
    assert story.model.patterns("anna", "news") == ["b", "c"]


def test_a_subscription_that_was_refused_lets_nothing_through(story):
    asked = story.model.subscribing("anna", "news", ["*"])
    story.model.answered(asked, REFUSED)
    story.publish("bert", "news", "tick")
    story.model.settled()
    with broken("subscribed"):
        story.receive("anna", "news", "tick")


@pytest.mark.parametrize(
    "response",
    [
        None,
        {},
        {"subscribed": []},
        {"subscribed": {}},
        {"subscribed": {"news": ["b"]}},
        {"subscribed": {"news": ["b", "a"]}},
        {"subscribed": {"news": ["a", "a", "b"]}},
        {"subscribed": {"news": ["a", "b", "c"]}},
        {"subscribed": {"news": ["a", 1]}},
        {"subscribed": {"news": "ab"}},
        {"subscribed": {"news": ["a", "b"], "sports": ["*"]}},
    ],
)
def test_a_reply_names_the_patterns_of_the_channel_sorted(story, response):
    story.subscribe("anna", "news", "a")
    asked = story.model.subscribing("anna", "news", ["b"])
    with broken("acknowledged"):
        story.model.answered(asked, {"response": response})


def test_the_reply_to_the_last_unsubscribe_names_no_channel(story):
    story.subscribe("anna", "news", "a")
    asked = story.model.unsubscribing("anna", "news", ["a"])
    with broken("acknowledged"):
        story.model.answered(asked, {"response": {"subscribed": {"news": []}}})


def test_calls_that_overlap_are_acknowledged_one_after_the_other(story):
    first = story.model.subscribing("anna", "news", ["a"])
    second = story.model.unsubscribing("anna", "news", ["a"])
    third = story.model.subscribing("anna", "news", ["b"])
    fourth = story.model.unsubscribing("anna", "news")
    assert story.model.unanswered() == [first, second, third, fourth]
    story.model.answered(first, listing("news", ["a"]))
    story.model.answered(second, listing("news", []))
    story.model.answered(third, listing("news", ["b"]))
    assert story.model.patterns("anna", "news") == []
    assert story.model.may_receive("anna", "news", "b")
    story.model.answered(fourth, listing("news", []))
    assert story.model.unanswered() == []


def test_a_connection_that_has_gone_misses_nothing(story):
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "tick")
    story.model.subscribing("anna", "news", ["more"])
    story.model.closed("anna")
    story.model.settled()
    assert story.model.unanswered() == []


def test_a_connection_starts_anew_when_its_client_comes_back(story):
    story.subscribe("anna", "news", "*")
    story.model.closed("anna")
    story.publish("bert", "news", "tick")
    with broken("subscribed"):
        story.receive("anna again", "news", "tick")


def test_what_others_have_already_does_not_come_to_those_who_subscribe_later(story):
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "tick")
    story.receive("anna", "news", "tick")
    story.subscribe("carl", "news", "*")
    with broken("late"):
        story.receive("carl", "news", "tick")


def test_what_has_settled_does_not_come_any_more(story):
    story.publish("bert", "news", "tick")
    story.model.settled()
    story.model.settled()
    story.subscribe("carl", "news", "*")
    with broken("late"):
        story.receive("carl", "news", "tick")


def test_each_process_decides_by_itself_who_is_too_late():
    story = Story(place={"anna": 0, "bert": 0, "carl": 1, "dora": 1, "emil": 1}.get)
    story.subscribe("anna", "news", "*")
    story.publish("bert", "news", "tick")
    story.receive("anna", "news", "tick")
    story.subscribe("carl", "news", "*")
    story.receive("carl", "news", "tick")
    story.subscribe("dora", "news", "*")
    with broken("late"):
        story.receive("dora", "news", "tick")
    story.model.settled()
    story.subscribe("emil", "news", "*")
    with broken("late"):
        story.receive("emil", "news", "tick")
