"""The model against a small server: quiet about one that is right, not about one that is wrong.

The server takes calls, hands events to its broker, and writes frames, each at a time of
hypothesis' choice.
"""

from collections import deque

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pytest_wsrpc.model import DeliveryError, PubSubModel
from wsrpc.patterns import Pattern

WHO = st.sampled_from(["anna", "bert", "carl"])
CHANNELS = st.sampled_from(["news", "sports"])
PATTERNS = st.sampled_from(["*", "tick", "t*", "[!t]*"])
EVENTS = st.sampled_from(["tick", "tock", "rain"])

STEPS = st.one_of(
    st.tuples(st.just("subscribe"), WHO, CHANNELS, st.lists(PATTERNS, min_size=1, max_size=2)),
    st.tuples(
        st.just("unsubscribe"),
        WHO,
        CHANNELS,
        st.none() | st.lists(PATTERNS, min_size=1, max_size=2),
    ),
    st.tuples(st.just("publish"), WHO, CHANNELS, EVENTS),
    st.tuples(st.just("serve"), WHO),
    st.tuples(st.just("serve"), WHO),
    st.tuples(st.just("deliver"), st.none()),
    st.tuples(st.just("read"), WHO),
    st.tuples(st.just("read"), WHO),
    st.tuples(st.just("leave"), WHO),
    st.tuples(st.just("settle"), st.none()),
)

BUGS = [
    "early",
    "again",
    "lost",
    "swapped",
    "after the end",
    "leak",
    "refused",
    "wrong list",
    "all",
]


class World:
    def __init__(self, bug=None):
        self.bug = bug
        self.model = PubSubModel()
        self.clients = {}
        self.times = {}
        self.broker = deque()
        self.count = 0

    def client(self, who):
        if who not in self.clients:
            self.times[who] = self.times.get(who, 0) + 1
            self.clients[who] = Client(f"{who} {self.times[who]}")
        return self.clients[who]

    def take(self, kind, who, *arguments):
        getattr(self, kind)(*([] if who is None else [self.client(who)]), *arguments)

    def subscribe(self, client, channel, patterns):
        asked = self.model.subscribing(client.name, channel, patterns)
        client.calls.append((asked, None))

    def unsubscribe(self, client, channel, patterns):
        asked = self.model.unsubscribing(client.name, channel, patterns)
        client.calls.append((asked, None))

    def publish(self, client, channel, event):
        self.count += 1
        sent = self.model.publishing(client.name, channel, event, self.count)
        client.calls.append((sent, {"channel": channel, "event": event, "data": self.count}))

    def serve(self, client):
        if not client.calls:
            return
        client.write_acknowledgement()
        call, event = client.calls.popleft()
        held = client.held.setdefault(call.channel, set())
        if event is not None:
            refused = self.bug == "refused" and self.count % 3 == 0
            self.broker.append(event)
            if self.bug == "swapped" and self.count % 2 == 0 and len(self.broker) > 1:
                self.broker[-1], self.broker[-2] = self.broker[-2], self.broker[-1]
            answer = {"error": {"code": -32602}} if refused else {"response": event}
            client.frames.append((call, answer))
            return
        if call.method == "subscribe":
            held.update(call.patterns)
        else:
            gone = held.copy() if call.patterns is None else held & set(call.patterns)
            if self.bug != "after the end":
                held -= gone
        listed = sorted(held - gone if call.method == "unsubscribe" else held)
        if self.bug == "wrong list":
            listed = listed[:1]
        frame = (call, {"response": {"subscribed": {call.channel: listed} if listed else {}}})
        if self.bug == "early" and call.method == "subscribe":
            client.acknowledgement = frame
        else:
            client.frames.append(frame)

    def deliver(self):
        if not self.broker:
            return
        event = self.broker.popleft()
        if self.bug == "lost" and event["data"] % 3 == 0:
            return
        for client in self.clients.values():
            held = client.held.get(event["channel"], set())
            if self.bug == "leak":
                held = {pattern for patterns in client.held.values() for pattern in patterns}
            if any(
                self.bug == "all" or Pattern(pattern).matches(event["event"]) for pattern in held
            ):
                client.frames.append((None, event))
                if self.bug == "again" and event["data"] % 2 == 0:
                    client.frames.append((None, event))
            client.write_acknowledgement()

    def read(self, client):
        if client.frames:
            call, frame = client.frames.popleft()
            if call is None:
                self.model.received(client.name, frame)
            else:
                self.model.answered(call, frame)

    def leave(self, client):
        self.model.closed(client.name)
        self.clients = {who: other for who, other in self.clients.items() if other is not client}

    def settle(self):
        clients = list(self.clients.values())
        for client in clients:
            while client.calls:
                self.serve(client)
        while self.broker:
            self.deliver()
        for client in clients:
            client.write_acknowledgement()
            while client.frames:
                self.read(client)
        assert self.model.unanswered() == []
        self.model.settled()


class Client:
    def __init__(self, name):
        self.name = name
        self.calls = deque()
        self.frames = deque()
        self.held = {}
        self.acknowledgement = None

    def write_acknowledgement(self):
        if self.acknowledgement is not None:
            self.frames.append(self.acknowledgement)
            self.acknowledgement = None


def live(steps, bug=None):
    world = World(bug)
    for step in steps:
        world.take(*step)
    world.settle()


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(steps=st.lists(STEPS, max_size=60))
def test_the_model_is_quiet_about_a_server_that_keeps_the_contract(steps):
    live(steps)


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_the_model_finds_a_server_that_breaks_it(bug):
    @settings(
        max_examples=2000,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=st.lists(STEPS, min_size=20, max_size=60))
    def run(steps):
        live(steps, bug)

    with pytest.raises(DeliveryError):
        run()
