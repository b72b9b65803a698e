"""The messages that nobody has taken."""

import pytest

from pytest_wsrpc import unread
from pytest_wsrpc.unread import Unread, UnreadMessages
from wsrpc.client import Event
from wsrpc.patterns import Pattern


@pytest.fixture
def looks(monkeypatch):
    """Give the names that patterns were matched with."""
    names = []

    class Watched(Pattern):
        def __init__(self, text):
            super().__init__(text)
            matches = self.matches
            self.matches = lambda name: names.append(name) or matches(name)

    monkeypatch.setattr(unread, "Pattern", Watched)
    return names


def event(name):
    return Unread({}, Event("prices", name, None))


def test_each_event_is_looked_at_once_by_who_waits(looks):
    messages = UnreadMessages()
    find = messages.finder(None, "wanted")
    for number in range(100):
        messages.keep(event(f"tick {number}"))
        assert find() is None
    assert len([name for name in looks if name.startswith("tick")]) == 100


def test_what_others_take_meanwhile_moves_no_event_out_of_sight():
    messages = UnreadMessages()
    one, other = messages.finder("prices", "one"), messages.finder("prices", "o*")
    for name in ("other", "x", "y"):
        messages.keep(event(name))
    assert one() is None
    assert messages.take(other()).event.event == "other"
    assert len(messages) == 2
    messages.keep(Unread("no event"))
    messages.keep(event("one"))
    assert one() == other() == 3
    assert one() == 3
    messages.take(0)
    assert one() == 2


def test_the_first_is_the_oldest():
    messages = UnreadMessages()
    assert messages.first() is None
    messages.keep(Unread("a"))
    messages.keep(Unread("b"))
    assert messages[messages.first()].message == "a"
    assert [unread.message for unread in messages] == ["a", "b"]
