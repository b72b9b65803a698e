"""Ids of requests, names of channels and events, and patterns with names to try them on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from wsrpc.limits import Limits
from wsrpc.patterns import Pattern

from .schema.numbers import INTEGER_EDGES
from .schema.texts import CHARACTERS, EDGES

RESERVED: Final = "wsrpc."
"""Events whose names begin so are the protocol's own."""
_LIMITS: Final = Limits()

_IDS: Final[st.SearchStrategy[str | int]] = st.one_of(
    st.integers(),
    st.text(CHARACTERS, max_size=16),
    st.sampled_from([*INTEGER_EDGES, 10**40, -(10**40), *EDGES]),
)


@st.composite
def ids(draw: st.DrawFn) -> str | int:
    """Return ids of requests: integers of any size and strings, empty and unusual ones too."""
    return draw(_IDS)


_CHANNEL: Final = "abcdefghijklmnopqrstuvwxyz0123456789_-.:/"
_UNUSUAL_CHANNELS: Final = ("ß", "é", "中文", "a b", "room:1", "#", "*", "[a]", "💩", "-", "0")


@st.composite
def channels(draw: st.DrawFn, *, max_length: int = _LIMITS.channel_length) -> str:
    """Return names of channels: lowercase, as `wsrpc.LocalBroker` demands, and not empty."""
    _check_length("max_length", max_length, 1)
    return draw(_channels(max_length))


@lru_cache(maxsize=64)
def _channels(most: int) -> st.SearchStrategy[str]:
    names = st.text(_CHANNEL, min_size=1, max_size=min(most, 20))
    return names | st.sampled_from([name[:most] for name in (*_UNUSUAL_CHANNELS, "a" * most)])


@st.composite
def event_names(
    draw: st.DrawFn, *, min_length: int = 0, max_length: int = _LIMITS.event_length
) -> str:
    """Return names of events: any text that is not reserved, ``""`` for an event without a name.

    Names that begin with ``wsrpc.`` are the protocol's own.
    """
    _check_length("min_length", min_length, 0)
    _check_length("max_length", max_length, min_length)
    return draw(_event_names(min_length, max_length))


@lru_cache(maxsize=64)
def _event_names(least: int, most: int) -> st.SearchStrategy[str]:
    names = st.text(CHARACTERS, min_size=least, max_size=min(most, max(16, least)))
    edges = [name for name in (*EDGES, "e" * most) if least <= len(name) <= most]
    return (names | st.sampled_from(edges)).filter(_is_free)


def _is_free(name: str) -> bool:
    return not name.startswith(RESERVED)


def _check_length(option: str, value: object, least: int) -> None:
    if type(value) is not int or value < least:
        raise InvalidArgument(f"{option} must be an integer of at least {least}, got {value!r}")


@dataclass(frozen=True)
class PatternExample:
    """A pattern, with a name that matches it and one that does not."""

    pattern: str
    matching: str
    other: str


# pieces of a pattern, each with text that it matches; the first is never a star
_LETTERS: Final = "abcxyz019._-é \n"
_literals = st.sampled_from([(char, char) for char in _LETTERS])
_escapes = st.sampled_from([(f"\\{char}", char) for char in "*?[]\\!-a"])
_sets = st.sampled_from(
    [
        ("[abc]", "b"),
        ("[a-z]", "q"),
        ("[!abc]", "d"),
        ("[!a-c]", "z"),
        ("[]]", "]"),
        ("[a-]", "-"),
        ("[\\]]", "]"),
        ("[!]]", "x"),
        ("[*?]", "*"),
        ("[0-9_]", "_"),
    ]
)
_any_one = st.sampled_from([("?", char) for char in "a*?[é\n💩"])
_stars = st.tuples(st.just("*"), st.sampled_from(["", "a", "a.b", "*", "é\n"]))
_solid = st.one_of(_literals, _sets, _any_one, _escapes)
_pieces = st.tuples(_solid, st.lists(st.one_of(_solid, _stars), max_size=5), st.booleans()).map(
    lambda drawn: [*drawn[1], drawn[0]] if drawn[2] else [drawn[0], *drawn[1]]
)


@st.composite
def patterns(draw: st.DrawFn) -> PatternExample:
    """Return event patterns, each with a name that matches and one that does not.

    Patterns that match every name, such as ``*``, are not among them.
    """
    pieces = draw(_pieces)
    text = "".join(piece for piece, _ in pieces)
    matching = "".join(match for _, match in pieces)
    pattern = Pattern(text)
    # a pattern of more than stars does not match the empty name, so one is always left
    near = (
        "",
        matching[1:],
        matching[:-1],
        matching + "!",
        "!" + matching,
        matching.swapcase(),
        text,
    )
    other = draw(
        st.sampled_from([name for name in dict.fromkeys(near) if not pattern.matches(name)])
    )
    return PatternExample(text, matching, other)
