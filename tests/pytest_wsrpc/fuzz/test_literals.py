"""What an application's code compares fields with is found in its source, and tried as input."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from examples import trading
from pytest_wsrpc.fuzz import literals
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.literals import literals_of
from pytest_wsrpc.fuzz.pool import payloads
from pytest_wsrpc.strategies.schema.hints import Hints
from wsrpc.rpc import methods_of

Load = Callable[..., ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Write modules of an application, import the first, and forget them all after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    before = {*sys.modules}

    def write(**sources: str) -> ModuleType:
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        return importlib.import_module(next(iter(sources)))

    yield write
    for name in {*sys.modules} - before:
        del sys.modules[name]


HEAD = """
from dataclasses import dataclass
from wsrpc import ApiPath, WsPathMixin

"""


def hints(module: ModuleType, method: str) -> Hints:
    return literals_of(module.View, methods_of(module.View)[method])


def test_functions_that_the_method_calls_are_read_too(load: Load) -> None:
    app = load(
        litapp=HEAD + """
import litrules
from litstore import Store

LIMIT = litrules.BASE * 10

@dataclass
class Order:
    kind: str
    amount: int

    def __post_init__(self):
        if self.kind == "forbidden":
            raise ValueError("no")

class Base(ApiPath, WsPathMixin):
    def check(self, order):
        if order.amount > LIMIT or order.kind == "from the base":
            litrules.audit(order)

class View(Base):
    store = Store()

    async def ws_rpc_order(self, payload: Order) -> int:
        if payload.amount == 7777:
            return 1
        self.check(payload)
        self.store.put(payload)
        return len(payload.kind) > 12

    async def ws_rpc_other(self, payload: Order) -> int:
        return payload.kind == "of another method"
""",
        litrules="""
BASE = 50

def audit(order):
    return order.kind.startswith("AUDIT-")

def unused(order):
    return order.kind == "never called"
""",
        litstore="""
class Store:
    def put(self, order):
        if order.kind == "of the store":
            raise KeyError
""",
    )  # fmt: skip
    found = hints(app, "order")
    assert {"forbidden", "from the base", "of the store", "AUDIT-a"} <= {*found.fields["kind"]}
    assert {7777, 7776, 7778, 500, 499, 501} <= {*found.fields["amount"], *found.near["amount"]}
    assert found.lengths == {"kind": (11, 12, 13)}
    assert {"FORBIDDEN", "forbiddenx", "forbidde"} <= {*found.near["kind"]}
    everything = {*found.fields["kind"], *found.near["kind"], *found.anywhere}
    assert not {"of another method", "never called", "no"} & everything
    assert {"forbidden", 7777, 7778, "AUDIT-a"} <= {*found.anywhere}
    assert found.longest == app.View.limits.message_size
    assert "forbidden" not in repr(found)
    assert hints(app, "order") is found


def test_members_of_an_untyped_payload_are_known(load: Load) -> None:
    app = load(
        litapp=HEAD + """
class View(ApiPath, WsPathMixin):
    async def ws_rpc_pay(self, payload):
        table = {"internal": 1}
        if payload.get("mode") == "fast" and payload["size"] > 3:
            return table["internal"]
        return self.request.headers["Authorization"]
"""
    )  # fmt: skip
    found = hints(app, "pay")
    assert {*found.members} == {"size", "mode"}
    assert {*found.keys} == {"size", "mode", "internal", "Authorization"}
    assert found.fields["mode"][0] == "fast"
    assert {3, 2, 4} == {*found.fields["size"], *found.near["size"]}


def test_a_bug_behind_literals_is_reached(load: Load) -> None:
    app = load(
        litapp=HEAD + """
@dataclass
class Order:
    code: str
    amount: int

class View(ApiPath, WsPathMixin):
    async def ws_rpc_order(self, payload: Order) -> int:
        return payload.code == "XK-42" and payload.amount > 54321

    async def ws_rpc_free(self, payload):
        return payload.get("code") == "XK-42" and payload.get("amount") == 54321
"""
    )  # fmt: skip
    table = methods_of(app.View)
    endpoint = Endpoint("/stream", app.View, table)

    def is_reached(name: str, condition: Any) -> bool:
        strategy = payloads(endpoint, table[name])
        found = []
        for number in range(60):

            @settings(
                max_examples=10, database=None, phases=[Phase.generate], deadline=None,
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @seed(number)
            @given(strategy)
            def look(payload: Any) -> None:
                if condition(payload):
                    found.append(payload)

            look()
        return bool(found)

    assert is_reached("order", lambda p: p["code"] == "XK-42" and p["amount"] == 54322)
    assert is_reached("free", lambda p: p.get("code") == "XK-42" and p.get("amount") == 54321)


def test_the_example_applications_own_numbers_are_found() -> None:
    found = literals_of(trading.Desk, methods_of(trading.Desk)["place_order"])
    assert {trading.LOT, trading.MAX_VALUE} <= {*found.fields["quantity"]}
    assert trading.MAX_VALUE + 1 in found.near["quantity"]
    assert "buy" in found.fields["side"]


def test_code_of_libraries_and_without_source_is_left_out(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = load(
        litapp=HEAD + """
import json, litbroken

class Strange:
    __module__ = 7

strange = Strange()

class View(ApiPath, WsPathMixin):
    async def ws_rpc_read(self, payload):
        return json.loads(payload["text"])
""",
        litbroken="",
    )  # fmt: skip
    Path(app.litbroken.__file__).write_text("def broken(:")
    assert hints(app, "read").members == ("text",)
    assert not literals_of(app.View, methods_of(app.View)["read"]).anywhere
    monkeypatch.setattr(literals, "MOST_MODULES", 1)
    monkeypatch.setattr(literals, "MOST_FUNCTIONS", 1)
    literals._sources.cache_clear()
    literals._literals.cache_clear()
    assert hints(app, "read").members == ("text",)


def test_a_view_that_was_made_without_a_file_has_no_literals() -> None:
    namespace: dict[str, Any] = {"__name__": "nowhere"}
    source = (
        HEAD
        + """
class View(ApiPath, WsPathMixin):
    async def ws_rpc_x(self, payload):
        return payload == "x"
"""
    )
    exec(source, namespace)
    view = namespace["View"]
    found = literals_of(view, methods_of(view)["x"])
    assert (dict(found.fields), found.anywhere) == ({}, ())
