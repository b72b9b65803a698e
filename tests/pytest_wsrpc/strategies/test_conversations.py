"""`conversations`: what is drawn, and that it plays on an application."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from aiohttp import web
from hypothesis import Phase, given, settings
from hypothesis import find as find_any
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.vendor.pretty import pretty

from pytest_wsrpc import VirtualLoop, serve
from pytest_wsrpc import strategies as ws
from pytest_wsrpc.demo import create_app
from pytest_wsrpc.fuzz.conversation import (
    Advance,
    Call,
    Connect,
    Disconnect,
    Heal,
    Like,
    Ref,
    Together,
)
from pytest_wsrpc.fuzz.endpoints import endpoints_of
from wsrpc import ApiPath, InternalError, LocalBroker, RpcError, WsPathMixin

ITEMS = web.AppKey("items", dict)


@dataclass
class Item:
    id: str


class Shop(ApiPath, WsPathMixin):
    async def ws_rpc_create_item(self, payload: dict[str, int]) -> dict[str, str]:
        """Make an item with an id that nobody could guess."""
        key = f"item-{len(self.request.app[ITEMS]) * 7919 + 104729}"
        self.request.app[ITEMS][key] = payload
        return {"id": key}

    async def ws_rpc_delete_item(self, payload: Item) -> bool:
        """Delete an item; of one that was deleted before it knows nothing any more."""
        id = payload.id
        if id not in self.request.app[ITEMS]:
            raise RpcError(404, "no such item")
        if self.request.app[ITEMS][id] is None:
            raise KeyError(id)
        self.request.app[ITEMS][id] = None
        return True


class Empty(ApiPath, WsPathMixin):
    """No methods at all."""


def find(strategy, condition):
    return find_any(strategy, condition, settings=settings(database=None, deadline=None))


def shop(*paths):
    app = web.Application()
    for path in paths or ("/stream",):
        app.router.add_view(path, Shop)
    app[ITEMS] = {}
    LocalBroker.for_app(app)
    return app


def conversation(*steps, app=None):
    [endpoint] = endpoints_of(app or shop())
    return ws.Conversation(endpoint, steps)


def call(client, name, payload, app=None):
    methods = conversation(app=app).endpoint.methods
    return Call(client, 1, methods[name], payload)


def play(conversation, app=None, loop_factory=VirtualLoop, **options):
    async def played():
        async with serve(app or shop()) as connect:
            return await conversation.play(connect, **options)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(played())


@pytest.mark.slow
def test_the_simplest_conversation_is_one_call():
    simplest = find(ws.conversations(create_app()), lambda drawn: True)
    assert pretty(simplest) == repr(simplest) == "Conversation(echo({}) by 0)"


def test_all_kinds_of_steps_are_drawn_and_every_conversation_plays():
    kinds = Counter()

    @settings(max_examples=200, deadline=None, database=None)
    @given(ws.conversations(create_app(), clients=3, pauses=[1.0]))
    def drawn(conversation):
        kinds.update(type(step) for step in conversation.steps)
        kinds.update(call.client for call in conversation.calls)
        ids = [call.id for call in conversation.calls]
        assert len(set(ids)) == len(ids)
        answers = play(conversation, create_app())
        assert len(answers) == len(conversation.calls)
        for answer, call in zip(answers, conversation.calls, strict=True):
            assert (answer.client, answer.method) == (call.client, call.method.name)

    drawn()
    assert set(kinds) == {Call, Together, Disconnect, Advance, 0, 1, 2}


def test_a_value_of_an_answer_finds_its_way_into_a_later_call():
    chosen = ws.conversations(shop())

    @settings(
        max_examples=600, deadline=None, database=None, phases=[Phase.generate], derandomize=True
    )
    @given(chosen)
    def run(conversation):
        play(conversation)

    with pytest.raises(InternalError) as failure:
        run()
    assert isinstance(failure.value.__cause__, KeyError)
    assert re.search(r"delete_item\(\{'id': like 'id', else ", "\n".join(failure.value.__notes__))


def test_answers_are_responses_or_errors():
    made, gone, again = play(
        conversation(
            call(0, "create_item", {"a": 1}),
            call(1, "delete_item", {"id": Like("id", "x")}),
            call(1, "delete_item", {"id": "nothing"}),
        )
    )
    assert made.response == {"id": "item-104729"}
    assert made.code is made.error is None
    assert gone == ws.Answer(1, "delete_item", {"id": "item-104729"}, True)
    assert again.code == again.error.code == 404
    assert again.response is None


def test_an_internal_error_is_raised_when_all_that_overlaps_has_ended():
    with pytest.raises(InternalError) as failure:
        play(
            conversation(
                call(0, "create_item", {}),
                Together(
                    (
                        call(0, "delete_item", {"id": Ref(0, ("id",))}),
                        call(1, "delete_item", {"id": Ref(0, ("id",))}),
                        call(1, "create_item", {}),
                    )
                ),
            )
        )
    assert isinstance(failure.value.__cause__, KeyError)


def test_a_client_that_left_comes_back_when_it_calls():
    opened = []

    async def played():
        async with serve(shop()) as connect:

            async def counted(*path):
                opened.append(path)
                return await connect(*path)

            step = call(0, "create_item", {})
            await conversation(step, step, Disconnect(0), Disconnect(1), step).play(counted)

    asyncio.run(played())
    assert opened == [(), ()]


def test_a_step_that_is_none_of_a_plain_conversation_is_told():
    assert play(conversation(Connect(0), Connect(0))) == []
    with pytest.raises(TypeError, match="set faults beside it, by ws_faults"):
        play(conversation(Heal()))


@pytest.mark.parametrize("loop", [VirtualLoop, asyncio.new_event_loop])
def test_time_passes_on_the_clock_of_the_loop(loop):
    step = call(0, "create_item", {})
    answers = play(conversation(step, Advance(0.05), step), loop_factory=loop)
    assert len(answers) == 2


def test_of_several_endpoints_one_is_picked():
    app = shop("/one", "/two")
    drawn = find(ws.conversations(app, path="/two"), lambda drawn: True)
    assert drawn.path == "/two"
    paths = []

    async def connect(path):
        paths.append(path)
        return SimpleNamespace(call=answer)

    async def answer(method, payload, *, timeout):
        return method

    asyncio.run(drawn.play(connect))
    asyncio.run(drawn.play(connect, path="/rooms/1"))
    assert paths == ["/two", "/rooms/1"]


def test_only_the_methods_that_are_named_are_called():
    @settings(max_examples=50, deadline=None, database=None)
    @given(ws.conversations(create_app(), methods=["add"], clients=1, max_calls=2))
    def drawn(conversation):
        assert {call.method.name for call in conversation.calls} <= {"add"}
        assert {call.client for call in conversation.calls} <= {0}
        assert len(conversation.steps) <= 2

    drawn()


def empty():
    app = web.Application()
    app.router.add_view("/stream", Empty)
    return app


@pytest.mark.parametrize(
    ("app", "options", "message"),
    [
        (shop, {"clients": 0}, "clients must be an integer of at least 1, got 0"),
        (shop, {"max_calls": "9"}, "max_calls must be an integer of at least 1, got '9'"),
        (lambda: shop, {}, "got <function shop at .*>, which is to be called"),
        (lambda: None, {}, "expected an aiohttp.web.Application, got None"),
        (web.Application, {}, "the application has no websocket endpoint"),
        (lambda: shop("/a", "/b"), {}, "several endpoints: pass path=, one of '/a', '/b'"),
        (shop, {"path": "/streem"}, "no endpoint '/streem'.*'/stream'"),
        (empty, {}, "Empty has no RPC methods"),
        (shop, {"methods": "create_item"}, "methods must be names of methods, got 'create_item'"),
        (shop, {"methods": ["create"]}, "Shop has no method 'create'.*it has create_item, delete"),
    ],
)
def test_mistakes_are_told(app, options, message):
    with pytest.raises(InvalidArgument, match=message):
        find(ws.conversations(app(), **options), lambda drawn: True)


def test_it_composes_with_other_strategies():
    both = st.tuples(ws.conversations(create_app(), max_calls=1), ws.faults())
    found, faults = find(both, lambda drawn: True)
    assert len(found.steps) == 1
    assert faults == ()
