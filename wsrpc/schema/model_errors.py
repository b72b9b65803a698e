"""What pydantic finds wrong with a payload, nested like the payload."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ._errors import INVALID, MORE, REQUIRED, UNKNOWN_FIELD, Errors, by_field

if TYPE_CHECKING:
    import pydantic
    from pydantic_core import ErrorDetails

_MOST: Final = 1000
"""So many errors are told: the answer stays in proportion to the message."""
_KEY: Final = "[key]"
"""The end of the path of a dict's key."""
_NONE_FITS: Final = "Input should be one of several alternatives, and fits none"


@dataclass
class _Node:
    """What is wrong with one value: itself, its parts, and itself as each branch of a union."""

    messages: list[str] = field(default_factory=list)
    parts: dict[str, _Node] = field(default_factory=dict)
    branches: dict[str, _Node] = field(default_factory=dict)


def errors_of(refusal: pydantic.ValidationError, payload: Any) -> dict[str, Errors]:
    """Return the errors by field; one for the value where it is unclear which branch is meant."""
    root = _Node()
    details = refusal.errors(include_url=False, include_input=False)
    for detail in details[:_MOST]:
        _add(root, payload, detail)
    if len(details) > _MOST:
        root.messages.append(MORE)
    return by_field(_fold(root))


def first_of(refusal: pydantic.ValidationError) -> str:
    """Return the first error on one line, for the log."""
    detail = refusal.errors(include_url=False, include_input=False)[0]
    path = "".join(f"[{step!r}]" for step in detail["loc"])
    return f"{detail['msg']} - at ${path}"


def _add(node: _Node, value: Any, detail: ErrorDetails) -> None:
    """Put an error where its path leads in the payload.

    The path also names the branches of unions: what leads nowhere is one, but for the name of a
    field that is missing.
    """
    kind, context = detail["type"], detail.get("ctx", {})
    missing = kind.startswith("missing")
    path = list(detail["loc"])
    prefix = ""
    if path and path[-1] == _KEY:
        path.pop()
        prefix = "invalid key: "
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        missing = kind == "union_tag_not_found"
        tag = str(context["discriminator"])
        if tag.startswith("'"):  # a field, not a function
            path.append(tag.strip("'"))
    for index, step in enumerate(path):
        if _leads_on(value, step):
            node, value = node.parts.setdefault(str(step), _Node()), value[step]
        elif missing and index == len(path) - 1:
            node = node.parts.setdefault(str(step), _Node())
        else:
            node = node.branches.setdefault(str(step), _Node())
    node.messages.append(prefix + _text(kind, detail["msg"], context))


def _leads_on(value: Any, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _text(kind: str, message: str, context: dict[str, Any]) -> str:
    if kind.startswith("missing") or kind == "union_tag_not_found":
        return REQUIRED
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return UNKNOWN_FIELD
    if kind == "union_tag_invalid":
        return f"Input should be {context['expected_tags']}"
    if kind in ("value_error", "assertion_error"):
        return str(context["error"]) or INVALID
    return message


def _fold(node: _Node) -> Errors:
    messages = list(node.messages)
    parts = {name: _fold(part) for name, part in node.parts.items()}
    branches = [_fold(branch) for branch in node.branches.values()]
    inside = [branch for branch in branches if isinstance(branch, dict)]
    if len(inside) == 1:
        # the other branches refuse the value as a whole: this is the one that is meant
        parts = {**inside[0], **parts}
    elif inside:
        messages.append(_NONE_FITS)
    else:
        messages += [branch for branch in branches if isinstance(branch, str)]
    text = _joined(messages)
    if not parts:
        return text
    return {"": text, **parts} if text else parts


def _joined(messages: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(messages))
