"""Values that a conversation hands on from call to call, and the conversations of a sequence."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import hypothesis
import pytest

from pytest_wsrpc.fuzz.conversation import (
    Advance,
    Call,
    Conversation,
    Disconnect,
    Like,
)
from pytest_wsrpc.fuzz.phases import Subject, sequence

from .bidding import BID, ENDPOINT, METHODS, bid


def bits(*of_fields: int) -> int:
    return sum(one << (4 * number) for number, one in enumerate(of_fields))


EARLIER = [
    Call(1, 1, BID, bid(order_id="first", amount=1)),
    Call(1, 2, BID, bid(order_id=Like("order_id", "a"), amount=10, tags=["u"], note="n")),
]


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        (bits(), {}),
        (bits(1), {"order_id": Like("order_id", "a")}),
        (bits(3), {"order_id": Like("order_id", "first")}),
        (bits(5), {"order_id": Like("order_id", "a", back=1)}),
        (bits(12), {"order_id": "a"}),
        (bits(15), {"order_id": "first"}),
        (bits(0, 1), {"amount": Like("amount", 10)}),
        (bits(0, 2), {"amount": 11}),
        (bits(0, 3), {"amount": 9}),
        (bits(0, 4), {"amount": 10}),
        (bits(0, 8), {"amount": Like("amount", 5)}),
        (bits(0, 10), {}),
        (bits(0, 11, 3), {"amount": Like("amount", 5, back=3, step=1)}),
        (bits(0, 12), {"amount": Like("amount", 5, step=-1)}),
        (bits(13, 2), {"order_id": Like("order_id", "a", back=2, step=0), "amount": 11}),
        (bits(11), {"order_id": Like("order_id", "first")}),
        (bits(0, 0, 4), {}),
        (bits(0, 0, 0, 1), {"tags": [Like("tags", "t")]}),
        (bits(0, 0, 0, 4), {"tags": ["u"]}),
    ],
)
def test_values_are_handed_on_by_name_and_type(links: int, expected: dict[str, Any]) -> None:
    assert sequence.linked(BID, bid(), links, EARLIER, ENDPOINT) == bid(**expected)


def test_fields_of_one_type_hand_values_on_whatever_their_names() -> None:
    rename = METHODS["rename"]
    earlier = [
        Call(1, 1, METHODS["enter"], {"tag": "ann", "note": "n"}),
        Call(1, 2, METHODS["list_users"], {"tag": "other"}),
    ]
    drawn = {"old": "a", "new": "b", "because": "c"}
    linked = partial(sequence.linked, rename, drawn, earlier=earlier, endpoint=ENDPOINT)
    assert linked(links=bits(15)) == {**drawn, "old": "ann"}
    assert linked(links=bits(1, 3)) == {
        **drawn,
        "old": Like("old", "ann", elsewhere=3),
        "new": Like("new", "ann", elsewhere=0),
    }
    # what is only a text may be anything
    assert linked(links=bits(0, 0, 4)) == drawn
    # what has been of this name comes first, but for a few
    again = [*earlier, Call(1, 3, rename, {"old": "bob", "new": "eve", "because": ""})]
    assert linked(links=bits(15), earlier=again) == {**drawn, "old": "bob"}
    seventh = {**drawn, "old": Like("old", "eve", elsewhere=0)}
    assert linked(links=bits(7), earlier=again) == seventh
    assert linked(links=bits(0, 14), earlier=again) == {**drawn, "new": "bob"}


def test_a_format_tells_what_a_field_is_about_but_for_times() -> None:
    drawn = {"who": "a@example.com", "day": "2020-01-01"}
    earlier = [Call(1, 1, METHODS["enter"], {"tag": "ann", "note": "n"})]
    linked = partial(sequence.linked, METHODS["invite"], drawn, earlier=earlier, endpoint=ENDPOINT)
    assert linked(links=bits(2)) == {**drawn, "who": Like("who", drawn["who"], elsewhere=0)}
    assert linked(links=bits(0, 2)) == drawn
    assert linked(links=bits(0, 1)) == {**drawn, "day": Like("day", drawn["day"])}


def test_an_absent_optional_field_may_take_a_value() -> None:
    payload = sequence.linked(BID, bid(note=None), bits(0, 0, 0, 0, 4), EARLIER, ENDPOINT)
    assert payload["note"] == "n"


def test_the_first_call_has_nothing_to_take() -> None:
    assert sequence.linked(BID, bid(), bits(1), [], ENDPOINT) == bid()


def test_no_value_that_the_type_refuses_is_handed_on() -> None:
    highest = [Call(1, 1, BID, bid(amount=100))]
    assert sequence.linked(BID, bid(), bits(0, 2), highest, ENDPOINT) == bid()
    assert sequence.linked(BID, bid(), bits(0, 3), highest, ENDPOINT) == bid(amount=99)


def test_methods_about_one_thing_are_also_tried_by_themselves() -> None:
    groups = [[method.name for method in group] for group in sequence.topics([*METHODS.values()])]
    assert groups == [["add_user", "list_users"], ["bid", "list_bids"], ["list_bids", "list_users"]]
    assert sequence.topics([BID, METHODS["list_bids"]]) == []


@pytest.mark.slow
def test_conversations_are_of_a_few_calls_with_all_that_there_is() -> None:
    seen: set[Any] = set()

    @hypothesis.settings(max_examples=300, database=None, derandomize=True)
    @hypothesis.given(sequence.PHASE.cases(Subject(ENDPOINT)))
    def look(conversation: Conversation) -> None:
        calls = conversation.calls
        assert 1 <= len(calls) <= sequence.CALLS - 1 + sequence.MANY
        assert [call.id for call in calls] == list(range(1, len(calls) + 1))
        seen.update(type(step) for step in conversation.steps)
        seen.update(call.code for call in calls)
        seen.update("again" for one, two in pairwise(calls) if one.payload is two.payload)
        seen.update("like" for call in calls if "like " in repr(call))

    look()
    assert {Call, Advance, Disconnect, None, -32602, "again", "like"} <= seen
