"""Messages that are no request, or a request of no method, each with the answer it must get."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from wsrpc.errors import InvalidParams, InvalidRequest, MethodNotFound, ParseError
from wsrpc.limits import Limits

from .names import ids
from .schema.anything import OBJECTS, VALUES
from .schema.texts import CHARACTERS

_SHOWN: Final = 160


@dataclass(frozen=True, repr=False)
class Malformed:
    """A message that the server must refuse, and how."""

    message: str | bytes
    """Bytes of a text frame where they are no UTF-8, or of a binary frame."""
    code: int
    """The error's code."""
    why: str
    id: str | int | None = None
    """The id that the reply must echo; None where none can be read, so none may stand there."""
    method: str | None = None
    """The method that the reply must echo, None likewise."""
    binary: bool = False
    """Whether the message goes in a binary frame."""

    def __repr__(self) -> str:
        shown = repr(self.message)
        if len(shown) > _SHOWN:
            half = _SHOWN // 2
            shown = f"{shown[:half]}...{shown[-half:]} ({len(self.message)} long)"
        parts = [f"message={shown}", f"code={self.code}", f"why={self.why!r}"]
        if self.id is not None:
            parts.append(f"id={self.id!r}")
        if self.method is not None:
            parts.append(f"method={self.method!r}")
        if self.binary:
            parts.append("binary=True")
        return f"Malformed({', '.join(parts)})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Keep hypothesis from printing a long message in full."""
        printer.text(repr(self))


@st.composite
def malformed_messages(
    draw: st.DrawFn, methods: Iterable[str] | None = None, *, depth: int | None = Limits().depth
) -> Malformed:
    """Return messages that a server must answer with an error of the protocol, each with its code.

    They are no JSON, no object, no text, lack a member or have one of a wrong type, or call a
    method that does not exist. Give the names of the `methods` that do exist, so that they are
    used where only something else is wrong, and never called unknown. `depth` is the limit of
    nesting, `Limits.depth`; with None no message is refused for its depth.
    """
    names = None if methods is None else tuple(sorted(methods))
    if isinstance(methods, str) or (names and not all(isinstance(name, str) for name in names)):
        raise InvalidArgument(f"methods must be the names of methods, got {methods!r}")
    if depth is not None and (type(depth) is not int or depth < 2):
        raise InvalidArgument(f"depth must be an integer of at least 2, or None, got {depth!r}")
    return draw(_malformed(names, depth))


@lru_cache(maxsize=64)
def _malformed(names: tuple[str, ...] | None, depth: int | None) -> st.SearchStrategy[Malformed]:
    known = st.sampled_from(names or ("info", "add", "subscribe"))
    return st.one_of(
        _no_objects,
        _wrong_members(known),
        _unknown_methods(names),
        _no_json(known),
        _no_utf8(known),
        *([] if depth is None else [_too_deep(known, depth)]),
        _binary(known),
    )


_NO_JSON: Final = {
    "NaN": "NaN is no JSON",
    "Infinity": "Infinity is no JSON",
    "-Infinity": "-Infinity is no JSON",
    "1e999": "the number is beyond a double",
    "-1e999": "the number is beyond a double",
    "1" * 4301: "the integer has 4,301 digits",
    "-" + "9" * 5000: "the integer has 5,000 digits",
    r'"\ud800"': "a lone surrogate",
    r'"a\udfffb"': "a lone surrogate",
    r'"\udc00\ud800"': "surrogates in the wrong order",
    r'{"\ud83d": 1}': "a lone surrogate in a name",
    "01": "a leading zero",
    ".5": "a number without its integer part",
    "5.": "a number without its fraction",
    "+1": "a plus sign",
    "0x10": "a hexadecimal number",
    "'a'": "single quotes",
    "True": "a Python name",
    "None": "a Python name",
    "undefined": "undefined is no JSON",
    "[1,]": "a comma before a bracket",
    '{"a": 1,}': "a comma before a brace",
    "{a: 1}": "a name without quotes",
    "{1: 1}": "a number as a name",
    '{"a" 1}': "a missing colon",
    "[1 2]": "a missing comma",
    '"a\nb"': "a control character in a string",
    r'"\x41"': "an unknown escape",
    r'"\u12"': "a short escape",
    '"a': "a string without its end",
    "/* */ 1": "a comment",
    "": "a missing value",
}
_PLACES: Final = (
    '{"id": 1, "method": METHOD, "payload": {"a": HERE}}',
    '{"id": 1, "method": METHOD, "payload": HERE}',
    '{"id": HERE, "method": METHOD}',
    '{"id": 1, "method": HERE, "payload": {}}',
    '{"id": 1, "method": METHOD, "unread": HERE}',
    '{"id": 1, "method": METHOD, "unread": {"a": [{"b": HERE}]}}',
    "HERE",
    "[1, HERE]",
)


def _no_json(known: st.SearchStrategy[str]) -> st.SearchStrategy[Malformed]:
    requests = st.builds(_request, ids(), known, OBJECTS)
    return st.one_of(
        st.builds(_placed, st.sampled_from(list(_NO_JSON)), st.sampled_from(_PLACES), known),
        st.sampled_from(["", " ", "\n\n", "\x00", "{", "hello", "}{", '{"id": 1']).map(
            lambda text: _parse_error(text, "no JSON text")
        ),
        st.builds(_cut, requests, st.integers(0, 1000)),
        st.builds(
            lambda text, rest: _parse_error(text + rest, f"{rest!r} after the end"),
            requests,
            st.sampled_from(["x", "}", ",", "{}", "\x00", " null", "]"]),
        ),
        requests.map(lambda text: _parse_error("\ufeff" + text, "a byte order mark")),
    )


