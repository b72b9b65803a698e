"""Failures of the application: logged once, told to whoever listens."""

from __future__ import annotations

import logging

import pytest

from wsrpc import ApiPath, WsPathMixin
from wsrpc.failures import Failure, listen, report

logger = logging.getLogger("wsrpc.test")


def test_every_listener_is_told_in_order_while_it_listens():
    first, second = [], []
    one, two, three = (Failure(ValueError(n), "call add") for n in range(3))

    with listen(first.append):
        report(logger, one)
        with listen(second.append):
            report(logger, two)
        report(logger, three)
    report(logger, one)

    assert first == [one, two, three]
    assert second == [two]


def test_a_listener_that_leaves_while_it_is_told_does_not_keep_another_from_it():
    told = []

    def once(failure):
        told.append("once")
        context.__exit__(None, None, None)

    context = listen(once)
    context.__enter__()
    with listen(lambda failure: told.append("always")):
        report(logger, Failure(ValueError(), "call add"))
        report(logger, Failure(ValueError(), "call add"))

    assert told == ["once", "always", "always"]


def test_a_listener_stops_listening_when_its_block_fails():
    told = []
    with pytest.raises(RuntimeError), listen(told.append):
        raise RuntimeError
    report(logger, Failure(ValueError(), "call add"))
    assert not told


def test_a_failure_is_one_line_with_its_traceback(caplog):
    try:
        raise KeyError("secret")
    except KeyError as error:
        report(logger, Failure(error, "on_disconnect"))

    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.ERROR, "wsrpc.test")
    assert record.getMessage() == "on_disconnect failed"
    assert record.exc_info[1].args == ("secret",)
    assert "raise KeyError" in caplog.text


def test_an_id_from_a_client_cannot_forge_log_lines(caplog):
    report(logger, Failure(ValueError(), "call add", request_id='x"\n' + "y" * 1000, method="add"))

    message = caplog.records[0].getMessage()
    assert "\n" not in message
    assert message.startswith("call add, id 'x\"\\ny")
    assert len(message) < 120


async def test_a_handlers_failure_is_told_with_its_call(serve, reported, caplog):
    raised = KeyError("secret")

    class View(ApiPath, WsPathMixin):
        async def ws_rpc_fail(self, payload):
            raise raised

    server = await serve(View)
    client = await server.connect()
    reply = await client.call("fail", id="abc")

    (failure,) = reported
    (view,) = server.broker.sockets
    assert failure.exception is raised
    assert failure.where == "call fail"
    assert failure.websocket is view
    assert (failure.request_id, failure.method) == ("abc", "fail")
    records = [record for record in caplog.records if record.name.startswith("wsrpc")]
    assert [record.getMessage() for record in records] == [
        f"call fail, id 'abc', websocket {view.socket_id} failed"
    ]
    assert records[0].exc_info[1] is raised
    assert "secret" not in str(reply)
