"""What of a traceback a person is shown."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from pytest_wsrpc.traces import application_trace
from wsrpc import InternalError, LocalBroker, WsPathMixin


class Failing(web.View, WsPathMixin):
    async def ws_rpc_fail(self, payload):
        raise LookupError("gone")


@pytest.fixture
def ws_app():
    app = web.Application()
    LocalBroker.for_app(app)
    app.router.add_view("/stream", Failing)
    return app


async def test_the_cause_of_an_internal_error_begins_in_the_application(ws_client):
    with pytest.raises(InternalError) as raised:
        await ws_client.call("fail")

    cause = raised.value.__cause__
    assert isinstance(cause, LookupError)
    assert cause.__traceback__.tb_frame.f_code is Failing.ws_rpc_fail.__code__


def test_a_traceback_without_the_application_is_shown_whole():
    with pytest.raises(ValueError) as raised:
        json.loads("x")

    libraries_part = raised.value.__traceback__.tb_next
    assert application_trace(libraries_part) is libraries_part
    assert application_trace(None) is None
