"""`Reconnect` and `Backoff`: whether, when and how often a client comes back."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from wsrpc import COME_BACK, Reconnect, errors
from wsrpc.link import End
from wsrpc.reconnect import Backoff, is_busy, is_temporary


@pytest.mark.parametrize("code", [1001, 1005, 1006, 1009, 1011, 1012, 1013, 1014])
def test_a_client_comes_back_from_what_passes(code: int) -> None:
    assert Reconnect().comes_back(End(code, ""))


@pytest.mark.parametrize(
    "code", [1000, 1002, 1003, 1007, 1008, 1010, 2000, 3000, 3003, 4000, 4401, 4999]
)
def test_a_client_stays_away_from_what_is_meant(code: int) -> None:
    assert not Reconnect().comes_back(End(code, ""))


def test_an_application_adds_codes_of_its_own() -> None:
    options = Reconnect(codes=COME_BACK | {4000})
    assert options.comes_back(End(4000, ""))
    assert not options.comes_back(End(4001, ""))


def test_a_client_that_closed_or_failed_itself_stays_away() -> None:
    assert not Reconnect().comes_back(End(1006, "", locally=True))
    assert not Reconnect().comes_back(End(1009, "", is_final=True))


def test_only_1013_asks_for_a_longer_pause() -> None:
    assert is_busy(End(1013, ""))
    assert not is_busy(End(1012, ""))


def test_pauses_are_drawn_up_to_a_limit_that_doubles() -> None:
    options = Reconnect(delay=0.5, max_delay=3.0)
    for attempt, limit in enumerate([0.5, 1.0, 2.0, 3.0, 3.0]):
        drawn = [options.pause(attempt) for _ in range(500)]
        assert 0 <= min(drawn) < limit * 0.1
        assert limit * 0.9 < max(drawn) <= limit
    assert options.pause(10**6) <= 3.0


def test_pauses_follow_from_the_shared_seed() -> None:
    random.seed(5)
    first = [Reconnect().pause(attempt) for attempt in range(5)]
    random.seed(5)
    assert [Reconnect().pause(attempt) for attempt in range(5)] == first


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the limit itself."""
    monkeypatch.setattr("wsrpc.reconnect.random.uniform", lambda low, high: high)


@pytest.mark.usefixtures("full")
def test_each_attempt_waits_longer_until_a_connection_is_stable() -> None:
    backoff = Backoff(Reconnect(delay=1, max_delay=60, stable=5))
    backoff.connected(0)
    backoff.lost(100)
    assert [backoff.next_attempt(100, busy=False) for _ in range(3)] == [1, 2, 4]
    backoff.connected(110)
    backoff.lost(114.9)
    assert backoff.next_attempt(114.9, busy=False) == 8
    backoff.connected(120)
    backoff.lost(125)
    assert backoff.next_attempt(125, busy=False) == 1
    assert backoff.attempts == 1


@pytest.mark.usefixtures("full")
def test_a_busy_server_is_left_alone_for_longer() -> None:
    backoff = Backoff(Reconnect(delay=1, busy_delay=20))
    backoff.lost(0)
    assert backoff.next_attempt(0, busy=True) == 21
    assert backoff.next_attempt(0, busy=False) == 2


def test_attempts_are_limited_and_counted_since_the_last_stable_connection() -> None:
    backoff = Backoff(Reconnect(attempts=2))
    backoff.lost(0)
    assert backoff.next_attempt(0, busy=False) is not None
    backoff.connected(1)
    backoff.lost(2)
    assert backoff.next_attempt(2, busy=False) is not None
    assert backoff.next_attempt(2, busy=False) is None
    assert backoff.attempts == 2
    backoff.connected(10)
    backoff.lost(20)
    assert backoff.next_attempt(20, busy=False) is not None


@pytest.mark.usefixtures("full")
def test_no_attempt_starts_later_than_within() -> None:
    backoff = Backoff(Reconnect(delay=8, within=10))
    backoff.connected(0)
    backoff.lost(100)
    assert backoff.next_attempt(100, busy=False) == 8
    backoff.connected(108)
    backoff.lost(109)
    assert backoff.next_attempt(109, busy=False) == 1
    assert backoff.next_attempt(110, busy=False) is None


@pytest.mark.parametrize("name", ["delay", "max_delay", "busy_delay", "stable", "within"])
@pytest.mark.parametrize("value", [-1, math.inf, math.nan, "1", True])
def test_seconds_are_finite_and_not_negative(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"Reconnect\({name}=...\) takes seconds, 0 or more, got"):
        Reconnect(**{name: value})


@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_attempts_are_a_whole_number_from_1_on(value: Any) -> None:
    with pytest.raises(ValueError, match="reconnect=False is for a client that stays away"):
        Reconnect(attempts=value)


def test_other_options_are_checked() -> None:
    wrong: Any = "retry"
    with pytest.raises(ValueError, match="takes 'fail' or 'wait', got 'retry'"):
        Reconnect(calls=wrong)
    wrong = [1006]
    with pytest.raises(TypeError, match=r"takes a set of close codes, such as COME_BACK \| \{4000"):
        Reconnect(codes=wrong)
    assert Reconnect(within=None, attempts=None).within is None


def _refusal(status: int) -> aiohttp.WSServerHandshakeError:
    info: Any = SimpleNamespace(real_url="ws://x")
    return aiohttp.WSServerHandshakeError(info, (), status=status)


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        (_refusal(200), True),
        (_refusal(302), True),
        (_refusal(400), False),
        (_refusal(401), False),
        (_refusal(403), False),
        (_refusal(404), True),
        (_refusal(410), False),
        (_refusal(429), True),
        (_refusal(500), True),
        (_refusal(503), True),
        (aiohttp.InvalidURL("x"), False),
        (aiohttp.ServerDisconnectedError(), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (errors.BrokerUnavailable(), True),
        (errors.TooManyRequests(), True),
        (errors.InternalError(), True),
        (errors.Forbidden(), False),
        (errors.InvalidParams(), False),
        (errors.RpcError(7, "wrong password"), False),
        (RuntimeError("Session is closed"), False),
        (KeyError(), False),
    ],
)
def test_an_attempt_is_repeated_where_the_next_may_succeed(
    error: Exception, temporary: bool
) -> None:
    assert is_temporary(error) is temporary
