"""One connection of the bus, command by command, on virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys

import pytest

import wsrpc.redis
from wsrpc import BrokerUnavailable
from wsrpc.redis.session import Counters, Deaf, Doubt, Session

pytestmark = pytest.mark.wsrpc(clock="virtual")

CONTROL = b"control"
PROBE = 10.0


class Link:
    """A connection whose other end is the test."""

    def __init__(self):
        self.sent = []
        self.replies = asyncio.Queue()

    async def send(self, commands):
        self.sent += commands

    async def read(self):
        return await self.replies.get()

    def confirm(self, *names, kind=b"subscribe"):
        for name in names:
            self.replies.put_nowait([kind, name, 1])


class Feed:
    """Takes what comes, and brings its tokens back unless told not to."""

    control = CONTROL
    probe_interval = PROBE
    check_interval = 1000.0

    def __init__(self, link):
        self.link = link
        self.messages = []
        self.returns = 0
        self.checks = 0
        self.brings_back = True
        self.takes = True

    async def message(self, name, payload):
        self.messages.append((name, payload))

    async def returned(self):
        self.returns += 1

    async def probe(self, token):
        if not self.takes:
            raise BrokerUnavailable("taken by nobody")
        if self.brings_back:
            self.link.replies.put_nowait([b"message", CONTROL, token])

    async def check(self, token):
        await self.probe(token)

        async def judge():
            self.checks += 1

        return judge


class Run:
    """A session that runs, and what it was told to tell."""

    def __init__(self, *wanted, lost_at=None):
        self.link = Link()
        self.feed = Feed(self.link)
        self.counters = Counters()
        self.wanted = dict.fromkeys(wanted)
        self.confirmed = []
        self.proofs = 0
        self.session = Session(
            self.link, self.feed, self.counters, self.wanted, self.confirmed.append, self.prove
        )
        self.task = asyncio.create_task(self.session.run(lost_at))

    def prove(self):
        self.proofs += 1

    async def confirm(self, *names):
        """Confirm subscriptions, once they were asked for."""
        await asyncio.sleep(0.001)
        self.link.confirm(*names)


@pytest.fixture
async def run():
    runs = []

    def run(*wanted, **options):
        runs.append(Run(*wanted, **options))
        return runs[-1]

    yield run
    for found in runs:
        found.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await found.task


async def test_everything_wanted_is_subscribed_and_then_proved(run):
    found = run(b"a", b"b")
    await asyncio.sleep(1)
    assert found.link.sent == [(b"subscribe", CONTROL, b"a", b"b")]
    found.link.confirm(CONTROL, b"a")
    await asyncio.sleep(1)
    assert found.session.has(b"a")
    assert not found.session.has(b"b")
    assert not found.session.verified
    found.link.confirm(b"b")
    await asyncio.sleep(1)
    assert found.session.verified
    assert found.session.confirmed == 2
    assert (found.proofs, found.feed.checks, found.feed.returns) == (1, 1, 0)


async def test_a_new_connection_tells_that_all_is_subscribed_again(run):
    found = run(b"a", lost_at=0.0)
    await found.confirm(CONTROL, b"a")
    await asyncio.sleep(1)
    assert found.feed.returns == 1


async def test_a_confirmation_of_what_is_unwanted_by_now_is_not_told(run):
    found = run(b"a")
    await asyncio.sleep(1)
    del found.wanted[b"a"]
    found.session.change(b"a")
    await asyncio.sleep(1)
    assert found.link.sent[1:] == [(b"unsubscribe", b"a")]
    found.link.confirm(CONTROL, b"a")
    await asyncio.sleep(1)
    assert found.confirmed == [CONTROL]
    found.wanted[b"a"] = None
    found.session.change(b"a")
    found.link.confirm(b"a", kind=b"unsubscribe")
    await asyncio.sleep(1)
    found.link.confirm(b"a")
    await asyncio.sleep(1)
    assert found.confirmed == [CONTROL, b"a"]
    assert found.session.has(b"a")


async def test_a_change_that_changes_nothing_sends_nothing(run):
    found = run()
    await asyncio.sleep(1)
    found.session.change(b"never wanted")
    await asyncio.sleep(1)
    assert found.link.sent == [(b"subscribe", CONTROL)]
    assert not found.task.done()


async def test_what_is_wanted_later_does_not_put_the_first_proof_off(run):
    found = run(b"a")
    await asyncio.sleep(1)
    found.wanted[b"b"] = None
    found.session.change(b"b")
    await asyncio.sleep(1)
    assert found.link.sent == [(b"subscribe", CONTROL, b"a"), (b"subscribe", b"b")]
    found.link.confirm(CONTROL, b"a")
    await asyncio.sleep(1)
    assert found.session.verified


async def test_slow_confirmations_are_no_silence(run):
    found = run(b"a", b"b", b"c")
    for name in (CONTROL, b"a", b"b", b"c"):
        await asyncio.sleep(PROBE * 0.9)
        found.link.confirm(name)
    await asyncio.sleep(1)
    assert found.session.verified


async def test_silence_instead_of_confirmations_is_a_doubt(run):
    found = run(b"a")
    await found.confirm(CONTROL)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    error = await found.task
    assert isinstance(error, Doubt)
    assert "confirmed no subscription" in str(error)
    assert loop.time() - begin == pytest.approx(PROBE)


async def test_a_probe_goes_out_after_silence_only(run):
    found = run()
    await found.confirm(CONTROL)
    await asyncio.sleep(PROBE * 0.9)
    assert found.counters.probes == 1
    found.link.replies.put_nowait([b"message", b"a", b"hello"])
    await asyncio.sleep(PROBE * 0.9)
    assert found.counters.probes == 1
    await asyncio.sleep(PROBE * 0.2)
    assert found.counters.probes == 2
    assert (found.proofs, found.feed.checks) == (1, 1)
    assert found.feed.messages == [(b"a", b"hello")]


async def test_a_probe_that_does_not_come_in_is_noticed_within_two_intervals(run):
    found = run()
    await found.confirm(CONTROL)
    await asyncio.sleep(1)
    found.feed.brings_back = False
    loop = asyncio.get_running_loop()
    begin = loop.time()
    assert isinstance(await found.task, Deaf)
    assert loop.time() - begin <= 2 * PROBE
    assert found.counters.failed_probes == 1


async def test_a_probe_that_comes_in_as_it_is_given_up_breaks_nothing(run, monkeypatch):
    found = run()
    await found.confirm(CONTROL)
    await asyncio.sleep(1)

    async def late(token):
        loop = asyncio.get_running_loop()
        message = [b"message", CONTROL, token]
        loop.call_later(PROBE, found.link.replies.put_nowait, message)

    monkeypatch.setattr(found.feed, "probe", late)
    assert isinstance(await found.task, Deaf)


async def test_a_probe_that_redis_does_not_take_is_a_doubt_but_not_deafness(run):
    found = run()
    found.feed.takes = False
    await found.confirm(CONTROL)
    error = await found.task
    assert isinstance(error, Doubt)
    assert not isinstance(error, Deaf)
    assert "taken by nobody" in str(error)


async def test_a_token_that_nobody_waits_for_is_ignored(run):
    found = run()
    await found.confirm(CONTROL)
    found.link.replies.put_nowait([b"message", CONTROL, b"of another connection"])
    await asyncio.sleep(1)
    assert found.session.verified
    assert found.feed.messages == []


async def test_positions_are_checked_at_their_interval_though_messages_come(run):
    found = run()
    found.feed.check_interval = 3 * PROBE
    await found.confirm(CONTROL)
    for _ in range(70):
        await asyncio.sleep(PROBE / 10)
        found.link.replies.put_nowait([b"message", b"a", b"hello"])
    assert found.feed.checks == 3
    assert found.counters.probes == 3


@pytest.mark.parametrize("kind", [b"subscribe", b"unsubscribe", b"sunsubscribe"])
async def test_what_redis_confirms_unasked_is_a_doubt(run, kind):
    found = run()
    await asyncio.sleep(1)
    found.link.confirm(b"a", kind=kind)
    assert "nobody asked for" in str(await found.task)


def test_the_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ImportError, match=r"pip install 'pytest-wsrpc\[redis\]'"):
        importlib.reload(wsrpc.redis)
