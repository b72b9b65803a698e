"""Conversations of publish/subscribe on a server that others use, too."""

from __future__ import annotations

from typing import Any

import pytest
from yarl import URL

from pytest_wsrpc.fuzz.conversation import Advance, Call, Conversation, Settle
from pytest_wsrpc.fuzz.url import delivery
from pytest_wsrpc.fuzz.url.channels import endpoints_at
from pytest_wsrpc.fuzz.url.host import UrlHost, UrlServer
from pytest_wsrpc.fuzz.url.references import Documents

from . import foreign
from .documents import BASE, Files
from .test_url_host import target_at


def endpoint() -> Any:
    documents = Documents(Files({BASE: foreign.document()}))  # type: ignore[arg-type]
    (found,) = endpoints_at(URL("ws://localhost/rooms/1"), BASE, documents)
    return found


def conversation(*channels: Any) -> Conversation:
    subscribe = endpoint().methods["subscribe"]
    calls = [
        Call(1, number, subscribe, {"channel": channel}) for number, channel in enumerate(channels)
    ]
    return Conversation(endpoint(), (*calls, Settle()))


def renamed(*channels: Any) -> list[Any]:
    made = delivery._on_new_channels(conversation(*channels))
    return [call.payload["channel"] for call in made.calls]


def test_channels_have_names_that_no_one_has_used() -> None:
    first, again, other = renamed("news", "news", "room")
    assert first == again
    assert first.startswith("news-w")
    assert other == first.replace("news", "room")
    assert renamed("news") != renamed("news")


def test_what_channels_begin_with_they_still_begin_with() -> None:
    first, other = renamed("news", "News.a")
    tag, dash, name = first.partition("-")
    assert (dash, name) == ("-", "news")
    assert other == f"{tag}-News.a"


def test_a_long_name_stays_within_the_limit() -> None:
    (name,) = renamed("a" * 255)
    assert len(name) == 255
    assert renamed("a" * 255, "a" * 254 + "b")[0].endswith("-" + "a" * 245)


def test_what_is_no_name_stays_as_it_is() -> None:
    assert renamed(7, None) == [7, None]


def play(server: foreign.Server, timeout: float, *, is_careful: bool = True) -> Any:
    methods = endpoint().methods
    steps = (
        Call(1, 1, methods["subscribe"], {"channel": "a"}),
        Call(1, 2, methods["publish"], {"channel": "a", "event": "tock", "data": "token-1"}),
    )
    host = UrlHost(target_at(server.port))
    host.is_careful, host.slowest = is_careful, 0.1
    try:
        return host.run(delivery.play(host, Conversation(endpoint(), steps), "/x", (), timeout))
    finally:
        host.close()


def waited(record: Any) -> float:
    (note,) = [one for one in record.trace if one.what == "note"]
    return 0 if note.text == "nothing more is to come" else float(note.text.partition(" s pass")[0])


@pytest.mark.parametrize(
    ("is_careful", "timeout", "seconds"),
    [(True, 20, 20), (False, 20, delivery.HURRY + 1), (False, 0.7, 0.7)],
)
def test_an_event_is_waited_for_as_long_as_a_reply_or_less_in_a_hurry(
    monkeypatch: pytest.MonkeyPatch, is_careful: bool, timeout: float, seconds: float
) -> None:
    asked = []

    async def advance(self: UrlServer, seconds: float) -> None:
        asked.append(seconds)

    monkeypatch.setattr(UrlServer, "advance", advance)
    with foreign.Server(["lost"]).running() as server:
        play(server, timeout, is_careful=is_careful)
    assert max(asked) == seconds


def test_an_event_that_does_not_come_is_waited_for() -> None:
    with foreign.Server(["lost"]).running() as server:
        record = play(server, timeout=1)
    assert waited(record) >= 1
    assert record.conversation.steps[-1] == Advance(delivery.SHOWN)
    assert 1 not in record.events


def test_where_all_has_come_nothing_is_waited_for() -> None:
    with foreign.Server().running() as server:
        record = play(server, timeout=60)
    ((_, event),) = record.events[1]
    assert event.value["data"] == "token-1"
    assert event.value["channel"].startswith("a-w")
    assert waited(record) < 60