def _request(id: str | int, method: str, payload: Any) -> str:
    return json.dumps({"id": id, "method": method, "payload": payload})


def _parse_error(message: str | bytes, why: str) -> Malformed:
    return Malformed(message, ParseError.CODE, why)


def _placed(token: str, place: str, method: str) -> Malformed:
    text = place.replace("METHOD", json.dumps(method)).replace("HERE", token)
    return _parse_error(text, _NO_JSON[token])


def _cut(text: str, kept: int) -> Malformed:
    return _parse_error(text[: kept % len(text)], "the message is cut off")


_NO_UTF8: Final = {
    b"\xff": "a byte that UTF-8 never has",
    b"\x80": "a continuation byte without its start",
    b"\xc0\x80": "an overlong zero",
    b"\xe2\x82": "a character that is cut off",
    b"\xed\xa0\x80": "an encoded surrogate",
    b"\xf5\x80\x80\x80": "a character beyond Unicode",
    "é".encode("latin-1"): "Latin-1",
}


def _no_utf8(known: st.SearchStrategy[str]) -> st.SearchStrategy[Malformed]:
    def place(wrong: bytes, place: str, method: str) -> Malformed:
        text = place.replace("METHOD", json.dumps(method)).replace("HERE", '"HERE"')
        return _parse_error(text.encode().replace(b"HERE", wrong), f"no UTF-8: {_NO_UTF8[wrong]}")

    return st.builds(place, st.sampled_from(list(_NO_UTF8)), st.sampled_from(_PLACES), known)


def _too_deep(known: st.SearchStrategy[str], depth: int) -> st.SearchStrategy[Malformed]:
    def nest(extra: int, place: str, method: str, pair: tuple[str, str]) -> Malformed:
        levels = depth + extra
        text = place.replace("METHOD", json.dumps(method))
        return _parse_error(
            text.replace("HERE", pair[0] * levels + pair[1] * levels), f"over {depth} levels deep"
        )

    pairs = st.sampled_from([("[", "]"), ('{"a":[', "]}")])
    more = st.sampled_from([1, 2, depth, 1000, 50_000])
    return st.builds(nest, more, st.sampled_from(_PLACES), known, pairs)


_no_objects = st.one_of(
    VALUES.filter(lambda value: not isinstance(value, dict)),
    st.just([]),
    st.just([{"id": 1, "method": "info"}]),
).map(
    lambda value: Malformed(
        json.dumps(value), InvalidRequest.CODE, f"no object but {type(value).__name__}"
    )
)


def _binary(known: st.SearchStrategy[str]) -> st.SearchStrategy[Malformed]:
    contents = st.binary(max_size=20) | st.builds(_request, ids(), known, OBJECTS).map(str.encode)
    return contents.map(
        lambda data: Malformed(data, InvalidRequest.CODE, "a binary frame", binary=True)
    )


ABSENT: Final = object()
_WRONG_IDS: Final[tuple[Any, ...]] = (
    ABSENT,
    None,
    True,
    False,
    1.5,
    1.0,
    1e300,
    [],
    [1],
    {},
    {"id": 1},
)
_WRONG_METHODS: Final[tuple[Any, ...]] = (
    ABSENT,
    None,
    True,
    0,
    1,
    1.5,
    [],
    ["info"],
    {},
    {"method": "info"},
)
_WRONG_PAYLOADS: Final[tuple[Any, ...]] = (False, True, 0, 1, 1.5, "", "{}", [], [{}], [["a", 1]])


def _wrong_members(known: st.SearchStrategy[str]) -> st.SearchStrategy[Malformed]:
    right_payload = st.just(ABSENT) | OBJECTS
    wrong_id, wrong_method = st.sampled_from(_WRONG_IDS), st.sampled_from(_WRONG_METHODS)
    wrong_payload = st.sampled_from(_WRONG_PAYLOADS)
    return st.one_of(
        st.builds(_envelope, wrong_id, known, right_payload),
        st.builds(_envelope, ids(), wrong_method, right_payload),
        st.builds(_envelope, ids(), known, wrong_payload),
        st.builds(_envelope, wrong_id, wrong_method, right_payload | wrong_payload),
        st.just(Malformed("{}", InvalidParams.CODE, "id is missing, method is missing")),
    )


def _envelope(id: Any, method: Any, payload: Any) -> Malformed:
    members = {"id": id, "method": method, "payload": payload}
    message = {name: value for name, value in members.items() if value is not ABSENT}
    wrong = {"id": type(id) not in (str, int), "method": type(method) is not str,
             "payload": payload is not ABSENT and type(payload) is not dict}  # fmt: skip
    why = ", ".join(
        f"{name} is missing"
        if members[name] is ABSENT
        else f"{name} is {json.dumps(members[name])}"
        for name in members
        if wrong[name]
    )
    return Malformed(
        json.dumps(message),
        InvalidParams.CODE,
        why,
        None if wrong["id"] else id,
        None if wrong["method"] else method,
    )


_UNKNOWN: Final = (
    "wtf",
    "",
    "ws_rpc_info",
    "__init__",
    "get",
    "wsrpc.position",
    "é",
    "no such method",
)


def _unknown_methods(names: tuple[str, ...] | None) -> st.SearchStrategy[Malformed]:
    unknown = st.text(CHARACTERS, max_size=12).map("no such ".__add__)
    if names is not None:
        near = [changed for name in names for changed in (f"{name}x", name.title(), f" {name}")]
        free = [name for name in (*_UNKNOWN, *near) if name not in names]
        unknown = st.sampled_from(free) | unknown.filter(lambda name: name not in names)
    return st.builds(
        lambda id, method, payload: Malformed(
            _request(id, method, payload), MethodNotFound.CODE, "no such method", id, method
        ),
        ids(),
        unknown,
        OBJECTS,
    )
