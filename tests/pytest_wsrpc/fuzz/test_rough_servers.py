"""Servers that keep to no protocol: what is recorded of them, and what the checks make of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_wsrpc.fuzz import playing
from pytest_wsrpc.fuzz.conversation import (
    Call,
    Connect,
    Together,
)

from .shelves import (
    GREETINGS,
    METHODS,
    Play,
    create_rough_app,
    failed,
    players,
    rough,
)


@pytest.fixture
def play() -> Iterator[Play]:
    yield from players()


def test_a_reply_on_another_connection_is_found(play: Play) -> None:
    record = play(Connect(1), rough(5, "astray", 2), app=create_rough_app)
    assert [client for client, _ in record.strays] == [1]
    assert failed(record) == ["conforms", "right-connection"]
    record = play(Connect(1), rough(1, "plain"), rough(5, "astray", 2), app=create_rough_app)
    assert [client for client, _ in record.strays] == [1]


def test_a_reply_to_a_call_of_the_same_id_on_another_connection_is_found(play: Play) -> None:
    record = play(
        Connect(1),
        Together((rough(1, "plain"), rough(1, "plain", 2))),
        app=lambda: create_rough_app("mixed up"),
    )
    assert [len(exchange.answers) for exchange in record.calls] == [2, 0]
    assert "right-connection" in failed(record)
    assert "one-reply-in-time" not in failed(record)
    assert "~ no reply to id 1 within" in record.render()


def test_the_probe_of_one_client_may_be_answered_to_another(play: Play) -> None:
    record = play(Connect(1), Connect(2), app=lambda: create_rough_app("mixed up"))
    assert [(client, owner) for client, owner, _ in record.probes_astray] == [(1, 2)]
    assert failed(record) == ["right-connection"]
    sent, came = record.trace[-2:]
    assert (sent.what, sent.client, came.what, came.client) == ("sent", 2, "stray", 1)


def test_an_answer_of_unknown_id_is_taken_for_the_call_that_waits(play: Play) -> None:
    for what in ("anonymous", "no object"):
        record = play(rough(1, what), app=create_rough_app)
        assert len(record.calls[0].answers) == 1
        assert record.strays == []
    record = play(rough(1, "plain"), rough(2, "anonymous", 2), app=create_rough_app)
    assert len(record.calls[1].answers) == 1


def test_two_answers_are_found(play: Play) -> None:
    record = play(rough(1, "twice"), app=create_rough_app)
    assert [failure for failure in failed(record) if failure != "conforms"] == []
    assert len(record.calls[0].answers) == 2


def test_a_connection_that_does_not_serve_any_more_is_found(play: Play) -> None:
    record = play(Call(1, "probe 1", METHODS["any"], {"title": "deaf"}), app=create_rough_app)
    assert record.calls[0].unserved == 1
    assert not record.calls[0].silent
    assert record.trace[-1].text == '{"id":"probe 1 again","method":"no-such-method"}'
    assert failed(record) == ["one-reply-in-time"]


def test_a_connection_that_ends_while_it_is_looked_at(play: Play) -> None:
    record = play(rough(1, "close before the probe"), app=create_rough_app)
    assert record.closed == {1: 4000}


@pytest.mark.parametrize("greeting", GREETINGS)
def test_a_connection_without_a_call_may_do_anything(play: Play, greeting: str) -> None:
    record = play(Connect(1), app=lambda: create_rough_app(greeting))
    assert record.trace[-1].what == GREETINGS[greeting]
    assert failed(record) == []


def test_a_flood_has_an_end(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "FLOOD", 50)
    record = play(rough(1, "flood"), app=create_rough_app)
    assert len(record.events[1]) == 50
    assert failed(record) == ["one-reply-in-time"]


def test_what_goes_wrong_in_reading_is_raised(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(frame: object) -> None:
        raise LookupError

    monkeypatch.setattr(playing, "parse", broken)
    with pytest.raises(LookupError):
        play(rough(1, "plain"), app=create_rough_app)
