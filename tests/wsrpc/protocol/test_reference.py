"""Generated and mutated messages, against a plain reference reader."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest

from wsrpc import ParseError
from wsrpc.protocol import Rejected, decode, encode_json, error, parse_request, reply


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
