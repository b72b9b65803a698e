"""Values of a schema with exactly one thing broken, anywhere inside."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

from .arrays import LONGEST, SHALLOW, sizes
from .build import Builder
from .document import ANYTHING, Schema
from .merge import Flat, item_of, property_of
from .misfits import Misfit, further, near, of_other_types, shown
from .objects import any_matches, mapping, members_of
from .plan import Plan, accepted

Misfits: TypeAlias = st.SearchStrategy[Misfit]

_UNPROVEN: Final = frozenset({"contentEncoding", "contentMediaType", "format"})
"""Keywords that a type asserts in its own way."""


class Breaker:
    """The misfits of one document."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.document = builder.document
        self._known: dict[tuple[int, int], Misfits | None] = {}

    def payloads(self) -> Misfits | None:
        """Return the objects with one thing wrong, None where nothing can be."""
        usable = self._usable(self.document.root, self.builder.budget)
        objects = [m for flat, _ in usable for m in near(flat) if isinstance(m.value, dict)]
        return _joined([*self._proven(objects, self.document.root), *self._inside(usable)])

    def of(self, schema: Schema, budget: int) -> Misfits | None:
        """Return the misfits of a subschema, None where it accepts everything."""
        key = (id(schema), budget)
        if key not in self._known:
            self._known[key] = self._make(schema, budget)
        return self._known[key]

    def _make(self, schema: Schema, budget: int) -> Misfits | None:
        usable = self._usable(schema, budget)
        flats = [flat for flat, _ in usable]
        if not flats or any(flat.kind == "any" and not flat.checks for flat in flats):
            return None
        single = [*of_other_types([flat for flat in flats if flat.kind != "any"])]
        single += [misfit for flat in flats for misfit in near(flat)]
        return _joined([*self._proven(single, schema), *self._inside(usable)])

    def _usable(self, schema: Schema, budget: int) -> list[tuple[Flat, Plan]]:
        """Return the alternatives that have values, without the examples."""
        flats = self.builder.alternatives.of(schema, budget)
        plans = [(flat, self.builder.one(flat)) for flat in flats if not flat.example]
        return [(flat, plan) for flat, plan in plans if plan is not None]

    def _proven(self, misfits: list[Misfit], schema: Schema) -> list[Misfits]:
        """Leave out what the schema as a whole accepts after all; each keyword as often."""
        accepts = self.document.accepts(schema)
        unproven = _UNPROVEN if self.document.asserts_all else frozenset()
        kept: dict[str, list[Misfit]] = {}
        for misfit in misfits:
            is_written = type(misfit.value) is float and not self.document.floats
            if misfit.keyword in unproven or is_written or not accepts(misfit.value):
                kept.setdefault(misfit.keyword, []).append(misfit)
        return [st.sampled_from(group) for group in kept.values()]

    def _inside(self, usable: list[tuple[Flat, Plan]]) -> list[Misfits]:
        free = {flat.kind for flat, _ in usable if not flat.keywords and not flat.checks}
        found: list[Misfits] = []
        for flat, plan in usable:
            if flat.kind in free:
                continue  # another alternative takes all values of the kind
            if flat.kind == "array":
                found += self._arrays(flat, plan.strategy)
            elif flat.kind == "object":
                found += self._objects(flat, plan.strategy)
            else:
                found += further(flat, plan.strategy)
        return found

    def _arrays(self, flat: Flat, valid: st.SearchStrategy[list[Any]]) -> list[Misfits]:
        keywords = flat.keywords
        least, most = sizes(keywords)
        start = len(keywords.get("prefixItems", ()))
        rest = item_of(keywords, start)
        item = self.builder.plan(rest, flat.budget)
        found: list[Misfits] = []
        if least > 0:
            found.append(valid.map(lambda items: _too_few(items, least)))
        if most is not None and most < LONGEST and (item is not None or most > 0):
            extra = st.none() if item is None else item.strategy
            found.append(st.builds(_too_many, valid, extra, st.just(most)))
        elif item is None and most is None:
            found.append(accepted(valid, lambda items: len(items) == start).map(_one_more))
        if keywords.get("uniqueItems") and item is not None and (most is None or most > 1):
            found.append(st.builds(_twice, valid, item.strategy, st.just(most)))
        wrong = None if item is None else self.of(rest, flat.budget)
        if wrong is not None and (most is None or most > start):
            found.append(st.builds(_with_item, valid, wrong, st.integers(0, 100), st.just(start),
                                   st.just(most)))  # fmt: skip
        for index in range(start if most is None else min(start, most)):
            wrong = self.of(item_of(keywords, index), flat.budget)
            if wrong is not None:
                longer = accepted(valid, _longer_than(index))
                found.append(st.builds(_with_item, longer, wrong, st.just(index), st.just(0),
                                       st.just(index + 1)))  # fmt: skip
        return found

    def _objects(self, flat: Flat, valid: st.SearchStrategy[dict[str, Any]]) -> list[Misfits]:
        keywords, budget = flat.keywords, flat.budget
        members = members_of(self.builder.scope(budget), keywords)
        known = {*keywords.get("properties", ()), *members.required}
        patterns = keywords.get("patternProperties", {})
        found: list[Misfits] = []
        if members.required:
            found.append(st.builds(_without, valid, st.sampled_from(sorted(members.required))))
        for name in sorted(known):
            wrong = self.of(property_of(keywords, name, self.document), budget)
            if wrong is not None:
                found.append(st.builds(_with_member, valid, st.just(name), wrong))
        for names, schema in self._open(flat, members.others):
            wrong = self.of(schema, budget)
            if wrong is not None:
                found.append(st.builds(_with_member, valid, names, wrong))
        if self.builder.plan(keywords.get("additionalProperties", ANYTHING), budget) is None:
            free = [name for name in _strangers(known) if not any_matches(patterns, name)]
            found.append(st.builds(_with_stranger, valid, st.sampled_from(free)))
        return found + self._names(flat, members, valid) + _counts(keywords, members, valid)

    def _open(self, flat: Flat, others: list[Any]) -> list[tuple[Any, Schema]]:
        """Return the members of any name, as names and the schema of their values."""
        schemas = [
            schema for schema in flat.keywords.get("patternProperties", {}).values()
            if self.builder.plan(schema, flat.budget) is not None
        ]  # fmt: skip
        schemas.append(flat.keywords.get("additionalProperties", ANYTHING))
        return [(names, schema) for (names, _), schema in zip(others, schemas, strict=False)]

    def _names(self, flat: Flat, members: Any, valid: Any) -> list[Misfits]:
        named = flat.keywords.get("propertyNames")
        if named is None:
            return []
        text = self.document.made({"type": "string"}, self.document.place(named))
        names = self.document.both(text, named)
        usable = self._usable(names, flat.budget)
        wrong = [m for name, _ in usable for m in near(name) if isinstance(m.value, str)]
        if not usable:
            wrong = [Misfit("", "false", "there may be none")]
        values = members.others[0][1].strategy if members.others else st.none()
        return [
            st.builds(_with_name, valid, group, values)
            for group in [*self._proven(wrong, names), *self._inside(usable)]
        ]


