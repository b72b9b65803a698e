"""What of a traceback a person is shown."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web

import pytest_wsrpc
from pytest_wsrpc import demo, observer
from pytest_wsrpc.traces import Place, application_trace, calling_place, is_application, is_serving
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


def test_a_place_is_shown_as_short_as_can_be(monkeypatch, tmp_path):
    path = tmp_path / "app.py"
    path.write_text("def run():\n    return 1\n")
    place = Place(str(path), 2, "run")
    assert str(place) == f"{path}:2 in run: return 1"
    monkeypatch.chdir(tmp_path)
    assert place.short() == "app.py:2"
    assert str(Place("gone.py", 2, "run")) == "gone.py:2 in run"
    assert Place(asyncio.__file__, 1, "run").short() == "asyncio/__init__.py:1"
    assert Place(web.__file__, 1, "run").short() == "aiohttp/web.py:1"
    assert Place(demo.__file__, 1, "run").short() == "pytest_wsrpc/demo.py:1"


async def test_the_calling_place_is_in_the_application_or_the_test():
    here = calling_place()
    assert here.filename == __file__
    assert here.function == "test_the_calling_place_is_in_the_application_or_the_test"
    places = []
    # Who called this is a library; whoever runs the loop has no part in it.
    callback = exec_in("json/decoder.py", "places.append(calling_place())", places)
    asyncio.get_running_loop().call_soon(callback)
    await asyncio.sleep(0)
    assert places == [None]


def test_there_is_no_calling_place_where_libraries_are_alone():
    places = []
    import threading

    thread = threading.Thread(
        target=exec_in("json/decoder.py", "places.append(calling_place())", places)
    )
    thread.start()
    thread.join()
    assert places == [None]


def exec_in(library, source, places):
    """Return a function that stands in a file of the standard library."""
    path = json.__file__.removesuffix("json/__init__.py") + library
    space = {"calling_place": calling_place, "places": places}
    exec(compile(f"def run():\n    {source}", path, "exec"), space)
    return space["run"]


def test_the_plugin_serves_and_its_demo_is_an_application():
    assert is_serving(observer.__file__)
    assert not is_application(pytest_wsrpc.__file__)
    assert not is_serving(demo.__file__)
    assert is_application(demo.__file__)
    assert is_serving(web.__file__)
    assert not is_serving(asyncio.__file__)
