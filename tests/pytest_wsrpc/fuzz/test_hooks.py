"""What a conftest.py tells the fuzzer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]


def counts(result: pytest.RunResult) -> dict[str, int]:
    """Return the outcomes of what has run."""
    found = result.parseoutcomes()
    return {name: found[name] for name in found if name not in ("deselected", "warnings")}


MEMBERS = """
user = None

async def ws_rpc_login(self, payload):
    if payload.get("token") != "abc":
        raise RpcError(1, "no such token")
    self.user = payload["token"]
    return {}

async def ws_rpc_members(self, payload: Numbers) -> Number:
    assert self.user
    return Number(1)
"""
MEMBERS_ONLY = ["-k", "members and accepts"]


def test_the_login_hook_logs_in_on_each_connection(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app(MEMBERS)
    assert counts(fuzz(*MEMBERS_ONLY)) == {"failed": 1}
    pytester.makeconftest(
        """
        async def pytest_wsrpc_login(client, endpoint, method):
            assert (endpoint, method) == ("/stream", "members")
            assert await client.call("login", {"token": "abc"}) == {}
            await client.send_text('{"id": "own", "method": "add", "payload": {"a": 1}}')
            assert (await client.receive())["response"] == {"value": 2}
        """
    )
    assert counts(fuzz(*MEMBERS_ONLY)) == {"passed": 1}


def test_login_hooks_run_from_the_outermost_to_the_innermost(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app(MEMBERS)
    pytester.makeconftest(
        "async def pytest_wsrpc_login(client):\n    client.seen = True\n    return None"
    )
    pytester.mkdir("test_inner").joinpath("conftest.py").write_text(
        "def pytest_wsrpc_login(client):\n"
        "    async def login():\n"
        "        assert client.seen\n"
        "        await client.call('login', {'token': 'abc'})\n"
        "    return login()"
    )
    assert counts(fuzz(*MEMBERS_ONLY)) == {"passed": 1}


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "await client.call('login', {'token': 'x'})",
            ["pytest_wsrpc_login (conftest.py:1) failed", "*no such token*", "*> *login-1*"],
        ),
        ("1 / 0", ["pytest_wsrpc_login (conftest.py:1) failed", "ZeroDivisionError: *"]),
        (
            "await client.call('leave')",
            ["*ConnectionClosed: *", "*> *leave*", "*closed*1000*"],
        ),
        ("await client.call('wait', timeout=0.1)", ["*TimeoutError*"]),
    ],
)
def test_a_login_that_fails_is_one_failure_with_what_was_said(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester, code: str, says: list[str]
) -> None:
    write_app(
        MEMBERS
        + """
async def ws_rpc_leave(self, payload):
    await self.close()

async def ws_rpc_wait(self, payload):
    await __import__("asyncio").sleep(60)
