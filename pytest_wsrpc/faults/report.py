"""What is said about rules: which never matched, and what all of them did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .rule import Rule

_SHOWN = 5


def remember(past: dict[str, Rule], rules: Iterable[Rule]) -> None:
    """Keep of an example's rules one for each place in the source: one that matched, if any did."""
    for rule in rules:
        known = past.get(rule.place)
        if known is None or (not known.matched and (rule.matched or known.optional)):
            past[rule.place] = rule


def unused(past: Mapping[str, Rule], rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules that never matched and are not optional.

    `past` are those of earlier examples: over examples, a place in the source counts as one.
    """
    found = [rule for rule in rules if not rule.matched and not rule.optional]
    if not past:
        return found
    places = dict(past)
    remember(places, rules)
    return [rule for rule in places.values() if not rule.matched and not rule.optional]


def verdict(rules: Sequence[Rule], *, attached: bool = True) -> str:
    """Return the text that fails a test for rules that never matched."""
    count = "1 fault rule" if len(rules) == 1 else f"{len(rules)} fault rules"
    lines = [f"{count} never matched:"]
    for rule in rules:
        lines += ["", f"  {rule.spec}   ({rule.place})"]
        lines += [f"    {line}" for line in _instead(rule, attached)]
    lines += ["", "Change or remove what strikes nothing, or pass optional=True."]
    return "\n".join(lines)


def summary(rules: Sequence[Rule], seed: int) -> list[str]:
    """Return a line for each rule, and one that tells how to see the same again."""
    if not rules:
        return []
    width = min(max(len(str(rule.spec)) for rule in rules), 60)
    lines = []
    for rule in rules:
        state = ", healed" if rule.healed else ""
        lines.append(
            f"{rule.spec!s:<{width}}  matched {rule.matched}, fired {rule.fired}{state}"
            f"  ({rule.place})"
        )
    lines.append(f"the same faults again: --wsrpc-seed {seed}")
    return lines


def _instead(rule: Rule, attached: bool) -> Iterable[str]:
    """Tell what happened at the rule's point while it was there."""
    point = rule.spec.point
    if not attached:
        yield "no application ran: faults strike what ws_client and ws_connect are connected to"
        return
    if not rule.missed:
        yield f"{point}: nothing happened there meanwhile"
        return
    times = "once" if rule.missed == 1 else f"{rule.missed} times"
    more = ", among others" if len(rule.missed_names) > _SHOWN else ""
    yield f"{point} happened {times} meanwhile{more}:"
    for text, count in rule.missed_names.most_common(_SHOWN):
        yield f"  {text}" + (f" ({count} times)" if count > 1 else "")
