"""What damaged messages look like."""

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.faults.damage import damaged_message, damaged_reply
from wsrpc import protocol


@given(ws.json_values(), st.integers())
def test_a_damaged_reply_is_no_object_for_any_parser(value, seed):
    reply = protocol.reply(1, "add", protocol.encode_json(value))
    damaged = damaged_reply(reply, random.Random(seed))
    try:
        parsed = json.loads(damaged.decode(errors="replace"), strict=False)
    except ValueError:
        return
    assert not isinstance(parsed, dict)


def test_replies_are_damaged_in_several_ways():
    reply = b'{"id":1,"method":"add","response":{"sum":[1,2,3]}}'
    damaged = [damaged_reply(reply, random.Random(seed)) for seed in range(100)]
    assert any(reply.startswith(one) for one in damaged)
    assert any(reply.endswith(one) for one in damaged)
    assert any(len(one) == len(reply) for one in damaged)


@given(
    st.fixed_dictionaries({}, optional={"event": ws.event_names(), "data": ws.json_values()}),
    st.integers(),
)
def test_a_damaged_message_is_never_what_it_was(message, seed):
    before = json.dumps(message)
    damaged = damaged_message(message, random.Random(seed))
    assert json.dumps(message) == before
    if isinstance(damaged, dict):
        whole = {"event": message.get("event") or "", "data": message.get("data")}
        seen = {"event": damaged.get("event") or "", "data": damaged.get("data")}
        assert repr(seen) != repr(whole)


def test_data_is_cut_short_or_becomes_text():
    def seen(data):
        made = [
            damaged_message({"event": "new", "data": data}, random.Random(seed))
            for seed in range(200)
        ]
        kept = [one["data"] for one in made if isinstance(one, dict) and "data" in one]
        return next(one for one in map(repr, kept) if one != repr(data))

    assert seen("abcdef") == "'abc'"
    assert seen([1, 2, 3]) == "[1]"
    assert seen({"a": 1, "b": 2}) == "{'a': 1}"
    assert seen(12) == "'12'"
    assert seen("") == "\"''\""
    assert seen(len) == "None"


def test_what_is_no_object_becomes_nothing():
    assert damaged_message("text", random.Random(1)) is None
