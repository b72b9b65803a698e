"""The client that the login hook gets, and the lines of a test that do the same."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from pytest_wsrpc.fuzz import login
from pytest_wsrpc.fuzz.serving import Connection
from wsrpc import ConnectionClosed


class Frames:
    """A connection on which these frames come."""

    close_code: int | None = None

    def __init__(self, *frames: Any) -> None:
        self.frames = list(frames)
        self.sent: list[Any] = []
        self.login: list[Any] = []

    async def send(self, frame: str) -> None:
        self.sent.append(json.loads(frame))

    async def receive(self, timeout: float) -> Any:
        return self.frames.pop(0) if self.frames else None


def client(*frames: Any) -> tuple[login.Client, Frames]:
    connection = Frames(*frames)
    return login.Client(cast(Connection, connection), 1), connection


async def test_events_and_other_messages_are_passed_over() -> None:
    caller, connection = client("7", '{"channel":"a"}', b"\xff", '{"id":"login-1","response":8}')
    assert await caller.call("login", {"name": "ann"}) == 8
    assert connection.sent == [{"id": "login-1", "method": "login", "payload": {"name": "ann"}}]
    assert connection.login == [("login", {"name": "ann"})]


async def test_a_reply_that_is_neither_response_nor_error_is_a_value_error() -> None:
    caller, _ = client('{"id":"login-1"}')
    with pytest.raises(ValueError, match="expected an error with an integer code"):
        await caller.call("login")


async def test_a_connection_that_is_lost_is_told_with_its_code() -> None:
    caller, _ = client()
    with pytest.raises(ConnectionClosed) as lost:
        await caller.request("login", timeout=2)
    assert lost.value.code == 1006
    assert "1006" in caller.transcript.render()


def test_the_lines_of_a_test_do_not_show_secrets() -> None:
    calls = [("login", {"user": "ann", "password": "abc"}), ("enter", {"room": 1})]
    assert login.lines(calls) == [
        "assert 'error' not in await client.request('login', {'user': 'ann', 'password': '...'})"
        "  # fill in password",
        "await client.request('enter', {'room': 1})",
    ]
