"""The wire format, sans I/O: what is JSON, what is a request, what an answer looks like."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrpc import InvalidParams, InvalidRequest, ParseError, RpcError
from wsrpc.protocol import (
    Rejected,
    Request,
    decode,
    encode_json,
    error,
    event,
    parse_request,
    reply,
    unknown_method,
)

DIGITS = "7" * 4300

JSON_TEXTS = [
    "null",
    "true",
    "[]",
    "{}",
    ' \t\r\n{"a" : [ 1 , 2.5 ] }\n',
    '""',
    '"\x7f"',
    '"\\u0000"',
    '"\\ud83d\\ude00"',
    '"é😀"',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    "-0.0",
    "1E+2",
    "1e-400",
    "0e99999999999",
    "1.7976931348623157e308",
    DIGITS,
    "-" + DIGITS,
    f"[-{DIGITS}, 1.5, true, {{}}]",
    "7" * 5000 + "e-5000",
    "0." + "7" * 5000,
    '{"NaN": "Infinity"}',
    '{"a": 1, "a": 2}',
    '"[[[[[["',
    '"' + "[" * 1000 + '"',
    '"' + '\\"[' * 1000 + '"',
    "[" * 64 + "]" * 64,
    '{"a":' * 64 + "1" + "}" * 64,
    "[" + "[]," * 1000 + "[]]",
    '["\\\\", ' + "[" * 63 + "]" * 63 + "]",
]

NO_JSON = [
    "",
    " ",
    "{bad",
    "nul",
    "True",
    "undefined",
    "'a'",
    "1 2",
    "01",
    "1.",
    ".5",
    "+1",
    "-",
    "--1",
    "0x10",
    "[1,]",
    '{"a":1,}',
    "{a:1}",
    '{1:"a"}',
    "[1",
    "1]",
    '"\t"',
    '"\x00"',
    '"\\x41"',
    '"\\u12"',
    "\ufeff1",
    "\xa01",
    "[]\x00",
    "// comment\n1",
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "[NaN]",
    '{"unread": [{"deep": -Infinity}]}',
    "1e400",
    "-1e400",
    "1e99999999999999999999",
    '{"unread": 1e999}',
    DIGITS + ".0",
    "7" + DIGITS,
    "-7" + DIGITS,
    f'{{"unread": [7{DIGITS}]}}',
    f"[-{DIGITS}, NaN]",
    f"[-{DIGITS}, 1e400]",
    f'[-{DIGITS}, "\\ud800"]',
    f'[-{DIGITS}, "\t"]',
    f"[-{DIGITS}, 7{DIGITS}]",
    f"[-{DIGITS}",
    f"-0{DIGITS}",
    '"\\ud800"',
    '"\\udc00"',
    '"\\udc00\\ud800"',
    '"\\ud800\\u0041"',
    '{"unread": {"\\ud800": 1}}',
    '{"a": "\\ud800", "a": 1}',
    "[" * 65 + "]" * 65,
    '{"a":' * 65 + "1" + "}" * 65,
    '[{"a":' * 33 + "1" + "}]" * 33,
    '{"unread": ' + "[" * 64 + "]" * 64 + "}",
    "[" * 100_000,
    "]" * 100_000,
    "[" * 100_000 + "]" * 100_000,
    "[}" * 40,
]

NO_UTF8 = [
    b"\xff",
    b'"\xff"',
    b'"a\xcc"',
    b'{"\xff": 1}',
    b'{"unread": {"deep": ["\xff"]}}',
    b'"\xc0\x80"',
    b'"\xed\xa0\x80"',
    b'"\xf4\x90\x80\x80"',
    '"a"'.encode("utf-16"),
]


def short(text: str | bytes) -> str:
    return repr(text[:40])


@pytest.mark.parametrize("text", JSON_TEXTS, ids=short)
def test_json_is_decoded_as_the_json_module_does(text):
    value = decode(text)

    assert repr(value) == repr(json.loads(text))
    assert repr(decode(text.encode())) == repr(value)


@pytest.mark.parametrize("text", NO_JSON, ids=short)
def test_what_is_no_json_is_a_parse_error_wherever_it_stands(text):
    with pytest.raises(ParseError) as caught:
        decode(text)

    assert (caught.value.code, caught.value.message) == (-32700, "JSON string expected")
    assert caught.value.errors is None
    assert caught.value.__cause__ is None
    with pytest.raises(ParseError):
        decode(text.encode())


@pytest.mark.parametrize("data", NO_UTF8, ids=short)
def test_invalid_utf_8_is_a_parse_error_wherever_it_stands(data):
    with pytest.raises(ParseError):
        decode(data)


def test_a_lone_surrogate_in_a_str_is_a_parse_error():
    with pytest.raises(ParseError):
        decode('"\ud800"')


@pytest.mark.parametrize("depth", [1, 2, 5, 64, 100])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"[":', "}"), ('["\\"]",', "]")])
def test_depth_counts_every_container_the_message_itself_too(depth, opened, closed):
    assert decode(opened * depth + "[]" + closed * depth, depth=depth + 1) is not None
    with pytest.raises(ParseError):
        decode(opened * depth + "[]" + closed * depth, depth=depth)


# requests


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        ({"id": "a", "method": "m"}, {}),
        ({"id": "a", "method": "m", "payload": None}, {}),
        ({"id": "a", "method": "m", "payload": {"a": None}}, {"a": None}),
        ({"id": "a", "method": "m", "unknown": [1]}, {}),
    ],
)
def test_a_request_has_id_method_and_perhaps_a_payload(message, payload):
    assert parse_request(message) == Request("a", "m", payload)


@pytest.mark.parametrize("id", ["", "NULL", 0, -1, 10**4299, "é\x00"])
@pytest.mark.parametrize("method", ["", "m"])
def test_every_string_and_integer_is_an_id_and_every_string_a_method(id, method):
    request = parse_request({"id": id, "method": method})

    assert (request.id, request.method) == (id, method)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[1]", "list"),
        ('"{}"', "str"),
        ("1", "int"),
        ("1.5", "float"),
        ("null", "NoneType"),
        ("true", "bool"),
    ],
)
def test_json_that_is_no_object_is_an_invalid_request(text, name):
    with pytest.raises(Rejected) as caught:
        parse_request(decode(text))

    assert type(caught.value.error) is InvalidRequest
    assert caught.value.error.code == -32600
    assert caught.value.error.message == f"Malformed message; expected dictionary, got {name}"
    assert (caught.value.id, caught.value.method) == (None, None)


@pytest.mark.parametrize(
    ("message", "id", "method", "errors"),
    [
        ({}, None, None, {"id": "required", "method": "required"}),
        ({"id": 1}, 1, None, {"method": "required"}),
        ({"method": "m"}, None, "m", {"id": "required"}),
        (
            {"id": None, "method": None},
            None,
            None,
            {
                "id": "expected a string or an integer, got null",
                "method": "expected a string, got null",
            },
        ),
        (
            {"id": True, "method": 1, "payload": 1.5},
            None,
            None,
            {
                "id": "expected a string or an integer, got a boolean",
                "method": "expected a string, got an integer",
                "payload": "expected an object, got a number",
            },
        ),
        (
            {"id": 1.0, "method": "m"},
            None,
            "m",
            {"id": "expected a string or an integer, got a number"},
        ),
        (
            {"id": {}, "method": []},
            None,
            None,
            {
                "id": "expected a string or an integer, got an object",
                "method": "expected a string, got an array",
            },
        ),
        ({"id": 0, "method": "m", "payload": []}, 0, "m", "an array"),
        ({"id": "", "method": "m", "payload": "{}"}, "", "m", "a string"),
        ({"id": "x", "method": "m", "payload": False}, "x", "m", "a boolean"),
        ({"id": "x", "method": "", "payload": 0}, "x", "", "an integer"),
    ],
)
def test_a_malformed_request_is_refused_with_every_wrong_member_and_what_was_readable(
    message, id, method, errors
):
    with pytest.raises(Rejected) as caught:
        parse_request(message)

    rejected = caught.value
    assert type(rejected.error) is InvalidParams
    assert (rejected.error.code, rejected.error.message) == (-32602, "Invalid RPC parameters")
    if isinstance(errors, str):
        errors = {"payload": f"expected an object, got {errors}"}
    assert rejected.error.errors == errors
    assert (rejected.id, rejected.method) == (id, method)
    assert type(rejected.id) is type(id)


# answers


@pytest.mark.parametrize("id", ["", "NULL", "é\n", 0, -1, 10**30, 10**4299])
def test_a_reply_echoes_id_and_method(id):
    assert json.loads(reply(id, 'm"\n', b'{"a":1}')) == {
        "id": id,
        "method": 'm"\n',
        "response": {"a": 1},
    }


def test_an_error_carries_code_message_and_errors():
    assert json.loads(error(0, "", RpcError(7, "no", {"a": {"0": "bad"}}))) == {
        "id": 0,
        "method": "",
        "error": {"code": 7, "message": "no", "errors": {"a": {"0": "bad"}}},
    }


def test_an_error_leaves_out_what_is_not_known():
    assert json.loads(error(None, None, ParseError())) == {
        "error": {"code": -32700, "message": "JSON string expected"}
    }
    assert json.loads(error(None, "m", RpcError(1, "", {}))) == {
        "method": "m",
        "error": {"code": 1, "message": "", "errors": {}},
    }


def test_an_error_whose_fields_have_no_json_form_raises():
    with pytest.raises(TypeError):
        error(1, "m", RpcError(1, "", {"a": object()}))
    with pytest.raises(ValueError):
        error(1, "m", RpcError(1, "\ud800"))


def test_an_event_carries_channel_name_and_data():
    assert json.loads(event("c", "", None)) == {"channel": "c", "event": "", "data": None}
    assert json.loads(event("c", "e", [math.nan])) == {"channel": "c", "event": "e", "data": [None]}
    with pytest.raises(TypeError):
        event("c", "e", b"x")


def test_an_unknown_method_is_named():
    assert unknown_method("wtf") == {"method": "wtf method not available"}


# values


@dataclasses.dataclass
class Point:
    x: Any


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, "null"),
        ({"a": [math.inf, -math.inf, 1.5]}, '{"a":[null,null,1.5]}'),
        (2**64, "18446744073709551616"),
        (-(2**63) - 1, "-9223372036854775809"),
        ((1, (2,)), "[1,[2]]"),
        ({1: 2}, '{"1":2}'),
        (Point(math.nan), '{"x":null}'),
        ({"when": datetime.date(2026, 1, 2)}, '{"when":"2026-01-02"}'),
        ("\x00é😀", '"\\u0000é😀"'),
    ],
    ids=repr,
)
def test_a_value_becomes_json(value, text):
    assert encode_json(value).decode() == text


def looped_list() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def looped_dict() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["a"] = [value]
    return value


class Keys(dict):  # type: ignore[type-arg]
    pass


@pytest.mark.parametrize(
    "value",
    [
        b"x",
        bytearray(b"x"),
        memoryview(b"x"),
        [b"x"],
        (1, (b"x",)),
        {"a": {"b": [b"x"]}},
        {b"x": 1},
        {"a": {b"x": 1}},
        {1, b"x"},
        [frozenset([b"x"])],
        Keys(a=b"x"),
        object(),
        {"a": object()},
        1j,
        print,
        {(1, 2): 3},
        {None: 1},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_json_form_is_a_type_error(value):
    with pytest.raises(TypeError):
        encode_json(value)


@pytest.mark.parametrize(
    "value",
    ["\ud800", {"a": ["\udc00"]}, {"\ud800": 1}, 10**4300, looped_list(), looped_dict()],
    ids=["surrogate", "nested surrogate", "key", "integer", "list", "dict"],
)
def test_what_json_cannot_hold_is_a_value_error(value):
    with pytest.raises(ValueError):
        encode_json(value)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_encoding_and_decoding_is_the_identity(value):
    assert repr(decode(encode_json(value))) == repr(value)


# generated and mutated messages, against a plain reference reader


class Refused(Exception):
    pass


def read(data: bytes, depth: int) -> Any:
    """The reference: the json module, with every strictness of DESIGN section 2 added."""

    def refuse(_: Any) -> None:
        raise ValueError

    def finite(text: str) -> float:
        value = float(text)
        return value if math.isfinite(value) else refuse(text)  # type: ignore[return-value]

    try:
        pairs = json.loads(
            data.decode(), parse_constant=refuse, parse_float=finite, object_pairs_hook=tuple
        )
        return build(pairs, depth)
    except (ValueError, RecursionError):
        raise Refused from None


def build(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, (list, tuple)):
        if not depth:
            raise ValueError
        if isinstance(value, list):
            return [build(item, depth - 1) for item in value]
        return {build(key, depth): build(member, depth - 1) for key, member in value}
    return value


def random_value(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(9 if depth else 7)
    if kind == 7:
        return [random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 8:
        return {
            rng.choice(("a", "é", "", "id")): random_value(rng, depth - 1)
            for _ in range(rng.randrange(4))
        }
    return (
        None,
        rng.random() < 0.5,
        rng.randrange(-5, 5),
        rng.getrandbits(rng.randrange(1, 200)),
        rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300),
        "".join(
            chr(rng.choice((0, 34, 92, 91, 97, 233, 0x1F600))) for _ in range(rng.randrange(5))
        ),
        "NULL",
    )[kind]


def random_message(rng: random.Random) -> bytes:
    message: Any = {
        "id": rng.choice(("", "a", 0, 7, -(10**20), None, True, 1.0, [], {})),
        "method": rng.choice(("echo", "nope", "", None, 3, {})),
        "payload": rng.choice(({}, {"a": random_value(rng, 3)}, None, [], "x")),
        "extra": random_value(rng, 3),
    }
    for member in list(message):
        if rng.random() < 0.2:
            del message[member]
    if rng.random() < 0.1:
        message = random_value(rng, 3)
    return json.dumps(
        message, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 1))
    ).encode()


SNIPPETS = (
    *(b"NaN", b"-Infinity", b"1e999", b'"\\ud800"', b"\\udc00", b"\xff", b"\xed\xa0\x80", b"\x00"),
    *(b'"', b"\\", b",", b":", b"null", b"-", b"0", b"[", b"]", b"{", b"}", b"\xef\xbb\xbf", b"e5"),
    *(
        b"[" * 70,
        b"[" * 40 + b"]" * 40,
        b'{"a":' * 66,
        b"7" * 4300,
        b"-" + b"7" * 4300,
        b"7" * 4301,
    ),
)


def mutated(rng: random.Random, message: bytes) -> bytes:
    for _ in range(rng.randrange(4)):
        start = rng.randrange(len(message) + 1)
        end = min(len(message), start + rng.randrange(6))
        message = message[:start] + rng.choice((b"", rng.choice(SNIPPETS))) + message[end:]
    return message


def answer(data: bytes, depth: int) -> bytes:
    """What an endpoint with the one method echo answers."""
    try:
        request = parse_request(decode(data, depth))
    except ParseError as refusal:
        return error(None, None, refusal)
    except Rejected as rejected:
        return error(rejected.id, rejected.method, rejected.error)
    return reply(request.id, request.method, encode_json(request.payload))


@pytest.mark.parametrize("count", [200_000 // 20, pytest.param(200_000, marks=pytest.mark.soak)])
def test_any_message_is_answered_as_a_plain_reference_reads_it(count):
    rng = random.Random(2)
    depth = 8
    codes: dict[int | None, int] = {}
    for _ in range(count):
        data = mutated(rng, random_message(rng))
        answered = json.loads(answer(data, depth))
        assert ("error" in answered) != ("response" in answered)
        code = answered["error"]["code"] if "error" in answered else None
        codes[code] = codes.get(code, 0) + 1
        try:
            message = read(data, depth)
        except Refused:
            assert answered == {"error": {"code": -32700, "message": "JSON string expected"}}, data
            continue
        if not isinstance(message, dict):
            assert code == -32600, data
            assert answered.keys() == {"error"}
            continue
        id, method, payload = (message.get(member) for member in ("id", "method", "payload"))
        has_id = type(id) in (str, int)
        assert ("id" in answered) == has_id, data
        assert ("method" in answered) == isinstance(method, str), data
        if has_id:
            assert repr(answered["id"]) == repr(id), data
        if has_id and isinstance(method, str) and (payload is None or type(payload) is dict):
            assert repr(answered["response"]) == repr(payload or {}), data
        else:
            assert code == -32602, data
    assert codes.keys() == {None, -32700, -32600, -32602}
    assert min(codes.values()) > count // 100, codes


class Text(str):
    """As markupsafe's Markup."""

    def __str__(self):
        return self


class Number(float):
    """As numpy's float64."""


class Count(int):
    """An integer that is more than one."""


def test_strings_and_numbers_of_derived_classes_are_encoded_as_their_bases():
    value = [Text("a"), Number(1.5), Count(2), {Text("key"): Number(float("nan"))}]

    assert encode_json(value) == b'["a",1.5,2,{"key":null}]'
    with pytest.raises(TypeError, match=r"^object has no JSON form$"):
        encode_json([object()])


def test_a_value_whose_own_code_fails_has_no_json_form():
    class Unset(msgspec.Struct):
        a: int

    value = Unset(1)
    del value.a

    with pytest.raises(TypeError, match="Unset has no JSON form"):
        encode_json(value)


@pytest.mark.parametrize("text", ["[]" * 100, "[" + "{}" * 100 + "]", "]" * 100 + "[" * 164])
def test_brackets_side_by_side_are_not_deep_but_no_json_either(text):
    with pytest.raises(ParseError):
        decode(text)
    assert decode(f"[{','.join(['[{}]'] * 100)}]") == [[{}]] * 100
