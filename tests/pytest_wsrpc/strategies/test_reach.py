"""What is worth trying comes up within the cases of one fuzz run, and shrinks to what matters."""

# no postponed annotations: the types are declared inside of what reads them

import random
import warnings
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Literal

import pydantic
import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument, Unsatisfiable
from msgspec import Meta, Struct

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.strategies.payloads import source_of
from pytest_wsrpc.strategies.schema.hints import Hints, hinted
from pytest_wsrpc.strategies.schema.plan import Plan

RUN = settings(
    max_examples=10, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
FIND = settings(RUN, max_examples=2000)
SHRINK = settings(FIND, phases=[Phase.generate, Phase.shrink])


def missing(strategy: Any, wanted: Mapping[str, Callable[[Any], object]], cases: int) -> set[str]:
    """Draw cases as the fuzzer does, a few at a time; return what did not come up among so many."""
    left = dict(wanted)
    for number in range(cases // 10):

        @RUN
        @seed(number)
        @given(strategy)
        def look(value: Any) -> None:
            for what in [what for what, condition in left.items() if condition(value)]:
                del left[what]

        look()
        if not left:
            break
    return {*left}


class Order(Struct):
    product: str
    quantity: int
    price: float
    urgent: bool
    note: str | None = None
    tags: list[str] = []


class Booking(Struct):
    start: str
    end: str
    room: int
    seats: int = 1


class Item(Struct):
    sku: str
    count: int


class Cart(Struct):
    items: list[Item]
    index: int = 0
    owner: str = ""
    members: list[str] = []
    prices: dict[str, int] = {}
    chosen: str = ""


class Narrow(Struct):
    name: Annotated[str, Meta(min_length=3, max_length=20)]
    quantity: Annotated[int, Meta(ge=5, le=1000)]
    step: Annotated[int, Meta(multiple_of=7)]
    share: Annotated[float, Meta(gt=0, le=1)]
    tags: Annotated[list[int], Meta(min_length=2, max_length=5)]
    code: Annotated[str, Meta(pattern="^[A-Z]{2,4}$")]
    kind: Literal["small", "large"]


class Tree(Struct):
    v: int
    kids: list["Tree"] = []


class Linked(Struct):
    v: int
    next: "Linked | None" = None


class Free(Struct):
    data: Any
    table: dict[str, Any] = {}


class Many(Struct):
    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    e: int = 0
    f: int = 0
    g: int = 0


class Lax(pydantic.BaseModel):
    n: int


def is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


REACHED: dict[Any, dict[str, Callable[[dict[str, Any]], object]]] = {
    Order: {
        "zero": lambda p: p["quantity"] == 0,
        "minus one": lambda p: p["quantity"] == -1,
        "recursion limit": lambda p: p["quantity"] in (1000, 1001),
        "beyond 32 bits": lambda p: p["quantity"] == 2**31,
        "beyond 53 bits": lambda p: p["quantity"] == 2**53 + 1,
        "beyond 64 bits": lambda p: p["quantity"] == 2**64,
        "below 64 bits": lambda p: p["quantity"] < -(2**63),
        "minus zero": lambda p: str(p["price"]) == "-0.0",
        "tiny": lambda p: p["price"] == 5e-324,
        "huge": lambda p: p["price"] == 1.7976931348623157e308,
        "half cents": lambda p: p["price"] in (0.005, 2.675),
        "an integer for a float": lambda p: type(p["price"]) is int,
        "empty": lambda p: p["product"] == "",
        "blank": lambda p: p["product"] and not p["product"].strip(),
        "padded": lambda p: p["product"].strip() not in ("", p["product"]),
        "case folding": lambda p: len(p["product"].upper()) != len(p["product"]),
        "a digit that is no number": lambda p: (
            p["product"].isdigit() and not p["product"].isdecimal()
        ),
        "combining": lambda p: "\u0301" in p["product"],
        "right to left": lambda p: "\u202e" in p["product"],
        "zero width": lambda p: "\u200d" in p["product"],
        "emoji": lambda p: "💩" in p["product"],
        "NUL": lambda p: "\0" in p["product"],
        "newline": lambda p: "\n" in p["product"],
        "long": lambda p: len(p["product"]) >= 1024,
        "separators": lambda p: p["product"].count(":") == 1,
        "absent": lambda p: "note" not in p,
        "null": lambda p: "note" in p and p["note"] is None,
        "equal": lambda p: p["product"] and p["product"] == p.get("note"),
        "one of": lambda p: p["product"] and p["product"] in p.get("tags", ()),
        "duplicate items": lambda p: len({*p.get("tags", [])}) < len(p.get("tags", [])),
        "descending": lambda p: len(p.get("tags", ())) > 2 and p["tags"] == sorted(p["tags"])[::-1],
        "long lists": lambda p: len(p.get("tags", ())) >= 64,
    },
    Lax: {
        "a float for an integer": lambda p: type(p["n"]) is float,
    },
    Many: {
        "all optional ones": lambda p: len(p) == 7,
    },
    Booking: {
        "off by one": lambda p: p["room"] == p.get("seats", 0) + 1 > 5,
        "a date": lambda p: is_date(p["start"]),
        "nearly a date": lambda p: p["start"][:4] == "2023" and not is_date(p["start"]),
        "the end before the start": lambda p: (
            is_date(p["start"]) and is_date(p["end"]) and p["start"] > p["end"]
        ),
        "an empty time": lambda p: is_date(p["start"]) and p["start"] == p["end"],
    },
    Cart: {
        "items that share an id": lambda p: (
            len(p["items"]) > 1
            and len({item["sku"] for item in p["items"]}) == 1
            and len({item["count"] for item in p["items"]}) > 1
        ),
        "an index just out of range": lambda p: 0 < len(p["items"]) == p.get("index"),
        "a member": lambda p: p.get("owner") and p["owner"] in p.get("members", ()),
        "a key": lambda p: p.get("chosen") and p["chosen"] in p.get("prices", ()),
        "odd keys": lambda p: "__proto__" in p.get("prices", ()),
    },
    Tree: {
        "deep recursion": lambda p: depth(p) > 30,
    },
    Linked: {
        "a long chain": lambda p: depth(p) > 20,
    },
    Free: {
        "deep values": lambda p: depth(p["data"]) > 20,
    },
    Narrow: {
        "least and greatest": lambda p: p["quantity"] == 5 and len(p["name"]) == 20,
        "greatest and least": lambda p: p["quantity"] == 1000 and len(p["name"]) == 3,
        "just above an open end": lambda p: 0 < p["share"] < 1e-300,
        "both ends of a pattern": lambda p: p["code"] in ("AA", "ZZZZ"),
        "as many items as may be": lambda p: len(p["tags"]) == 5,
        "as few items as may be": lambda p: len(p["tags"]) == 2,
        "as blank as may be": lambda p: p["name"] == " " * 3,
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("type", REACHED)
def test_what_breaks_handlers_comes_up(type: Any) -> None:
    assert missing(ws.payloads(type), REACHED[type], cases=3000) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("type", "condition", "wanted"),
    [
        (Order, lambda p: p["quantity"] > 1000,
         {"product": "", "quantity": 1001, "price": 0, "urgent": False}),
        (Booking, lambda p: p["room"] == p.get("seats", 0) + 1 > 5,
         {"start": "", "end": "", "room": 6, "seats": 5}),
        (Many, lambda p: p.get("c", 0) > 10, {"c": 11}),
        (Order, lambda p: len(p.get("tags", ())) > 40,
         {"product": "", "quantity": 0, "price": 0, "urgent": False, "tags": [""] * 64}),
    ],
)  # fmt: skip
def test_what_is_drawn_shrinks_to_what_matters(type: Any, condition: Any, wanted: Any) -> None:
    assert find(ws.payloads(type), condition, settings=SHRINK, random=random.Random(1)) == wanted


def test_equal_values_shrink_together() -> None:
    found = find(
        ws.payloads(Order), lambda p: p["product"] and p["product"] == p.get("note"),
        settings=SHRINK, random=random.Random(1),
    )  # fmt: skip
    assert found.pop("note") == found["product"] in (" ", "a", "b", "0", "1")
    assert found == {"product": found["product"], "quantity": 0, "price": 0, "urgent": False}


BROKEN: dict[str, tuple[str, Callable[[Any], object]]] = {
    "just below": ("quantity", lambda value: value == 4),
    "just above": ("quantity", lambda value: value == 1001),
    "far above": ("quantity", lambda value: value == 1000 + 2**63),
    "an integer written as a float": (
        "quantity",
        lambda value: type(value) is float and value == 1,
    ),
    "no multiple": ("step", lambda value: type(value) is int and value % 7),
    "the open end": ("share", lambda value: value == 0 and type(value) is int),
    "too short": ("name", lambda value: isinstance(value, str) and len(value) == 2),
    "too long": ("name", lambda value: isinstance(value, str) and len(value) == 21),
    "too few": ("tags", lambda value: isinstance(value, list) and len(value) == 1),
    "too many": ("tags", lambda value: isinstance(value, list) and len(value) == 6),
    "a match cut short": ("code", lambda value: isinstance(value, str) and len(value) == 1),
    "a match in lower case": ("code", lambda value: isinstance(value, str) and value.islower()),
    "a match with a newline": ("code", lambda value: isinstance(value, str) and "\n" in value),
    "other case": ("kind", lambda value: value == "SMALL"),
    "a prefix": ("kind", lambda value: value == "smal"),
    "padded": ("kind", lambda value: value == "large "),
    "null": ("kind", lambda value: value is None),
}


@pytest.mark.slow
def test_both_sides_of_a_constraint_are_tried() -> None:
    def breaks(name: str, condition: Any) -> Callable[[ws.Invalid], bool]:
        return lambda invalid: invalid.path[:1] == (name,) and condition(invalid.payload.get(name))

    wanted = {what: breaks(*how) for what, how in BROKEN.items()}
    assert missing(ws.invalid_payloads(Narrow), wanted, cases=6000) == set()


SECRET = "hunter2"
HINTS = Hints(
    {"product": (SECRET,), "quantity": (4711,), "tag": ("three",), "note": (3,)}, {},
    ("anywhere",),
    {"tag": (17,), "product": (99,), "price": (5,)}, ("inside",), ("kind", "size"),
)  # fmt: skip


def test_hints_are_tried_in_the_fields_that_accept_them() -> None:
    wanted: dict[str, Callable[[Any], object]] = {
        "own": lambda p: p["product"] == SECRET,
        "for any": lambda p: p["product"] == "anywhere",
        "number": lambda p: p["quantity"] == 4711,
        "both": lambda p: p["product"] == SECRET and p["quantity"] == 4711,
        "as text, twice": lambda p: p.get("tags") == ["three", "three"],
        "length of a list": lambda p: len(p.get("tags", ())) == 17,
        "length of text": lambda p: len(p["product"]) == 99,
        "number for text": lambda p: p.get("note") == "3",
    }
    assert missing(source_of(Order, HINTS).valid, wanted, cases=3000) == set()


def test_without_a_type_hints_name_the_members() -> None:
    payloads = source_of(None, HINTS).valid
    wanted: dict[str, Callable[[Any], object]] = {
        "all": lambda p: {"kind", "size"} <= p.keys(),
        "one": lambda p: p.keys() == {"size"},
        "inside": lambda p: isinstance(p.get("size"), dict) and "inside" in p["size"],
    }
    assert missing(payloads, wanted, cases=3000) == set()
    assert find(payloads, lambda p: True, settings=SHRINK) == {}


def test_a_hint_may_be_a_secret_that_nothing_shows() -> None:
    assert repr(HINTS) == "Hints(for 4 fields, 1 for any)"
    source = source_of(Order, HINTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hypothesis never writes these, as they are that long
        assert SECRET not in repr(source.valid)
        assert SECRET not in repr(source.builder.values())


def test_hints_are_offered_only_where_the_schema_can_tell() -> None:
    accepts_all = lambda value: True  # noqa: E731
    unclear = Plan(st.just("1.0"), kinds=frozenset({"string decimal"}))
    assert hinted(unclear, "product", HINTS, accepts_all) is unclear
    listed = Plan(st.just("a"))
    assert hinted(listed, "product", HINTS, accepts_all) is listed
    number = Plan(st.just(1), kinds=frozenset({"integer"}))
    assert hinted(number, "price", Hints(), accepts_all) is number
    assert hinted(number, "price", HINTS, lambda value: False) is number
    fractions = hinted(number, "a", Hints(anywhere=(0.5,)), accepts_all)
    assert fractions is number  # nothing that takes 1 for an integer need take a float


def test_text_is_drawn_without_a_table_that_takes_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(codec: str) -> Any:
        raise AssertionError(f"the table of {codec}")

    monkeypatch.setattr("hypothesis.internal.charmap.intervals_from_codec", made)
    members = {"odd one": {"type": "string", "maxLength": 7}, "p": {"pattern": "^[^x]+$"}}
    schema = {"type": "object", "properties": members, "required": [*members]}
    assert find(ws.payloads(schema), lambda p: len(p["odd one"]) == 3, settings=SHRINK)


@pytest.mark.slow
def test_the_longest_text_is_for_those_who_send_it() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    large = source_of(schema, Hints(longest=2**20)).valid
    wanted = {"long": lambda p: len(p["a"]) == 65_537, "too long": lambda p: len(p["a"]) > 2**20}
    assert missing(large, wanted, cases=3000) == {"too long"}
    long = {"long": lambda p: len(p["a"]) > 4096, "too long": lambda p: len(p["a"]) > 16_384}
    assert missing(ws.payloads(schema), long, cases=3000) == {"too long"}


@settings(RUN, max_examples=200)
@given(ws.from_schema({"type": "array", "items": {"type": "string"}, "maxItems": 3}))
def test_lists_stay_within_their_bounds(items: Any) -> None:
    assert len(items) <= 3


def test_what_is_hardly_ever_accepted_is_given_up() -> None:
    class Never(pydantic.BaseModel):
        n: int

        @pydantic.field_validator("n")
        @classmethod
        def is_odd(cls, n: int) -> int:
            raise ValueError("never")

    with pytest.raises(Unsatisfiable):
        find(ws.payloads(Never), lambda p: True, settings=FIND)
    with pytest.raises(InvalidArgument, match="no payload is invalid"):
        find(ws.invalid_payloads(None), lambda p: True, settings=FIND)
