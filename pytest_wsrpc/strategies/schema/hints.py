"""What else is worth trying in a field: known from its name, or found in the application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import strategies as st

from .field_names import texts_for, words
from .plan import Accepts, Plan, Strategy, among
from .shapes import of_length
from .strings import LONGEST

_NONE: Final[Mapping[str, tuple[Any, ...]]] = {}
_SIMPLEST: Final[tuple[Any, ...]] = ("", 0, 1, "a", [], {})
_ODD_TEXT: Final = "any text: \u00df \u4e2d\n"


@dataclass(frozen=True, eq=False, repr=False)
class Hints:
    """Values that something other than the type says are worth trying.

    They are offered where a field accepts them. They may be secrets: no repr shows them.
    """

    fields: Mapping[str, tuple[Any, ...]] = field(default_factory=lambda: _NONE)
    """For fields by the words of their name, joined by a space."""
    near: Mapping[str, tuple[Any, ...]] = field(default_factory=lambda: _NONE)
    """What is next to those, for the same fields."""
    anywhere: tuple[Any, ...] = ()
    """For fields of any name."""
    lengths: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: _NONE)
    """Lengths of the values of fields, by name as above."""
    keys: tuple[str, ...] = ()
    """Names of members of objects, where the type says nothing of them."""
    members: tuple[str, ...] = ()
    """Names of members of the payload itself, likewise."""
    longest: int = LONGEST
    """Characters of the longest text that is drawn only because it may be."""

    def __repr__(self) -> str:
        return f"Hints(for {len(self.fields)} fields, {len(self.anywhere)} for any)"


def key(name: str) -> str:
    """Return a name as `Hints` has it, the same for ``orderIds`` and ``order_id``."""
    return " ".join(words(name)) or name


NO_HINTS: Final = Hints()


def hinted(plan: Plan, name: str, hints: Hints, accepts: Accepts) -> Plan:
    """Return the plan of a field with what its name and the hints say."""
    has_text = any(kind.startswith("string") for kind in plan.kinds)
    if not plan.kinds:
        return plan
    if has_text and "string" not in plan.kinds and accepts(_ODD_TEXT):
        return plan  # only the type itself can tell what is right
    exact, near = (of.get(key(name), ()) for of in (hints.fields, hints.near))
    own = [*_fitting((*exact, *exact, *near), plan, accepts)]
    others = (hints.anywhere, texts_for(name) if has_text else ())
    groups = [own, own, own, *([*_fitting(values, plan, accepts)] for values in others)]
    ways: list[Strategy] = []
    values = _balanced(groups)
    if values:
        simplest = next((value for value in _SIMPLEST if accepts(value)), values[0])
        ways.append(among([simplest, *values]))
    lengths = hints.lengths.get(key(name), ())
    if lengths and not plan.kinds.isdisjoint(("string", "array", "object")):
        ways.append(_of_lengths(plan, st.sampled_from(lengths), accepts))
    return plan.with_hints(ways)


def _balanced(groups: list[list[Any]]) -> list[Any]:
    """Return the values of all groups, of each about as many, by repeating the fewer ones."""
    most = max(map(len, groups))
    return [value for group in groups if group for value in group * (most // len(group))]


def _fitting(values: Iterable[Any], plan: Plan, accepts: Accepts) -> Iterator[Any]:
    """Yield the values that the field accepts, as they are or in a form that it does."""
    for value in values:
        forms = [value]
        if type(value) is not str and "string" in plan.kinds:
            forms.append(str(value))
        if "array" in plan.kinds:
            forms += [[value], [value, value]]
        yield from (form for form in forms if plan.may_be(form) and accepts(form))


@st.composite
def _of_lengths(
    draw: st.DrawFn, plan: Plan, lengths: st.SearchStrategy[int], accepts: Accepts
) -> Any:
    value = draw(plan.plain)
    changed = of_length(value, draw(lengths))
    return changed if accepts(changed) else value