def _longer_than(index: int) -> Callable[[list[Any]], bool]:
    return lambda items: len(items) > index


def _joined(strategies: list[Misfits]) -> Misfits | None:
    return st.one_of(strategies) if strategies else None


def _too_few(items: list[Any], least: int) -> Misfit:
    return Misfit(items[: least - 1], "minItems", f"{least - 1} items are fewer than {least}")


def _too_many(items: list[Any], extra: Any, most: int) -> Misfit:
    more = [*items, extra]
    while len(more) <= most:
        more += copy.deepcopy(more)
    return Misfit(more[: most + 1], "maxItems", f"{most + 1} items are more than {most}")


def _one_more(items: list[Any]) -> Misfit:
    return Misfit([*items, None], "items", "there may be no further item", (str(len(items)),))


def _twice(items: list[Any], item: Any, most: int | None) -> Misfit:
    kept = items if most is None else items[: most - 2]
    detail = f"{shown(item)} is there twice"
    return Misfit([*kept, item, copy.deepcopy(item)], "uniqueItems", detail)


def _with_item(items: list[Any], wrong: Misfit, index: int, start: int, most: int | None) -> Misfit:
    """Replace the item at an index that counts on from `start`, or add one at the end."""
    room = len(items) + (most is None or len(items) < most) - start
    index = start + index % max(1, room)
    changed = [*items[:index], wrong.value, *items[index + 1 :]]
    return Misfit(changed, wrong.keyword, wrong.detail, (str(index), *wrong.path))


def _without(value: dict[str, Any], name: str) -> Misfit:
    rest = {other: member for other, member in value.items() if other != name}
    return Misfit(rest, "required", "it is missing", (name,))


def _with_member(value: dict[str, Any], name: str, wrong: Misfit) -> Misfit:
    changed = {**value, name: wrong.value}
    return Misfit(changed, wrong.keyword, wrong.detail, (name, *wrong.path))


def _with_stranger(value: dict[str, Any], name: str) -> Misfit:
    return Misfit({**value, name: None}, "additionalProperties", "it is not known", (name,))


def _with_name(value: dict[str, Any], wrong: Misfit, member: Any) -> Misfit:
    return Misfit({**value, wrong.value: member}, "propertyNames",
                  f"the name violates {wrong.keyword}, {wrong.detail}", (wrong.value,))  # fmt: skip


def _strangers(known: set[str]) -> list[str]:
    near = [name for own in sorted(known) for name in (f"{own}x", own.swapcase(), f" {own}")]
    return [name for name in ("unknown", "", "__proto__", *near) if name not in known]


def _counts(keywords: Schema, members: Any, valid: Any) -> list[Misfits]:
    found: list[Misfits] = []
    least, most = int(keywords.get("minProperties", 0)), keywords.get("maxProperties")
    if least > len(members.required):
        found.append(valid.map(lambda value: _fewer(value, members.required, least)))
    if most is not None and members.others and most < LONGEST:
        more = mapping(members, int(most) + 1, int(most) + 1, SHALLOW)
        found.append(st.builds(_more, valid, more, st.just(int(most))))
    return found


def _fewer(value: dict[str, Any], required: Any, least: int) -> Misfit:
    names = sorted(value, key=lambda name: name not in required)[: least - 1]
    rest = {name: value[name] for name in names}
    return Misfit(rest, "minProperties", f"{least - 1} members are fewer than {least}")


def _more(value: dict[str, Any], more: dict[str, Any], most: int) -> Misfit:
    whole = {**more, **value}
    return Misfit(whole, "maxProperties", f"{len(whole)} members are more than {most}")
