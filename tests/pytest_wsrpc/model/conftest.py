"""A model, and short words for what happens."""

import pytest

from pytest_wsrpc.model import DeliveryError, PubSubModel


class Story:
    """A model, and short words for what happens."""

    def __init__(self, **options):
        self.model = PubSubModel(**options)

    def subscribe(self, who, channel, *patterns, held=None):
        asked = self.model.subscribing(who, channel, patterns)
        self.model.answered(asked, listing(channel, held or sorted(patterns)))

    def unsubscribe(self, who, channel, *patterns, left=()):
        asked = self.model.unsubscribing(who, channel, patterns or None)
        self.model.answered(asked, listing(channel, left))

    def publish(self, who, channel, event, data=None, reply=None):
        sent = self.model.publishing(who, channel, event, data)
        self.model.answered(sent, reply or {"response": {}})

    def receive(self, who, channel, event, data=None):
        self.model.received(who, {"channel": channel, "event": event, "data": data})


def listing(channel, patterns):
    return {"response": {"subscribed": {channel: list(patterns)} if patterns else {}}}


def broken(rule):
    return pytest.raises(DeliveryError, match=f"^{rule}: ")


@pytest.fixture
def story():
    return Story()
