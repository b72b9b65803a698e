"""Docstrings of the code, made into Markdown: a block after ``::`` is code."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

import griffe

_LITERAL = re.compile(r"(?P<before>[^\n]*?)::\n\n(?P<code>(?:[ ]{4}[^\n]*\n?|\n)+)")


def markdown(docstring: str) -> str:
    """Return a docstring with its literal blocks as fences, and its roles as plain code."""

    def fence(found: re.Match[str]) -> str:
        before = found["before"] and f"{found['before']}:\n\n"
        return f"{before}```python\n{dedent(found['code']).strip()}\n```\n\n"

    return _LITERAL.sub(fence, docstring).rstrip()


class LiteralBlocks(griffe.Extension):
    """Make each docstring Markdown as soon as it is read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)
