"""Event patterns: globs that match in time proportional to pattern length × name length."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache


class Pattern:
    """A glob over event names.

    ``*`` matches any characters, ``?`` any one, ``[abc]`` and ``[a-c]`` one of those, ``[!a-c]``
    one of all others; a backslash takes the next character as it is, in brackets too; everything
    else, newlines included, stands for itself. The whole name must match, and case matters.

    Raises `ValueError`, saying what and where, for a pattern with an unclosed bracket, a range
    whose end comes before its start, or a backslash at its end.
    """

    __slots__ = ("matches", "text")

    matches: Callable[[str], bool]
    """Whether an event name matches."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.matches = _matcher(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


@lru_cache(maxsize=1024)
def _matcher(text: str) -> Callable[[str], bool]:
    pieces = _parse(text)
    if pieces == [None]:
        return _anything
    if all(piece is not None and piece[1] for piece in pieces):
        return "".join(piece[0] for piece in pieces if piece is not None).__eq__
    match = re.compile(_regex(pieces), re.DOTALL).fullmatch
    return lambda name: match(name) is not None


def _anything(name: str) -> bool:
    return True


_Piece = tuple[str, bool] | None
"""One character as (text, is it literal), a regular expression otherwise; None for a star."""


def _parse(text: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if char == "*":
            if not pieces or pieces[-1] is not None:
                pieces.append(None)
        elif char == "?":
            pieces.append((".", False))
        elif char == "[":
            expression, position = _bracket(text, position)
            pieces.append((expression, False))
        elif char == "\\":
            pieces.append((_escaped(text, position), True))
            position += 1
        else:
            pieces.append((char, True))
    return pieces


def _escaped(text: str, position: int) -> str:
    if position >= len(text):
        raise ValueError(f"nothing follows the backslash at the end of {text!r}")
    return text[position]


def _bracket(text: str, position: int) -> tuple[str, int]:
    start = position - 1
    negated = text.startswith("!", position)
    position += negated
    members: list[str] = []
    first = True
    while True:
        if position >= len(text):
            raise ValueError(f"the [ at position {start} of {text!r} is not closed")
        if text[position] == "]" and not first:
            break
        first = False
        low, position = _member(text, position)
        if text.startswith("-", position) and text[position + 1 : position + 2] not in ("", "]"):
            high, position = _member(text, position + 1)
            if high < low:
                raise ValueError(f"the range {low}-{high} in {text!r} ends before it starts")
            members.append(f"{re.escape(low)}-{re.escape(high)}")
        else:
            members.append(re.escape(low))
    return f"[{'^' if negated else ''}{''.join(members)}]", position + 1


def _member(text: str, position: int) -> tuple[str, int]:
    if text[position] == "\\":
        return _escaped(text, position + 1), position + 2
    return text[position], position + 1


def _regex(pieces: list[_Piece]) -> str:
    """Join the pieces so that no star ever gives back what it took.

    The first place where the text between two stars fits is as good as any later one, so each star
    and the text behind it are one atomic group; only the last star has to look for the end.
    """
    chunks = [""]
    for piece in pieces:
        if piece is None:
            chunks.append("")
        else:
            chunks[-1] += re.escape(piece[0]) if piece[1] else piece[0]
    if len(chunks) == 1:
        return chunks[0]
    head, *middle, tail = chunks
    return head + "".join(f"(?>.*?{chunk})" for chunk in middle) + f".*{tail}"
