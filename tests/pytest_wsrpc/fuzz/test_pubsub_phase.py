"""The phase ``pubsub``: what it generates, and that what it finds can be shown again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import hypothesis
import pytest
from msgspec import Struct

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.fuzz.conversation import Conversation
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.phases import Subject, pubsub
from pytest_wsrpc.fuzz.phases.pubsub import PHASE, names_in
from wsrpc import ApiPath, BrokerUnavailable, Publish, Subscribe, WsPathMixin
from wsrpc.rpc import methods_of

RunPytest = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]
Paste = Callable[[pytest.RunResult], str]


class Plain(ApiPath, WsPathMixin, Subscribe, Publish):
    """Nothing but the built-in methods."""


class Counting(ApiPath, WsPathMixin, Subscribe):
    """Publishes only by methods of its own."""

    async def ws_rpc_count(self, payload: dict[str, Any]) -> None:
        await self.sockets.publish("news", "count", payload.get("number"))

    async def ws_rpc_fail(self, payload: dict[str, Any]) -> None:
        try:
            await self.sockets.publish("news", "fails", 1)
        except BrokerUnavailable:
            return


def test_the_phase_says_why_it_does_not_apply() -> None:
    class Neither(ApiPath, WsPathMixin):
        """No built-in methods."""

    class Deaf(ApiPath, WsPathMixin, Subscribe):
        """Nothing publishes."""

    def reason(view: type[WsPathMixin]) -> str | None:
        return PHASE.not_applied(Subject(Endpoint("/stream", view, methods_of(view))))

    assert reason(Neither) == "there is no method subscribe"
    assert reason(Deaf) == "there is no method that could publish"
    assert reason(Counting) is None
    assert reason(Plain) is None


def test_channels_are_also_what_the_views_code_names() -> None:
    assert names_in(Counting) == ("news", "count", "number", "fails")
    assert names_in(Plain) == ()


class Remark(Struct):
    channel: str
    mood: Literal["good", "bad"]
    loud: bool = False


class Saying(Plain):
    """Has a method that publishes where its payload says."""

    async def ws_rpc_say(self, payload: Remark) -> None:
        await self.sockets.publish(payload.channel, "said", payload.mood)

    async def ws_rpc_count(self, payload: dict[str, Any]) -> None:
        """Do nothing."""


@pytest.mark.parametrize("view", [Plain, Counting, Saying])
def test_the_phases_conversations_keep_what_is_promised_about_calls(
    view: type[WsPathMixin],
) -> None:
    seen: set[str] = set()

    @hypothesis.settings(max_examples=150, database=None, derandomize=True)
    @hypothesis.given(PHASE.cases(Subject(Endpoint("/stream", view, methods_of(view)))))
    def look(case: Conversation) -> None:
        ids = [(call.client, call.id) for call in case.calls]
        assert len(set(ids)) == len(ids)
        assert case.calls[0].method.name == "subscribe"
        seen.update(call.method.name for call in case.calls)

    look()
    assert seen == set(methods_of(view))


def test_methods_that_a_hook_leaves_out_are_not_called() -> None:
    class Own:
        def may_call(self, path: str, name: str, phase: str) -> bool:
            return name in ("subscribe", "count")

        def strategy(self, *where: Any) -> None: ...

    rules: Any = Own()
    endpoint = Endpoint("/stream", Counting, methods_of(Counting), rules)

    @hypothesis.settings(max_examples=50, database=None, derandomize=True)
    @hypothesis.given(PHASE.cases(Subject(endpoint)))
    def look(case: Conversation) -> None:
        assert {call.method.name for call in case.calls} <= {"subscribe", "count"}

    look()


@pytest.mark.slow
def test_a_lost_event_is_found_and_the_test_to_paste_fails(
    write_app: WriteApp, fuzz: RunPytest, pytester: pytest.Pytester, paste: Paste
) -> None:
    write_app()
    path = pytester.path / "myapp.py"
    text = path.read_text().replace("InvalidParams, ", "InvalidParams, Publish, Subscribe, ")
    text = text.replace("(ApiPath, WsPathMixin)", "(ApiPath, WsPathMixin, Publish, Subscribe)")
    text = text.replace("LocalBroker.for_app", "Losing.for_app")
    text += (
        "\n\nclass Losing(LocalBroker):\n"
        "    async def publish(self, channel, event, body):\n"
        "        if body:\n"
        "            await self.channels(channel, {'event': event, 'data': body})\n"
    )
    path.write_text(text)
    result = fuzz(phases=["pubsub"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["check: pubsub", "got: no such event"])
    pytester.makepyfile(test_pasted=paste(result))
    again = pytester.runpytest_inprocess("-p", "no:randomly", "test_pasted.py")
    again.assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("ends", "more"),
    [
        ("", []),
        ("again", [("subscribe", "a.1"), ("publish", "a.1")]),
        ("all", [("publish", "a.1"), ("publish", "a.2")]),
        ("other", [("subscribe", "a.2"), ("unsubscribe", "a.1"), ("publish", "a.2")]),
    ],
)
def test_in_the_end_it_shows_what_arrives_on_the_channels(
    ends: str, more: list[tuple[str, str]]
) -> None:
    methods = methods_of(Plain)
    patterns = [ws.PatternExample("tick", "tick", "tock")] * 3
    subscribing = pubsub._Subscribe(1, 0, (0,))
    plan = pubsub._Plan(("a.1", "a.2"), patterns, [subscribing], ends, -1)
    made = pubsub._conversation(Endpoint("/stream", Plain, methods), plan)
    assert [(call.method.name, call.payload["channel"]) for call in made.calls[1:]] == more
    events = [call.payload["event"] for call in made.calls if call.method.name != "unsubscribe"]
    assert set(events) == {"tick"}
