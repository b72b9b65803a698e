"""What is said where a test of `@api.parametrize()` is not as it has to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_wsrpc import fuzz
from pytest_wsrpc.demo import create_app
from pytest_wsrpc.fuzz.parametrized import CASES

WriteApp = Callable[..., None]
Suite = Callable[..., pytest.RunResult]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("@api.parametrize()\ndef test_rpc(case): ...", "TypeError: *write `async def test_rpc`"),
        ("@api.parametrize()\nasync def test_rpc(): ...", "TypeError: *`async def test_rpc(case)`"),
        ("@api.parametrize()\nclass TestIt: ...", "TypeError: *put it on each test of TestIt"),
        (
            "from hypothesis import given\n@api.parametrize()\n@given()\n"
            "async def test_rpc(case): ...",
            "TypeError: *leave @given out",
        ),
        (
            "@api.parametrize(include='ad')\nasync def test_rpc(case): ...",
            "ValueError: no method matches 'ad'; did you mean 'add'?; there are add",
        ),
        (
            "@api.parametrize(exclude='mul')\nasync def test_rpc(case): ...",
            "ValueError: no method matches 'mul'; there are add",
        ),
        (
            "from aiohttp import web\n@fuzz.load(web.Application).parametrize()\n"
            "async def test_rpc(case): ...",
            "ValueError: aiohttp.web_app:Application has no websocket endpoint: *",
        ),
        ("fuzz.load('myapp:create')", "*fuzz.load: myapp:create: the module myapp has no attri*"),
        ("fuzz.load('ws://localhost/x')", "*fuzz.load: ws://localhost/x: a URL is not accepted; *"),
        ("fuzz.load(7)", "*fuzz.load: int: expected an aiohttp.web.Application or a callable*"),
    ],
)
def test_a_slip_in_a_test_is_told_at_collection(
    write_app: WriteApp, suite: Suite, code: str, says: str
) -> None:
    write_app()
    source = "from pytest_wsrpc import fuzz\nfrom myapp import create_app\n"
    result = suite(source + "api = fuzz.load(create_app)\n" + code)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"E *{says}"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"phases": "accept"}, "there is no phase 'accept'; did you mean 'accepts'?"),
        ({"phases": "sequence"}, "'sequence' plays conversations of many messages, which"),
        ({"phases": ()}, "expected some of accepts, refuses, protocol"),
        ({"max_examples": 0}, "expected a number above 0, got 0"),
        ({"max_examples": True}, "expected a number above 0, got True"),
        ({"headers": {"X User": "ann"}}, "'X User' is no name of a header"),
        ({"headers": {"X-User": "a\nb"}}, "expected a text of one line for X-User"),
        ({"include": [7]}, "expected texts, got 7"),
        ({"exclude": ""}, "expected texts, got ''"),
    ],
)
def test_an_argument_without_a_meaning_is_told(options: dict[str, Any], says: str) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        fuzz.load(create_app, **options)
    assert says in str(raised.value)


def test_there_are_no_cases_outside_of_an_item() -> None:
    from hypothesis import given
    from hypothesis.errors import InvalidArgument

    @given(CASES)
    def draw(case: object) -> None: ...

    with pytest.raises(InvalidArgument, match="is run by pytest, not called"):
        draw()
