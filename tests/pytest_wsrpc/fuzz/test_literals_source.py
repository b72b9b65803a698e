"""Constants of a source and what it compares with them, read without running it."""

from __future__ import annotations

import ast
import textwrap
from typing import Any

import pytest

from pytest_wsrpc.fuzz.comparisons import comparisons
from pytest_wsrpc.fuzz.constants import constants_of, values_of


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("'a'", ("a",)),
        ("1", (1,)),
        ("0.5", (0.5,)),
        ("-3", (-3,)),
        ("-'a'", ()),
        ("+1", ()),
        ("True", ()),
        ("None", ()),
        ("b'a'", ()),
        ("'x' * 3", ("xxx",)),
        ("10 * 1024 + 1", (10241,)),
        ("2**31 - 1", (2**31 - 1,)),
        ("1 << 16", (65536,)),
        ("7 / 2", (3.5,)),
        ("7 // 2", (3,)),
        ("7 % 2", ()),
        ("1 / 0", ()),
        ("1 << -1", ()),
        ("1 << 1000", ()),
        ("2 ** 1000", ()),
        ("2**70", ()),
        ("'a' + 1", ()),
        ("1 + unknown", ()),
        ("(1, 2) + (3,)", ()),
        ("('a', 1, None)", ("a", 1)),
        ("['a', 'b']", ("a", "b")),
        ("{'b', 'a'}", ("b", "a")),
        ("{'k': 1, **rest}", ("k",)),
        ("frozenset({'a'})", ("a",)),
        ("sorted({'a'})", ()),
        ("LIMIT", (5,)),
        ("config.LIMIT", (5,)),
        ("Color.RED.value", ("red",)),
        ("f(x)", ()),
        (repr("x" * 300), ()),
        (repr(list(range(100))), tuple(range(64))),
    ],
)
def test_constant_expressions_are_worked_out(expression: str, wanted: Any) -> None:
    known = {"LIMIT": (5,), "RED": ("red",)}
    values = values_of(ast.parse(expression, mode="eval").body, known)
    assert values == wanted
    assert [type(value) for value in values] == [type(value) for value in wanted]


def test_no_expression_has_no_value() -> None:
    assert values_of(None, {}) == ()


def test_constants_of_modules_classes_and_instances_are_known_by_name() -> None:
    source = """
        LOT = 100
        MOST = LOT * 10
        LIMIT: int = 7
        NAMES = ("a", "b")
        later: int = 3
        first = second = 9
        bare: int
        class Store:
            size = 12
            def __init__(self):
                self.capacity = 50
                self.RETRIES: int = 3
        class Color(enum.StrEnum):
            RED = "r"
            GREEN = "g"
            def name_of(self): ...
        class Level(IntEnum):
            LOW = 1
        class Other(Base[int]):
            x = 1
        LOT = 200
    """
    known: dict[str, Any] = {}
    constants_of(ast.parse(textwrap.dedent(source)), known)
    assert known == {
        "LOT": (100, 200), "MOST": (1000,), "LIMIT": (7,), "NAMES": ("a", "b"), "size": (12,),
        "capacity": (50,), "RETRIES": (3,), "RED": ("r",), "GREEN": ("g",), "LOW": (1,),
        "Color": ("r", "g"), "Level": (1,), "x": (1,),
    }  # fmt: skip


