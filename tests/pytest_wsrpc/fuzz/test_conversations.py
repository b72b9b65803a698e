"""Conversations: how they are played, what is recorded, and what the checks make of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from aiohttp import web
from msgspec import Meta, Struct

from pytest_wsrpc import faults
from pytest_wsrpc.fuzz import playing, target
from pytest_wsrpc.fuzz.conversation import (
    Advance,
    Call,
    Connect,
    Conversation,
    Disconnect,
    Fault,
    Heal,
    Like,
    Ref,
    Settle,
    Step,
    Together,
)
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.judging import judge
from pytest_wsrpc.fuzz.playing import play_conversation, play_on
from pytest_wsrpc.fuzz.record import Happening, Record
from pytest_wsrpc.fuzz.references import candidates
from pytest_wsrpc.fuzz.serving import Host
from pytest_wsrpc.fuzz.tally import Tally
from pytest_wsrpc.strategies.schema.field_names import words
from pytest_wsrpc.transcript import Transcript
from wsrpc import ApiPath, LocalBroker, Publish, RpcError, Subscribe, WsPathMixin
from wsrpc.rpc import methods_of


class New(Struct):
    title: str


class Item(Struct):
    id: str
    title: str


class Which(Struct):
    item_id: Annotated[str, Meta(max_length=4)]


class Seconds(Struct):
    seconds: float


class Seat(Struct):
    number: Annotated[int, Meta(le=100)]


DOORS: web.AppKey[Any] = web.AppKey("doors")


class View(ApiPath, WsPathMixin, Publish, Subscribe):
    """Each connection has items of its own; what fails, and how, its methods say."""

    async def on_connect(self) -> None:
        door = next(self.request.app[DOORS], None)
        if door is web.HTTPForbidden:
            raise web.HTTPForbidden
        if door is RuntimeError:
            raise RuntimeError("out of order")
        self.items: dict[str, str] = {}

    async def on_disconnect(self) -> None:
        if "broken" in self.items.values():
            raise LookupError("broken")

    async def ws_rpc_create_item(self, payload: New) -> Item:
        id = f"i{len(self.items)}"
        self.items[id] = payload.title
        return Item(id, payload.title)

    async def ws_rpc_delete_item(self, payload: Which) -> Item:
        if payload.item_id not in self.items:
            raise RpcError(7, "no such item")
        return Item(payload.item_id, self.items.pop(payload.item_id))

    async def ws_rpc_wait(self, payload: Seconds) -> str:
        await asyncio.sleep(payload.seconds)
        return "waited for long"

    async def ws_rpc_end(self, payload: Seconds) -> None:
        await self.close(4000)

    async def ws_rpc_end_of_all(self, payload: Seconds) -> None:
        for socket in list(self.sockets.sockets):
            if socket is not self:
                await socket.close(4001)

    async def ws_rpc_tell(self, payload: New) -> None:
        await self.send_event("news", payload.title, 1)

    async def ws_rpc_seat(self, payload: Seat) -> None:
        return None

    async def ws_rpc_any(self, payload: Any) -> Any:
        return payload


METHODS = methods_of(View)
ENDPOINT = Endpoint("/stream", View, METHODS)


def create_app(*doors: type[Exception] | None) -> web.Application:
    """Let the first connections in, or refuse them by these exceptions."""
    app = web.Application()
    app[DOORS] = iter(doors)
    app.router.add_view("/stream", View)
    LocalBroker.for_app(app)
    return app


def create_rough_app(greeting: str = "") -> web.Application:
    """A server that knows no protocol: it does what the title says."""
    app = web.Application()
    sockets: list[web.WebSocketResponse] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sockets.append(socket)
        is_deaf = greeting == "deaf"
        if greeting == "news":
            await socket.send_json({"channel": "a", "event": "b", "data": 1})
        async for message in socket:
            sent = message.json()
            reply = {"id": sent["id"], "method": sent["method"], "response": 1}
            what = sent["payload"]["title"] if "payload" in sent else ""
            is_deaf = is_deaf or what == "deaf"
            if greeting == "hang up":
                await socket.close(code=4000)
            elif greeting == "mixed up":
                await sockets[0].send_json(reply)
            elif greeting == "twice":
                await socket.send_json(reply)
                await socket.send_json(reply)
            elif what == "flood":
                while not socket.closed:
                    await socket.send_json({"channel": "a", "event": "b", "data": 1})
            elif what == "astray":
                for other in sockets:
                    await other.send_json(reply)
            elif what == "anonymous":
                await socket.send_json({**reply, "id": "x"})
            elif what == "no object":
                await socket.send_json([])
            elif what == "twice":
                await socket.send_json(reply)
                await socket.send_json(reply)
            elif what == "close before the probe":
                await socket.send_json(reply)
                await socket.close(code=4000)
            elif what == "news to all":
                for other in sockets:
                    await other.send_json({"channel": "a", "event": "b", "data": 1})
                await socket.send_json(reply)
            elif what != "mute" and not (is_deaf and "payload" not in sent):
                await socket.send_json(reply)
        return socket

    app.router.add_get("/stream", serve)
    return app


Play = Callable[..., Record]


@pytest.fixture
def play() -> Iterator[Play]:
    hosts: list[Host] = []

    def played(*steps: Step, app: Callable[[], web.Application] = create_app) -> Record:
        host = Host(target.of_value(app, "the test"))
        hosts.append(host)
        conversation = Conversation(ENDPOINT, steps)
        return host.run(play_conversation(host, conversation, "/stream", (), 5.0))

    yield played
    for host in hosts:
        host.close()


def call(id: int, method: str, client: int = 1, **payload: Any) -> Call:
    wait = payload.pop("wait", True)
    return Call(client, id, METHODS[method], payload, wait=wait)


def rough(id: int, what: str, client: int = 1, *, wait: bool = True) -> Call:
    return call(id, "create_item", client, title=what, wait=wait)


def failed(record: Record) -> list[str]:
    return [failure.check for failure in judge(record, frozenset(), Path.cwd())]


def summary(record: Record) -> list[tuple[Any, ...]]:
    return [(entry.what, entry.client, entry.call) for entry in record.trace]


def test_calls_are_recorded_in_order_with_what_came_back(play: Play) -> None:
    record = play(call(1, "create_item", title="a"), call(2, "delete_item", item_id="i0"))
    assert [exchange.response for exchange in record.calls] == [{"id": "i0", "title": "a"}] * 2
    assert summary(record) == [
        ("connected", 1, None),
        ("sent", 1, 0),
        ("answered", 1, 0),
        ("sent", 1, 1),
        ("answered", 1, 1),
    ]
    assert [(exchange.sent, exchange.answered) for exchange in record.calls] == [(1, 2), (3, 4)]
    assert failed(record) == []
    assert record.exception is None
    assert record.render().splitlines() == [
        '  > {"id":1,"method":"create_item","payload":{"title":"a"}}',
        '  < {"id":1,"method":"create_item","response":{"id":"i0","title":"a"}}',
        '  > {"id":2,"method":"delete_item","payload":{"item_id":"i0"}}',
        '  < {"id":2,"method":"delete_item","response":{"id":"i0","title":"a"}}',
    ]


def test_a_reference_stands_for_a_value_of_an_earlier_response(play: Play) -> None:
    record = play(
        call(1, "create_item", title="a"),
        call(2, "delete_item", item_id=Ref(0, ("id",))),
        call(3, "any", titles=[Ref(1, ("title",))]),
    )
    assert record.calls[1].payload == {"item_id": "i0"}
    assert record.calls[1].origins == {("item_id",): (0, ("id",))}
    assert record.calls[2].response == {"titles": ["a"]}


@pytest.mark.parametrize("ref", [Ref(0, ("no",)), Ref(0, ("id", "no")), Ref(3)])
def test_a_call_whose_reference_leads_nowhere_is_left_out(play: Play, ref: Ref) -> None:
    record = play(call(1, "create_item", title="a"), call(2, "delete_item", item_id=ref))
    assert [exchange.call for exchange in record.calls] == [0]
    assert record.of(1) is None


def test_a_value_that_fits_by_its_name_is_taken_from_a_response(play: Play) -> None:
    record = play(
        call(1, "create_item", title="a"),
        call(2, "create_item", title="b"),
        call(3, "delete_item", item_id=Like("item_id", "x", back=1)),
        call(4, "delete_item", item_id=Like("item_id", "x", back=9)),
    )
    assert record.calls[2].response == {"id": "i0", "title": "a"}
    assert record.calls[3].payload == {"item_id": "i0"}


def test_a_value_of_any_name_is_taken_by_its_type_and_the_numbers_next_to_it(play: Play) -> None:
    told = {"found": {"total": 37, "free": True}, "of": ["a", "b"]}
    record = play(
        call(1, "any", **told),
        call(2, "any", seat=Like("seat", 5, step=0)),
        call(3, "any", seat=Like("seat", 5, step=-1)),
        call(4, "any", which=Like("which", "x", back=1, step=0)),
        call(5, "any", which=Like("which", None, step=1)),
    )
    taken = [one.payload for one in record.calls[1:]]
    assert taken == [{"seat": 37}, {"seat": 36}, {"which": "b"}, {"which": None}]
    assert [one.origins for one in record.calls[1:]] == [
        {("seat",): (0, ("found", "total"))},
        {},
        {("which",): (0, ("of", 1))},
        {},
    ]


def test_what_fits_by_its_name_comes_before_what_does_by_its_type(play: Play) -> None:
    record = play(
        call(1, "any", names=["a", "b"], old="c"),
        call(2, "any", old=Like("old", "x", elsewhere=1), new=Like("new", "y", elsewhere=1)),
        call(3, "any", new=Like("new", "y"), free=Like("free", True, elsewhere=1)),
    )
    assert record.calls[1].payload == {"old": "c", "new": "b"}
    assert record.calls[2].payload == {"new": "b", "free": True}


def test_a_value_of_any_name_has_to_be_of_the_type(play: Play) -> None:
    record = play(
        call(1, "wait", seconds=0.5),
        call(2, "delete_item", item_id=Like("item_id", "x", step=0)),
        call(3, "any", most=2**63 - 1),
        call(4, "seat", number=Like("number", 7, step=1)),
    )
    assert record.calls[1].payload == {"item_id": "x"}
    assert record.calls[3].payload == {"number": 7}


def test_where_nothing_fits_the_value_that_was_drawn_is_sent(play: Play) -> None:
    record = play(
        call(1, "delete_item", item_id=Like("item_id", "x")),
        call(2, "wait", seconds=0.5),
        call(3, "delete_item", item_id=Like("item_id", "y")),
    )
    assert record.calls[0].payload == {"item_id": "x"}
    # the only value of the response, but the type takes four characters
    assert record.calls[2].payload == {"item_id": "y"}
    assert record.calls[2].origins == {}
    assert failed(record) == []


def test_what_the_type_is_to_refuse_may_have_any_value_of_a_response(play: Play) -> None:
    refused = Call(
        1, 2, METHODS["delete_item"], {"item_id": Like("item_id", "y")}, code=-32602,
        path=("item_id",), why="too long",
    )  # fmt: skip
    record = play(call(1, "wait", seconds=0.5), refused)
    assert record.calls[1].payload == {"item_id": "waited for long"}
    assert failed(record) == []


RESPONSES = {
    0: {"id": "i0", "owner": {"id": "o0"}, "count": 3},
    1: "only",
    2: {"items": [{"id": "i2"}], "orderIds": [7, 8], "price": 1.5, "deep": {}},
}
NAMES = {0: "create_item", 1: "token", 2: "list_items"}


@pytest.mark.parametrize(
    ("name", "drawn", "values"),
    [
        ("id", "", ["i2", "i0", "o0", "only"]),
        ("item_id", "", ["i2", "i0", "o0", "only"]),
        ("ownerId", "", ["o0", "i2", "i0", "only"]),
        ("order_id", 0, [7, 8]),
        ("count", 0, [3]),
        ("price", 0.5, [1.5]),
        ("amount", True, []),
        ("unit_price", None, [1.5, "only"]),
    ],
)
def test_values_of_responses_fit_by_name_and_type(
    name: str, drawn: object, values: list[object]
) -> None:
    assert [value for _, value in candidates(name, drawn, RESPONSES, NAMES)] == values


def test_words_of_a_name() -> None:
    assert words("orderIds") == words("order_id") == ("order", "id")


def test_a_deep_response_is_looked_at_to_some_depth() -> None:
    deep: Any = {"id": "deep"}
    for _ in range(50):
        deep = [deep]
    assert candidates("id", "", {0: deep}, {}) == []


def test_two_clients_have_connections_of_their_own(play: Play) -> None:
    record = play(
        Connect(1),
        Connect(1),
        call(1, "create_item", title="a"),
        call(1, "delete_item", 2, item_id="i0"),
        Disconnect(1),
        Disconnect(3),
        call(2, "delete_item", item_id="i0"),
    )
    assert [exchange.is_success for exchange in record.calls] == [True, False, False]
    assert [exchange.client for exchange in record.calls] == [1, 2, 1]
    assert record.conversation.clients == (1, 2, 3)
    assert failed(record) == []
    assert record.render().splitlines()[:2] == [
        '  client 1 > {"id":1,"method":"create_item","payload":{"title":"a"}}',
        '  client 1 < {"id":1,"method":"create_item","response":{"id":"i0","title":"a"}}',
    ]
    assert "  client 1 disconnected" in record.render()


def test_calls_overlap(play: Play) -> None:
    record = play(
        Connect(2),
        call(1, "wait", seconds=2, wait=False),
        Together((call(2, "wait", seconds=1), call(1, "create_item", 2, title="a"))),
        Advance(5),
    )
    assert [entry[:2] for entry in summary(record)[2:]] == [
        ("sent", 1),
        ("connected", 1),
        ("sent", 1),
        ("sent", 2),
        ("answered", 2),
        ("answered", 1),
        ("note", None),
        ("answered", 1),
    ] or [entry[0] for entry in summary(record)].count("answered") == 3
    assert record.conversation.clients == (2, 1)
    assert failed(record) == []
    assert "~ 5 s pass" in record.render()


def test_a_call_that_nobody_waits_for_is_awaited_at_the_end(play: Play) -> None:
    record = play(
        Together((call(1, "wait", seconds=2, wait=False), call(2, "create_item", title="a")))
    )
    assert [exchange.is_success for exchange in record.calls] == [True, True]


def test_a_client_that_goes_has_no_answer_to_wait_for(play: Play) -> None:
    record = play(call(1, "wait", seconds=2, wait=False), Disconnect(1))
    assert not record.calls[0].answers
    assert failed(record) == []


def test_only_calls_that_were_answered_or_should_have_been_are_counted(play: Play) -> None:
    tally = Tally("app:make", "/stream", "sequence", "/stream")
    tally.count(play(call(1, "wait", seconds=2, wait=False), Disconnect(1)))
    tally.count(play(call(1, "wait", seconds=20)))
    tally.count(play(call(1, "create_item", title="a"), call(2, "delete_item", item_id="i9")))
    waited = tally.methods["wait"]
    assert (waited.cases, waited.valid, waited.errors) == (2, 1, 1)
    assert (tally.methods["create_item"].success, tally.methods["delete_item"].refused) == (1, 1)
    assert tally.cases == 3


def test_a_call_without_an_answer_fails(play: Play) -> None:
    record = play(call(1, "wait", seconds=20), call(2, "create_item", title="a"))
    assert record.calls[0].silent
    assert failed(record) == ["one-reply-in-time"]


def test_the_server_ends_a_connection(play: Play) -> None:
    record = play(call(1, "end", seconds=0), call(2, "create_item", title="a"))
    assert record.closed == {1: 4000}
    assert len(record.calls) == 1
    assert failed(record) == ["stays-open"]
    record = play(call(1, "end", seconds=0), Connect(1), call(2, "create_item", title="a"))
    assert len(record.calls) == 2


def test_the_end_of_a_connection_is_laid_on_the_last_call(play: Play) -> None:
    record = play(Connect(1), call(1, "end_of_all", 2, seconds=0), call(2, "tell", 2, title="a"))
    assert record.closed == {1: 4001}
    assert failed(record) == ["stays-open"]


def test_events_are_kept_by_client(play: Play) -> None:
    record = play(call(1, "tell", title="a"), call(1, "create_item", 2, title="b"))
    [(place, event)] = record.events[1]
    assert event.value["event"] == "a"
    assert record.trace[place].what == "event"
    assert record.calls[0].events == [event]
    record = play(Connect(1), rough(1, "news to all", 2), app=create_rough_app)
    assert record.events.keys() == {1, 2}
    record = play(rough(1, "plain"), rough(1, "news to all", 2), app=create_rough_app)
    assert [len(exchange.events) for exchange in record.calls] == [1, 1]


def test_what_fails_outside_of_calls_is_laid_on_the_last_one(play: Play) -> None:
    record = play(call(1, "create_item", title="broken"), Disconnect(1))
    assert isinstance(record.exception, LookupError)
    assert record.calls[0].failures == record.failures
    assert failed(record) == ["no-internal-error"]


def test_what_fails_before_any_call_is_laid_on_the_first(play: Play) -> None:
    record = play(
        Connect(1), call(1, "create_item", 2, title="a"), app=lambda: create_app(RuntimeError)
    )
    assert record.calls[0].failures == record.failures
    assert failed(record) == ["no-internal-error"]


def test_a_refused_handshake_leaves_out_the_calls(play: Play) -> None:
    record = play(
        call(1, "create_item", title="a"),
        call(1, "create_item", 2, title="b"),
        Disconnect(2),
        app=lambda: create_app(None, web.HTTPForbidden),
    )
    assert len(record.calls) == 1
    assert ("refused", 2, None) in summary(record)
    assert failed(record) == []


def test_an_exception_at_the_handshake_is_a_failure(play: Play) -> None:
    record = play(
        call(1, "create_item", title="a"),
        Connect(2),
        app=lambda: create_app(None, RuntimeError),
    )
    assert isinstance(record.exception, RuntimeError)
    assert failed(record) == ["no-internal-error"]


def test_a_reply_on_another_connection_is_found(play: Play) -> None:
    record = play(Connect(1), rough(5, "astray", 2), app=create_rough_app)
    assert [client for client, _ in record.strays] == [1]
    assert failed(record) == ["conforms", "right-connection"]
    record = play(Connect(1), rough(1, "plain"), rough(5, "astray", 2), app=create_rough_app)
    assert [client for client, _ in record.strays] == [1]


def test_a_reply_to_a_call_of_the_same_id_on_another_connection_is_found(play: Play) -> None:
    record = play(
        Connect(1),
        Together((rough(1, "plain"), rough(1, "plain", 2))),
        app=lambda: create_rough_app("mixed up"),
    )
    assert [len(exchange.answers) for exchange in record.calls] == [2, 0]
    assert "right-connection" in failed(record)
    assert "one-reply-in-time" not in failed(record)
    assert "~ no reply to id 1 within" in record.render()


def test_the_probe_of_one_client_may_be_answered_to_another(play: Play) -> None:
    record = play(Connect(1), Connect(2), app=lambda: create_rough_app("mixed up"))
    assert [(client, owner) for client, owner, _ in record.probes_astray] == [(1, 2)]
    assert failed(record) == ["right-connection"]
    sent, came = record.trace[-2:]
    assert (sent.what, sent.client, came.what, came.client) == ("sent", 2, "stray", 1)


def test_an_answer_of_unknown_id_is_taken_for_the_call_that_waits(play: Play) -> None:
    for what in ("anonymous", "no object"):
        record = play(rough(1, what), app=create_rough_app)
        assert len(record.calls[0].answers) == 1
        assert record.strays == []
    record = play(rough(1, "plain"), rough(2, "anonymous", 2), app=create_rough_app)
    assert len(record.calls[1].answers) == 1


def test_two_answers_are_found(play: Play) -> None:
    record = play(rough(1, "twice"), app=create_rough_app)
    assert [failure for failure in failed(record) if failure != "conforms"] == []
    assert len(record.calls[0].answers) == 2


def test_a_connection_that_does_not_serve_any_more_is_found(play: Play) -> None:
    record = play(Call(1, "probe 1", METHODS["any"], {"title": "deaf"}), app=create_rough_app)
    assert record.calls[0].unserved == 1
    assert not record.calls[0].silent
    assert record.trace[-1].text == '{"id":"probe 1 again","method":"no-such-method"}'
    assert failed(record) == ["one-reply-in-time"]


def test_a_connection_that_ends_while_it_is_looked_at(play: Play) -> None:
    record = play(rough(1, "close before the probe"), app=create_rough_app)
    assert record.closed == {1: 4000}


GREETINGS = {
    "": "connected", "deaf": "sent", "hang up": "closed", "news": "event", "twice": "connected"
}  # fmt: skip


@pytest.mark.parametrize("greeting", GREETINGS)
def test_a_connection_without_a_call_may_do_anything(play: Play, greeting: str) -> None:
    record = play(Connect(1), app=lambda: create_rough_app(greeting))
    assert record.trace[-1].what == GREETINGS[greeting]
    assert failed(record) == []


def test_a_flood_has_an_end(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "FLOOD", 50)
    record = play(rough(1, "flood"), app=create_rough_app)
    assert len(record.events[1]) == 50
    assert failed(record) == ["one-reply-in-time"]


def test_what_goes_wrong_in_reading_is_raised(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(frame: object) -> None:
        raise LookupError

    monkeypatch.setattr(playing, "parse", broken)
    with pytest.raises(LookupError):
        play(rough(1, "plain"), app=create_rough_app)


def test_two_conversations_on_one_application() -> None:
    host = Host(target.of_value(create_app, "the test"))

    async def play_twice() -> list[Record]:
        steps = (call(1, "create_item", title="broken"), Settle(), Heal())
        conversation = Conversation(ENDPOINT, steps)
        async with host.application() as server:
            return [await play_on(server, conversation, "/stream", (), 5.0) for _ in range(2)]

    records = host.run(play_twice())
    assert [failed(record) for record in records] == [["no-internal-error"]] * 2
    host.close()


def spec(text: str) -> faults.Spec:
    return faults.parse(text)[0]


def test_faults_are_in_force_until_healed(play: Play) -> None:
    record = play(
        call(1, "create_item", title="a", wait=False),
        Fault(spec("reply:drop,method=create_item")),
        call(2, "create_item", title="b"),
        Heal(),
        call(3, "create_item", title="c"),
    )
    assert [exchange.under_faults for exchange in record.calls] == [True, True, False]
    assert record.calls[1].silent
    assert failed(record) == []
    notes = [entry.text for entry in record.trace if entry.what == "note"]
    assert notes[0] == "from now on: reply:drop,method=create_item"
    assert "reply:drop,method=create_item" in notes[1]
    assert notes[-1] == "all faults end"


def test_faults_that_last_to_the_end_do_not_keep_anything_open(play: Play) -> None:
    record = play(
        Heal(), call(1, "subscribe", channel="a"), Fault(spec("unsubscribe:error=ConnectionError")),
        call(2, "unsubscribe", channel="a"),
    )  # fmt: skip
    assert record.failures == []
    assert failed(record) == []


def test_without_calls_there_is_no_method() -> None:
    conversation = Conversation(ENDPOINT, (Connect(1), Advance(1)))
    assert conversation.method is None
    assert conversation.is_valid


def test_a_conversation_reads_well_and_the_shorter_is_smaller() -> None:
    short = Conversation(ENDPOINT, (call(1, "create_item", title="x" * 1000),))
    long = Conversation(
        ENDPOINT, (call(1, "wait", seconds=1, wait=False), call(2, "delete_item", item_id=Ref(0)))
    )
    like = Conversation(ENDPOINT, (call(1, "delete_item", item_id=Like("item_id", "x")),))
    assert repr(long) == (
        "Conversation(send wait({'seconds': 1}) by 1, delete_item({'item_id': response 0}) by 1)"
    )
    assert "like 'item_id', else 'x'" in repr(like)
    assert repr(Ref(1, ("a", 0))) == "response 1['a'][0]"
    assert like.size < short.size < long.size


def test_a_long_conversation_of_several_loses_its_middle() -> None:
    record = Record(Conversation(ENDPOINT, ()), 1.0)
    record.transcripts = {1: Transcript(), 2: Transcript()}
    record.trace = [Happening("event", 0.0, 1, text=f"{number}") for number in range(100)]
    lines = record.render().splitlines()
    assert len(lines) == 61
    assert lines[15] == "  ... 40 entries left out ..."
