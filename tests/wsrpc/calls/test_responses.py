"""What a handler may return, and what has no JSON form."""

from __future__ import annotations

from typing import Any

import msgspec

from wsrpc import ApiPath, WsPathMixin


class View(ApiPath, WsPathMixin):
    """An endpoint; each test has its own method."""


async def test_a_response_that_has_no_json_form_is_an_internal_error(serve, reported):
    looped: list[Any] = []
    looped.append(looped)
    responses = [object(), b"x", {"a": b"\xff"}, looped, "\ud800", 10**4300, {(1, 2): 3}, print]

    class Answering(View):
        async def ws_rpc_answer(self, payload):
            return responses[payload["n"]]

    client = await (await serve(Answering)).connect()

    for n in range(len(responses)):
        reply = await client.call("answer", {"n": n}, id=n)
        assert reply == {
            "id": n,
            "method": "answer",
            "error": {"code": -32603, "message": "JSON object expected"},
        }
    assert len(reported) == len(responses)
    assert all(isinstance(failure.exception, (TypeError, ValueError)) for failure in reported)


async def test_a_number_that_json_does_not_have_goes_out_as_null(serve):
    class Answering(View):
        async def ws_rpc_answer(self, payload):
            return {"a": [float("nan"), float("inf"), -float("inf"), 1.5]}

    client = await (await serve(Answering)).connect()

    assert (await client.call("answer"))["response"] == {"a": [None, None, None, 1.5]}


async def test_a_response_whose_own_code_fails_is_an_internal_error(serve, reported):
    class Unset(msgspec.Struct):
        a: int

    class Answering(View):
        async def ws_rpc_typed(self, payload) -> Unset:
            value = Unset(1)
            del value.a
            return value

    reply = await (await (await serve(Answering)).connect()).call("typed")

    assert reply["error"] == {"code": -32603, "message": "JSON object expected"}
    assert isinstance(reported[0].exception, AttributeError)