KNOWN = {"KINDS": ("a", "b"), "Color": ("r", "g"), "LIMIT": (5,)}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("payload.kind == 'vip'", [("value", "vip", "kind")]),
        ("'vip' != payload['kind']", [("value", "vip", "kind"), ("member", "kind", "")]),
        ("payload.get('kind') == 'vip'", [("value", "vip", "kind"), ("member", "kind", "")]),
        ("payload.kind.lower() == 'vip'", [("value", "vip", "kind")]),
        ("int(payload.size) > 10", [("value", 10, "size")]),
        ("0 < payload.size <= 10", [("value", 0, "size"), ("value", 10, "size")]),
        ("payload.kind in ('a', 'b')", [("value", "a", "kind"), ("value", "b", "kind")]),
        ("payload.kind not in KINDS", [("value", "a", "kind"), ("value", "b", "kind")]),
        ("payload.kind.value == KINDS", [("value", "a", "value kind"),
                                         ("value", "b", "value kind")]),
        ("'@' in payload.email", [("part", "@", "email")]),
        ("len(payload.name) > 10", [("length", 10, "name")]),
        ("10 > len(payload.name)", [("length", 10, "name")]),
        ("len(payload.name) == 'x'", []),
        ("payload.name[5]", [("length", 5, "name")]),
        ("payload.name[:3]", [("length", 3, "name")]),
        ("payload.name[1:3][x]", [("length", 1, "name"), ("length", 3, "name")]),
        ("{'x': 1}[payload.kind]", [("value", "x", "kind")]),
        ("KINDS[payload.kind]", [("value", "a", "kind"), ("value", "b", "kind")]),
        ("{'x': 1}.get(payload.kind, 2)", [("value", "x", "kind")]),
        ("prices['gold']", [("key", "gold", "")]),
        ("prices.pop('gold')", [("key", "gold", "")]),
        ("payload.code.startswith('A-')", [("part", "A-", "code")]),
        ("payload.code.endswith(('A', 'B'))", [("part", "A", "code"), ("part", "B", "code")]),
        ("payload.when.split(':')", [("part", ":", "when")]),
        ("payload.code.strip()", []),
        ("payload.code.encode('ascii')", []),
        ("payload.size % 7", [("value", 7, "size")]),
        ("100 // payload.size", [("value", 100, "size")]),
        ("'%s' % payload.size", []),
        ("(payload.a + payload.b) > 9", [("value", 9, "a b")]),
        ("(payload.a, payload.b) == (3, 4)", [("value", 3, "a b"), ("value", 4, "a b")]),
        ("-payload.a > 9", [("value", 9, "a")]),
        ("(await fetch(payload.a)) == 9", [("value", 9, "a")]),
        ("[payload.a][0] == 9", [("value", 9, "a"), ("length", 0, "a")]),
        ("(lambda: 1) == 9", [("value", 9, "")]),
        ("min(payload.size, LIMIT)", [("value", 5, "size LIMIT")]),
        ("Color(payload.color)", [("value", "r", "color"), ("value", "g", "color")]),
        ("print(payload.color, 'x')", []),
        ("handlers[0](payload.x, 3)", [("length", 0, "handlers")]),
        ("payload.name == 'a' if x else 1", [("value", "a", "name")]),
        ("raise Refused(7, 'no such thing')", []),
        ("f'no {payload.size}'", []),
        ("size = payload.size\nif size > 3: ...", [("value", 3, "size size")]),
        ("limit = 8\nif payload.size > limit: ...", [("value", 8, "size")]),
        ("n: int = payload.size\nn == 3", [("value", 3, "size n")]),
        ("if (n := payload.size) == 3: ...", [("value", 3, "size n")]),
        ("for item in payload.items:\n  item == 3", [("value", 3, "items item")]),
        ("[item for item in payload.items if item == 3]", [("value", 3, "items item")]),
        ("first, second = payload.pair\nfirst == 3", [("value", 3, "first")]),
    ],
)  # fmt: skip
def test_comparisons_are_found(body: str, wanted: Any) -> None:
    function = ast.parse(f"async def ws_rpc_x(self, payload):\n{textwrap.indent(body, '  ')}")
    found = [
        (compared.use, compared.value, " ".join(compared.fields))
        for compared in comparisons(function, KNOWN)
    ]
    assert sorted(found, key=repr) == sorted(wanted, key=repr)


def test_patterns_of_match_are_found() -> None:
    source = """
        def handle(self, payload):
            match payload.kind:
                case "vip" | "staff":
                    pass
                case str() as other:
                    pass
                case ("x" | "y") as letter:
                    pass
                case None:
                    pass
                case _:
                    pass
            match payload:
                case {"mode": "fast", "size": 3}:
                    pass
                case Order(side="buy", quantity=Level.HIGH):
                    pass
                case Point("origin"):
                    pass
                case ["first", *rest]:
                    pass
    """
    function = ast.parse(textwrap.dedent(source))
    found = [
        (compared.use, compared.value, " ".join(compared.fields))
        for compared in comparisons(function, {"HIGH": (9,)})
    ]
    assert found == [
        ("value", "vip", "kind"), ("value", "staff", "kind"), ("value", "x", "kind"),
        ("value", "y", "kind"), ("member", "mode", ""), ("value", "fast", "mode"),
        ("member", "size", ""), ("value", 3, "size"), ("value", "buy", "side"),
        ("value", 9, "quantity"), ("value", "origin", "payload"), ("length", 2, "payload"),
        ("value", "first", "payload"),
    ]  # fmt: skip


def test_what_was_compared_may_be_a_secret_that_no_repr_shows() -> None:
    [compared] = comparisons(ast.parse("password == 'hunter2'"), {})
    assert compared.value == "hunter2"
    assert "hunter2" not in repr(compared)
