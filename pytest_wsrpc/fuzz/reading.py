"""What the names of methods and fields tell: who only reads, and what tells of work under way."""

from __future__ import annotations

from typing import Final

from pytest_wsrpc.strategies.schema.field_names import words

_READING: Final = frozenset(
    words(
        "all balance best check count current export fetch find get history info list look "
        "overview peek query read report search see show stat state status summary total view who"
    )
)

_PROGRESS: Final = frozenset(
    words(
        "active busy going idle locked open pending phase progress queue queued running stage "
        "state status waiting working"
    )
)


def tells(method: str) -> bool:
    """Tell whether a method seems to say what there is, rather than to change it."""
    return not _READING.isdisjoint(words(method))


def is_progress(field: str) -> bool:
    """Tell whether a field seems to say how far something has come that is under way."""
    return not _PROGRESS.isdisjoint(words(field))
