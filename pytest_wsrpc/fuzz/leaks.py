"""Text in an error that tells of the server's inside."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Iterator
from typing import Any

_PATH = "a file path"
_EXCEPTIONS = "|".join(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type)
    and issubclass(value, BaseException)
    and not issubclass(value, Warning)
)
_SIGNS = (
    (
        "a traceback",
        re.compile(r"Traceback \(most recent call last\)|\bFile \"[^\"\n]+\", line \d+"),
    ),
    (
        _PATH,
        re.compile(
            r"[A-Za-z]:\\(?:[\w.@+-]+[\\/])+[\w.@+-]+\.\w{1,4}\b"
            # not the rest of a word, a URL, a tag or a pattern
            r"|(?<![\w:/.<\])}~^-])/(?:[\w.@+-]+/)+[\w.@+-]*\w"
        ),
    ),
    (
        "the repr of an exception",
        # "Exception(s)" is a plural
        re.compile(rf"\b(?:{_EXCEPTIONS})\((?!s\))[^()\n]{{0,80}}\)?"),
    ),
    (
        "the repr of an object",
        re.compile(r"<[\w. ]*(?:object|function|method|class|module)[^<>]*>"),
    ),
    ("an address in memory", re.compile(r"\bat 0x[0-9a-fA-F]{4,}")),
)
_LEAST = 4
"""Shorter texts of exceptions, such as the key of a KeyError, stand in many messages by chance."""


def leak_in(
    error: Any, request: str, exceptions: Iterable[BaseException], endpoint: str = ""
) -> tuple[str, str] | None:
    """Return what an error gives away and its text, but for what stands in the request itself.

    The request is what the client knows: the message and the type of the payload, a string a line.
    """
    for text in _strings(error):
        for kind, pattern in _SIGNS:
            for match in pattern.finditer(text):
                if kind == _PATH and _is_known(match[0], request, endpoint):
                    continue
                if match[0] not in request:
                    return kind, match[0]
        for exception in exceptions:
            told = str(exception)
            if len(told) >= _LEAST and told in text and told not in request:
                return "the text of an exception", told
    return None


def _is_known(path: str, request: str, endpoint: str) -> bool:
    """Tell whether it is a URL of the endpoint, or points into the payload: ``/items/0/name``."""
    parts = path.removeprefix("/").split("/")
    if parts[0] == endpoint.strip("/").partition("/")[0]:
        return True
    known = {*request.splitlines(), "payload"}
    return all(part in known or part.isdigit() for part in parts)


def strings_of(value: Any) -> str:
    """Return all strings of a message, one a line, as they are after decoding."""
    return "\n".join(_strings(value))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield str(name)
            yield from _strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from _strings(member)
