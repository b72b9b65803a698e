"""What the reference shows of the code: docstrings as Markdown, and what a user sees of a name."""

from __future__ import annotations

import ast
import re
from textwrap import dedent
from typing import Any

import griffe

_LITERAL = re.compile(r"(?P<before>[^\n]*?)::\n\n(?P<code>(?:[ ]{4}[^\n]*\n?|\n)+)")
_SESSION = re.compile(r"^>>> (?:[^\n]+\n?)+", re.M)


def markdown(docstring: str) -> str:
    """Return a docstring whose literal blocks and interactive sessions are fences."""

    def fence(found: re.Match[str]) -> str:
        before = found["before"] and f"{found['before']}:\n\n"
        code = dedent(found["code"]).strip()
        return f"{before}```{_language(code)}\n{code}\n```\n\n"

    text = _LITERAL.sub(fence, docstring)
    return _SESSION.sub(lambda found: f"```pycon\n{found[0].rstrip()}\n```\n", text).rstrip()


def _language(code: str) -> str:
    try:
        ast.parse(code)
    except SyntaxError:
        return "text"
    return "python"


class Reference(griffe.Extension):
    """Change each object as soon as it is read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Make its docstring Markdown."""
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Show a composite strategy as it is called: without `draw`, and returning a strategy."""
        if any(str(decorator.value).endswith("composite") for decorator in func.decorators):
            func.parameters = griffe.Parameters(*list(func.parameters)[1:])
            func.returns = f"SearchStrategy[{func.returns}]"
