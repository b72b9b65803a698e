"""What is JSON: text and bytes that are decoded, and what is refused."""

from __future__ import annotations

import json

import pytest

from wsrpc import ParseError
from wsrpc.protocol import decode

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


@pytest.mark.parametrize("text", ["[]" * 100, "[" + "{}" * 100 + "]", "]" * 100 + "[" * 164])
def test_brackets_side_by_side_are_not_deep_but_no_json_either(text):
    with pytest.raises(ParseError):
        decode(text)
    assert decode(f"[{','.join(['[{}]'] * 100)}]") == [[{}]] * 100
