"""Twenty rounds of connecting, calling and disconnecting leave no more than ten."""

from __future__ import annotations

import asyncio
import gc
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pytest_wsrpc.fuzz.conversation import Call, Connect, Conversation
from pytest_wsrpc.fuzz.endpoints import endpoints_of
from pytest_wsrpc.fuzz.failure import Violation
from pytest_wsrpc.fuzz.growth import small_heap
from pytest_wsrpc.fuzz.rounds import GROWTH, nothing_left, play_rounds
from pytest_wsrpc.fuzz.serving import Host
from pytest_wsrpc.fuzz.target import Target
from wsrpc import ApiPath, LocalBroker, Subscribe, WsPathMixin


@dataclass
class Nothing:
    pass


HELD: list[object] = []


class Stream(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_fine(self, payload: Nothing) -> int:
        return 1

    async def ws_rpc_watch(self, payload: Nothing) -> int:
        HELD.append(asyncio.create_task(self.tick()))
        return 1

    async def tick(self) -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(10)

    async def ws_rpc_stay(self, payload: Nothing) -> int:
        HELD.append(self)
        return 1

    async def ws_rpc_remind(self, payload: Nothing) -> int:
        asyncio.get_running_loop().call_later(10_000, self.remind)
        return 1

    def remind(self) -> None: ...

    async def ws_rpc_listen(self, payload: Nothing) -> int:
        def heard(channel: str, event: str, data: Any) -> None: ...

        await self.channels.register("news", None, heard)
        return 1

    async def ws_rpc_keep(self, payload: Nothing) -> int:
        ghost = Stream(self.request)
        self.sockets.sockets.add(ghost)
        return 1

    async def ws_rpc_sleep(self, payload: Nothing) -> int:
        await asyncio.sleep(30)
        return 1

    async def ws_rpc_haunt(self, payload: Nothing) -> int:
        ghost = Ghost(self)
        await self.channels.register("haunted", None, _ignore)
        channel = self.channels.get("haunted")
        assert channel is not None
        pattern, _ = channel._patterns["*"]
        channel.add(ghost, pattern)  # type: ignore[arg-type]
        return 1


class Ghost:
    patterns = ("*",)

    def __init__(self, view: object) -> None:
        self._view = view


def _ignore(channel: str, event: str, data: Any) -> None: ...


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app)
    return app


def played(*names: str) -> Any:
    HELD.clear()
    endpoint = endpoints_of(create_app())[0]
    calls = [
        Call(0, number, endpoint.methods[name], {"channel": "a"} if name == "subscribe" else {})
        for number, name in enumerate(names)
    ]
    conversation = Conversation(endpoint, (Connect(0), *calls))
    target = Target("app:create_app", types.ModuleType("app"), "create_app", create_app, Path())
    host = Host(target)
    try:
        with small_heap():
            return host.run(play_rounds(host, conversation, "/stream", (), 5.0))
    finally:
        host.close()


def violation(*names: str) -> Violation:
    with pytest.raises(Violation) as caught:
        nothing_left(played(*names))
    return caught.value


def test_what_ends_with_its_connection_or_with_the_timeout_of_a_call_is_nothing_left() -> None:
    record = played("fine", "subscribe", "sleep")
    assert record.extra[GROWTH] == []
    nothing_left(record)


def test_a_task_that_outlives_its_connection_is_named_with_its_place_and_the_method() -> None:
    found = violation("fine", "watch")
    assert found.key == "task Stream.tick"
    assert found.got.startswith("10 more x task Stream.tick: waits at ")
    assert "in tick: await asyncio.sleep(10)" in found.got
    assert found.expected == "no more left after 20 rounds with watch than after 10"


def test_a_timer_far_away_is_left() -> None:
    assert violation("remind").key.startswith("timer ")
    assert "remind" in violation("remind").got


def test_a_callback_is_told_with_its_channel_and_patterns() -> None:
    found = violation("listen")
    assert found.key.startswith("callback ")
    assert "channel 'news', '*'" in found.got


def test_a_connection_that_the_manager_keeps_is_left() -> None:
    assert violation("keep").key == "connection Stream"


def test_a_subscription_of_a_connection_that_is_gone_is_left() -> None:
    found = violation("haunt")
    assert found.key == "subscription of Stream"
    assert "channel 'haunted', '*'" in found.got


def test_a_view_that_something_refers_to_is_left_though_its_connection_has_ended() -> None:
    found = violation("stay")
    assert found.key == "object Stream"
    assert found.got == "10 more x object Stream: kept after its connection has ended"


def test_several_things_that_grow_are_told_together() -> None:
    assert "; also 10 x " in violation("watch", "remind").got


def test_what_grows_without_any_call_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def on_connect(self: Stream) -> None:
        HELD.append(asyncio.create_task(self.tick()))

    monkeypatch.setattr(Stream, "on_connect", on_connect)
    assert violation().expected == "no more left after 20 rounds without any call than after 10"


def test_a_small_heap_within_another_stays_small_until_the_outer_one_ends() -> None:
    with small_heap():
        frozen = gc.get_freeze_count()
        with small_heap():
            pass
        assert gc.get_freeze_count() == frozen > 0
