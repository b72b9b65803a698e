"""The publish/subscribe contract in a state machine: quiet about what keeps it, and only that."""

import asyncio

import pytest
from hypothesis import Phase

from pytest_wsrpc.demo import Stream
from pytest_wsrpc.model import DeliveryError
from pytest_wsrpc.stateful import ChannelsMachine, PubSubRules, rule
from wsrpc import CannotPublish, LocalBroker

from .conftest import application


def machine(broker=LocalBroker, view=Stream, base=ChannelsMachine, **options):
    def create_app():
        return application(view, broker, **options)

    return type("Channels", (base,), {"create_app": staticmethod(create_app)})


@pytest.mark.slow
@pytest.mark.parametrize("latency", [0.0, 0.3])
def test_the_local_broker_keeps_the_contract_under_faults(run, latency):
    run(machine(latency=latency), max_examples=40, stateful_step_count=40)


class Twice(LocalBroker):
    async def publish(self, channel, event, body):
        await super().publish(channel, event, body)
        if event == "trade":
            await super().publish(channel, event, body)


class Forgetful(LocalBroker):
    async def publish(self, channel, event, body):
        if event != "tick.a":
            await super().publish(channel, event, body)


class Swapping(LocalBroker):
    even = False

    async def publish(self, channel, event, body):
        self.even = not self.even
        loop = asyncio.get_running_loop()
        message = {"event": event, "data": body}
        loop.call_later(2 if self.even else 1, self.deliver, channel, message)

    def deliver(self, channel, message):
        self.coming = asyncio.get_running_loop().create_task(self.channels(channel, message))


class Spreading(LocalBroker):
    async def publish(self, channel, event, body):
        for name in ("a", "b"):
            await super().publish(name, event, body)


class Hasty(Stream):
    async def ws_rpc_publish(self, payload):
        answer = await super().ws_rpc_publish(payload)
        if answer["event"] == "trade":
            raise CannotPublish("too late")
        return answer


class Lying(Stream):
    async def ws_rpc_unsubscribe(self, payload):
        await super().ws_rpc_unsubscribe(payload)
        return {"subscribed": {payload.channel: ["*"]}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "rules"),
    [
        ({"broker": Twice}, {"once"}),
        ({"broker": Forgetful}, {"missing"}),
        ({"broker": Swapping}, {"order", "late"}),
        ({"broker": Spreading}, {"published"}),
        ({"view": Hasty}, {"published"}),
        ({"view": Lying}, {"acknowledged"}),
    ],
    ids=["twice", "forgetful", "swapping", "spreading", "hasty", "lying"],
)
def test_what_breaks_the_contract_is_found(fails, options, rules):
    phases = [Phase.generate]
    failure = fails(machine(**options), DeliveryError, max_examples=100, phases=phases)
    assert failure.rule in rules


def test_the_steps_are_shown_with_the_conversations(fails, steps):
    failure = fails(machine(Twice, base=PubSubRules), DeliveryError)
    assert steps(failure)[-1].startswith("state.publish(channel='")
    assert steps(failure)[-1].endswith(", event='trade')")
    assert any(step.startswith("state.subscribe(channel='") for step in steps(failure))
    assert "Conversation of client 0:" in failure.text


class Broken(LocalBroker):
    async def publish(self, channel, event, body):
        raise KeyError(channel)


def test_an_internal_error_has_the_exception_of_the_server_for_its_cause(fails, steps):
    failure = fails(machine(Broken))
    assert str(failure) == (
        "publish on channel 'a' by client 0 was answered with -32603 Internal error"
    )
    assert isinstance(failure.__cause__, KeyError)
    assert steps(failure) == ["state.publish(channel='a', client=0, event='tick')"]


class Silent(Stream):
    async def ws_rpc_unsubscribe(self, payload):
        await asyncio.sleep(1000)


def test_a_call_that_is_never_answered_fails_the_run(fails):
    class Quick(machine(view=Silent)):
        patience = 30.0
        times = (1.0,)

    assert "was not answered within 30 s" in str(fails(Quick))


def test_a_second_reply_fails_the_step(fails):
    class Doubled(machine(base=PubSubRules)):
        async def begin(self):
            self.inject_fault("reply:duplicate,times=1")

    assert "that it has not made, or a second one" in str(fails(Doubled))


def test_a_frame_that_is_no_message_fails_the_step(fails):
    class Damaged(machine(base=PubSubRules)):
        @rule()
        async def odd(self):
            client = await self.client(0)
            client.frame_received(b"[1]", binary=False)

    assert "client 0 got what is no message: [1]" in str(fails(Damaged))


def test_events_of_other_channels_are_none_of_the_models_business(run):
    class Private(Stream):
        async def ws_rpc_publish(self, payload):
            await self.send_event("private", "hello", None)
            return await super().ws_rpc_publish(payload)

    run(machine(view=Private), max_examples=5)


def test_an_application_that_changes_data_and_hides_events_says_so(run):
    class Wrapping(Stream):
        def get_publish_message(self, data):
            return {"data": data}

        def can_receive(self, channel, event):
            return event != "trade"

    class Channels(machine(view=Wrapping)):
        def data(self, number):
            return f"event {number}"

        def delivered(self, data):
            return {"data": data}

        def hides(self, client, channel, event):
            assert client in (0, 1, 2)
            return event == "trade"

    run(Channels, max_examples=20)


@pytest.mark.slow
def test_what_each_client_has_received_is_there_for_own_rules(run):
    seen = []

    class Own(machine(base=PubSubRules)):
        @rule()
        async def look(self):
            seen.extend(event["event"] for events in self.received.values() for event in events)

    run(Own)
    assert set(seen) <= {"tick", "tick.a", "trade"}
    assert len(set(seen)) > 1


def test_a_client_that_is_not_there_has_nothing_to_read(run):
    class Absent(machine(base=PubSubRules)):
        @rule()
        async def leave(self):
            await self.disconnect(9)

    run(Absent, max_examples=2)


def test_what_is_missing_is_asked_whenever_all_had_time_to_arrive(fails, steps):
    class Endless(machine(Forgetful, base=PubSubRules)):
        async def finish(self):
            """Ask nothing at the end."""

    failure = fails(Endless, DeliveryError, phases=[Phase.generate], max_examples=400)
    assert failure.rule == "missing"
    assert steps(failure)[-1] == "state.let_arrive()"
