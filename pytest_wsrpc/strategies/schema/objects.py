"""Objects: members that are required, optional, named by a pattern, unknown, and how many."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import strategies as st

from .document import ANYTHING, Contradiction, Document, Schema
from .merge import property_of
from .plan import Plan, Scope, among
from .records import records
from .strings import matching
from .texts import CHARACTERS, KEYS

UNKNOWN: Final[tuple[dict[str, Any], ...]] = (
    {"unknown": None}, {"_": 0}, {"__proto__": {}}, {"": ""}, {"toString": "x"}, {"É": [1]},
)  # fmt: skip
"""Members that a schema which says nothing about them must bear."""
_NAMES: Final = st.text(CHARACTERS, max_size=8) | st.sampled_from(KEYS)


@dataclass
class Members:
    """What may be in an object."""

    required: dict[str, Plan] = field(default_factory=dict)
    optional: dict[str, Plan] = field(default_factory=dict)
    others: list[tuple[st.SearchStrategy[str], Plan]] = field(default_factory=list)
    """Members of any number, as names and values."""
    schemas: dict[str, Schema] = field(default_factory=dict)
    """Of the required and the optional ones."""
    unknown: list[dict[str, Any]] = field(default_factory=list)
    """Members that the schema does not know and does not refuse."""

    def depth(self) -> int:
        """Return how deep the objects may nest."""
        plans = [*self.required.values(), *self.optional.values(), *(p for _, p in self.others)]
        return 1 + max((plan.depth for plan in plans), default=0)

    def size(self, usual: int) -> float:
        """Return about how many choices an object takes."""
        required = sum(plan.size for plan in self.required.values())
        optional = sum(1 + plan.size * 0.7 for plan in self.optional.values())
        return 1 + required + optional + sum(p.size + 1 for _, p in self.others) * usual / 2


def objects(scope: Scope, keywords: Schema) -> Plan:
    """Return the objects that the constraints allow."""
    members = members_of(scope, keywords)
    usual = scope.usual
    least = int(keywords.get("minProperties", 0))
    most = keywords.get("maxProperties")
    most = None if most is None else int(most)
    available = len(members.required) + len(members.optional)
    if most is not None and len(members.required) > most:
        raise Contradiction(
            f"{len(members.required)} members are required, but only {most} allowed"
        )
    if most is not None and least > most:
        raise Contradiction(f"minProperties {least} is above maxProperties {most}")
    if least > available and not members.others:
        raise Contradiction(f"minProperties is {least}, but only {available} members are known")
    if least <= len(members.required) and (
        most is None or (most >= available and not members.others)
    ):
        accepts = scope.document.accepts
        strategy = records(
            members.required,
            members.optional,
            accepts=lambda name: accepts(members.schemas[name]),
            unknown=members.unknown,
            others=mapping(members, 0, None, usual) if members.others else None,
        )
    elif not members.required and not members.optional:
        strategy = mapping(members, least, most, usual)
    else:
        strategy = _counted(members, least, most, usual)
    return Plan(strategy, members.depth(), members.size(usual), _OBJECT)


_OBJECT: Final = frozenset({"object"})


def members_of(scope: Scope, keywords: Schema) -> Members:
    """Return the members that objects with these constraints may have."""
    members = Members()
    required = keywords.get("required", [])
    allowed = _names_allowed(scope.document, keywords)
    for name in (*keywords.get("properties", ()), *required):
        if name in members.schemas:
            continue
        schema = members.schemas[name] = property_of(keywords, name, scope.document)
        found = scope.member(schema, name) if allowed(name) else None
        if found is not None:
            (members.required if name in required else members.optional)[name] = found
        elif name in required:
            raise Contradiction(f"the required member {name!r} can have no value")
    _add_others(scope, keywords, members, {*members.schemas})
    return members


def _names_allowed(document: Document, keywords: Schema) -> Any:
    if "propertyNames" not in keywords:
        return lambda name: True
    return document.accepts(keywords["propertyNames"])


def _add_others(scope: Scope, keywords: Schema, members: Members, known: set[str]) -> None:
    document, plan = scope.document, scope.plan
    patterns = keywords.get("patternProperties", {})
    allowed = _names_allowed(document, keywords)
    for pattern, schema in patterns.items():
        value = plan(schema)
        if value is not None:
            rest = [p for p in patterns if p != pattern]
            members.others.append((_names(matching(pattern), allowed, known, rest), value))
    beyond = keywords.get("additionalProperties", ANYTHING)
    silent = not beyond and "propertyNames" not in keywords
    if silent and (known or patterns):
        members.unknown = [
            extra for extra in UNKNOWN
            if not any(name in known or any_matches(patterns, name) for name in extra)
        ]  # fmt: skip
        if "minProperties" not in keywords:
            return
    value = plan(beyond)
    if value is None:
        return
    names = _NAMES | among(scope.names) if scope.names else _NAMES
    if "propertyNames" in keywords:
        place = document.place(keywords["propertyNames"])
        text = document.made({"type": "string"}, place)
        named = plan(document.both(text, keywords["propertyNames"]))
        if named is None:
            return
        names = named.strategy
    members.others.append((_names(names, allowed, known, list(patterns)), value))


def _names(
    names: st.SearchStrategy[str], allowed: Any, known: set[str], patterns: list[str]
) -> st.SearchStrategy[str]:
    if not known and not patterns:
        return names.filter(allowed) if allowed.__name__ != "<lambda>" else names
    return names.filter(
        lambda name: name not in known and allowed(name) and not any_matches(patterns, name)
    )


def any_matches(patterns: Any, name: str) -> bool:
    return any(re.search(pattern, name) for pattern in patterns)


def mapping(
    members: Members, least: int, most: int | None, usual: int
) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects of the members that may come in any number."""
    cap = least + usual if most is None else min(most, least + usual)
    if len(members.others) == 1:
        names, plan = members.others[0]
        return st.dictionaries(names, plan.strategy, min_size=least, max_size=cap)
    pairs = st.one_of([st.tuples(names, plan.strategy) for names, plan in members.others])
    return st.lists(pairs, min_size=least, max_size=cap, unique_by=lambda p: p[0]).map(dict)


def _counted(
    members: Members, least: int, most: int | None, usual: int
) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects whose number of members is bounded: choose the members, then their values."""
    optional = list(members.optional)
    room = len(optional) if most is None else min(len(optional), most - len(members.required))
    needed = 0 if members.others else max(0, least - len(members.required))
    chosen: st.SearchStrategy[list[str]] = st.just([])
    if room > 0:
        chosen = st.lists(st.sampled_from(optional), unique=True, min_size=needed, max_size=room)

    def with_values(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
        plans = {**members.required, **{name: members.optional[name] for name in names}}
        fixed = st.fixed_dictionaries({name: plan.strategy for name, plan in plans.items()})
        if not members.others:
            return fixed
        count = len(plans)
        left = None if most is None else most - count
        more = mapping(members, max(0, least - count), left, usual)
        return st.tuples(fixed, more).map(lambda parts: parts[0] | parts[1])

    return chosen.flatmap(with_values)