"""
    )
    pytester.makeconftest(f"async def pytest_wsrpc_login(client):\n    {code}")
    result = fuzz("-k", "members and (accepts or refuses)", "-rs")
    assert counts(result) == {"failed": 1, "skipped": 1}
    result.stdout.fnmatch_lines(says)


def test_headers_of_the_hook_are_sent_but_those_of_the_option_win(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app(
        """
        async def on_connect(self):
            headers = self.request.headers
            if headers.get("Authorization") != "Bearer abc" or headers.get("X-User") != "ann":
                raise web.HTTPUnauthorized

        async def ws_rpc_divide(self, payload: Numbers) -> Number:
            return Number(1 // 0)
        """
    )
    pytester.makeconftest(
        """
        def pytest_wsrpc_headers(endpoint):
            assert endpoint == "/stream"
            return {"authorization": "Bearer abc", "X-User": "bob"}
        """
    )
    failed = fuzz("-k", "protocol")
    failed.stdout.fnmatch_lines(["*the headers given are not what it asks for"])
    assert counts(fuzz("-k", "protocol", "--wsrpc-header=x-user: ann")) == {"passed": 1}
    shown = fuzz("-k", "divide and accepts", "--wsrpc-header=x-user: ann")
    shown.stdout.fnmatch_lines(["*headers={*'x-user': 'ann'*"])
    assert "abc" not in shown.stdout.str()


STRATEGY = """
from hypothesis import strategies as st

def pytest_wsrpc_strategy(endpoint, method, field):
    assert endpoint == "/stream"
    if method == "find" and field == FIELD:
        return STRATEGY
"""


@pytest.fixture
def write_finder(pytester: pytest.Pytester) -> Callable[[str], None]:
    def write(condition: str) -> None:
        pytester.makepyfile(
            myapp=f"""
            from dataclasses import dataclass
            from aiohttp import web
            from wsrpc import ApiPath, LocalBroker, WsPathMixin

            @dataclass
            class Line:
                sku: str
                parts: list["Line"] | None = None

            @dataclass
            class Query:
                name: str
                place: Line | None = None
                lines: list[Line] | None = None

            class Stream(ApiPath, WsPathMixin):
                async def ws_rpc_find(self, payload: Query) -> bool:
                    assert {condition}, payload
                    return True

                async def ws_rpc_untyped(self, payload) -> bool:
                    return True

            def create_app():
                app = web.Application()
                app.router.add_view("/stream", Stream)
                LocalBroker.for_app(app)
                return app
            """
        )

    return write


@pytest.mark.parametrize(
    ("field", "strategy", "condition"),
    [
        ("name", "st.sampled_from(['ann', 'bob'])", "payload.name in ('ann', 'bob')"),
        ("place.sku", "st.just('abc')", "payload.place is None or payload.place.sku == 'abc'"),
        (
            "lines.sku",
            "st.just('abc')",
            "all(line.sku == 'abc' for line in payload.lines or ())",
        ),
        (None, "st.fixed_dictionaries({'name': st.just('ann')})", "payload.name == 'ann'"),
    ],
)
def test_a_strategy_of_the_hook_gives_a_field_or_the_payload(
    write_finder: Callable[[str], None],
    fuzz: Run,
    pytester: pytest.Pytester,
    field: str | None,
    strategy: str,
    condition: str,
) -> None:
    write_finder(condition)
    assert counts(fuzz("-k", "find and accepts")) == {"failed": 1}
    source = STRATEGY.replace("FIELD", repr(field)).replace("STRATEGY", strategy)
    pytester.makeconftest(source)
    assert counts(fuzz("-k", "accepts")) == {"passed": 2}


@pytest.mark.parametrize(
    ("field", "strategy", "says"),
    [
        ("name", "['ann']", "expected a hypothesis strategy for the field 'name' of find, or *"),
        (None, "7", "expected a hypothesis strategy for the payload of find, or None, got 7"),
        (
            "name",
            "st.just(7)",
            "for find, the payload with name was {'name': 7*, which its type refuses: {'name': *",
        ),
        (None, "st.just('ann')", "for find, the payload was 'ann', which is no payload: a pay*"),
        (None, "st.just({1: object()})", "for find, the payload was {1: <*, which is no payload*"),
    ],
)
def test_a_strategy_that_is_none_or_gives_what_the_type_refuses_is_told(
    write_finder: Callable[[str], None],
    fuzz: Run,
    pytester: pytest.Pytester,
    field: str | None,
    strategy: str,
    says: str,
) -> None:
    write_finder("True")
    source = STRATEGY.replace("FIELD", repr(field)).replace("STRATEGY", strategy)
    pytester.makeconftest(source)
    result = fuzz("-k", "find and accepts")
    assert counts(result) == {"failed": 1}
    result.stdout.fnmatch_lines([f"pytest_wsrpc_strategy (conftest.py:3): {says}"])


def test_without_hooks_payloads_are_as_they_were() -> None:
    from hypothesis import strategies as st

    from pytest_wsrpc.fuzz import inputs
    from pytest_wsrpc.fuzz.endpoints import Endpoint
    from wsrpc import WsPathMixin
    from wsrpc.rpc import RpcMethod

    endpoint = Endpoint("/stream", WsPathMixin, {})
    method = RpcMethod("add", print, None, None, "", False, False)
    base: st.SearchStrategy[dict[str, object]] = st.just({})
    assert inputs.payloads(endpoint, method, base) is base


def test_the_payload_of_a_method_without_a_type_comes_from_the_hook_too(
    write_finder: Callable[[str], None], fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_finder("True")
    pytester.makeconftest(
        """
        from hypothesis import strategies as st
        from pytest_wsrpc import fuzz

        def pytest_wsrpc_strategy(method, field):
            if method == "untyped":
                return st.just({"a": 7})

        @fuzz.check("only-seven")
        def only_seven(exchange):
            assert exchange.payload == {"a": 7}
        """
    )
    assert counts(fuzz("-k", "untyped and accepts")) == {"passed": 1}


def test_the_skip_hook_skips_an_item_with_its_reason(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app()
    pytester.makeconftest(
        """
        def pytest_wsrpc_skip(endpoint, method, phase):
            if phase == "refuses" or method is None:
                return f"{endpoint} {method} is boring"
        """
    )
    result = fuzz("-rs", "-k", "add or protocol")
    assert counts(result) == {"passed": 1, "skipped": 2}
    result.stdout.fnmatch_lines_random(
        ["SKIPPED * /stream add is boring", "SKIPPED * /stream None is boring"]
    )


def test_a_method_that_is_skipped_or_excluded_is_left_out_where_many_are_called() -> None:
    from pathlib import Path

    from pytest_wsrpc.fuzz.endpoints import Endpoint
    from pytest_wsrpc.fuzz.rules import Rules
    from wsrpc import WsPathMixin

    class Plugin:
        @pytest.hookimpl
        def pytest_wsrpc_skip(self, method: str) -> str | None:
            return "no" if method == "stop" else None

    manager = pytest.PytestPluginManager()
    from pytest_wsrpc.fuzz import hooks

    manager.add_hookspecs(hooks)
    manager.register(Plugin())
    methods = dict.fromkeys(("add", "stop", "admin"))
    free = Endpoint("/stream", WsPathMixin, methods)  # type: ignore[arg-type]
    assert list(free.methods_in("sequence")) == ["add", "stop", "admin"]
    rules = Rules(manager.hook, Path("/"), fuzzes=lambda name: name != "admin")
    guided = Endpoint("/stream", WsPathMixin, methods, rules)  # type: ignore[arg-type]
    assert list(guided.methods_in("sequence")) == ["add"]
