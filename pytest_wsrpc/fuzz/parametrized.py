"""The items of a test under ``@api.parametrize()``, and the cases that each gets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from wsrpc.names import suggestion

from ..seeds import seed_of
from .api import FIXTURE, Api, Options
from .case import Case
from .context import Context, context_for
from .endpoints import Endpoint
from .headers import merged
from .livecase import LiveCase, Player
from .options import PARAMETRIZED
from .phases import PHASES, Phase, Subject
from .settings import Settings, matches


@dataclass(frozen=True)
class _Part:
    """What one item fuzzes, and how."""

    subject: Subject
    phases: tuple[Phase, ...]

    @property
    def id(self) -> str:
        endpoint, method = self.subject.endpoint, self.subject.method
        return f"{endpoint.id}::{method.name}" if method else endpoint.id


class _Bound(NamedTuple):
    """The item that runs."""

    cases: st.SearchStrategy[Case]
    player: Player


_bound: list[_Bound] = []
"""None between two items."""


@st.composite
def _cases(draw: st.DrawFn) -> LiveCase:
    if not _bound:
        raise InvalidArgument("a test of @api.parametrize() is run by pytest, not called")
    cases, player = _bound[-1]
    return LiveCase(draw(cases), player)


_PARAMETRIZED = pytest.mark.parametrize(FIXTURE, [], indirect=True)
"""By this marker hypothesis knows that the instances of a class differ with the items."""

CASES = _cases()
"""Cases of whichever item runs: hypothesis binds the argument of a test once for all its items."""


def generate(metafunc: pytest.Metafunc) -> None:
    """Give the test an item for each method, and have hypothesis and pytest-asyncio run it."""
    function, definition = metafunc.function, metafunc.definition
    api: Api = getattr(function, PARAMETRIZED)
    context = context_for(definition.ihook, metafunc.config)
    api.options.check_names()
    endpoints = [context.guided(endpoint) for endpoint in api.endpoints()]
    _check_globs(api, endpoints)
    parts = [part for endpoint in endpoints for part in _parts(api, endpoint, context.settings)]
    metafunc.parametrize(
        FIXTURE,
        [pytest.param(part, marks=[_PARAMETRIZED, *_skipped(part, context)]) for part in parts],
        ids=[part.id for part in parts],
        indirect=True,
    )
    if not any(map(definition.get_closest_marker, ("asyncio", "anyio", "trio"))):
        pytest.mark.asyncio(function)
    _apply_settings(function, api.options, metafunc.config, context.settings)


def _parts(api: Api, endpoint: Endpoint, settings: Settings) -> Iterator[_Part]:
    chosen = [phase for phase in PHASES if phase.name in api.options.phases]
    for method in endpoint.methods.values():
        if settings.fuzzes(method.name) and _lets_in(api.options, method.name):
            yield from _part(Subject(endpoint, method), chosen, "method")
    yield from _part(Subject(endpoint), chosen, "endpoint")


def _part(subject: Subject, chosen: list[Phase], scope: str) -> Iterator[_Part]:
    phases = [phase for phase in chosen if phase.scope == scope and not phase.not_applied(subject)]
    if phases:
        yield _Part(subject, tuple(phases))


def _lets_in(options: Options, method: str) -> bool:
    included = not options.include or any(matches(method, glob) for glob in options.include)
    return included and not any(matches(method, glob) for glob in options.exclude)


def _check_globs(api: Api, endpoints: list[Endpoint]) -> None:
    if not endpoints:
        raise ValueError(
            f"{api.target.spec} has no websocket endpoint: none of its routes leads to a view with "
            "WsPathMixin"
        )
    methods = sorted({name for endpoint in endpoints for name in endpoint.methods})
    for glob in (*api.options.include, *api.options.exclude):
        if not any(matches(name, glob) for name in methods):
            raise ValueError(
                f"no method matches {glob!r}{suggestion(glob.strip('*?'), methods)}; there are "
                f"{', '.join(methods) or 'none'}"
            )


def _skipped(part: _Part, context: Context) -> list[pytest.MarkDecorator]:
    """Skip an item whose every phase the user's hook has skipped."""
    method = part.subject.method.name if part.subject.method else None
    path = part.subject.endpoint.path
    reasons = [context.rules.skip(path, method, phase.name) for phase in part.phases]
    if None in reasons:
        return []
    return [pytest.mark.skip(reason="; ".join(dict.fromkeys(map(str, reasons))))]


def _apply_settings(
    function: Any, options: Options, config: pytest.Config, settings: Settings
) -> None:
    """Give the test settings of hypothesis, unless it has its own."""
    count = settings.max_examples
    if config.getoption("wsrpc_max_examples") is None and options.max_examples is not None:
        count = options.max_examples
    profile = hypothesis.settings.default
    assert profile is not None
    # which lines of the fuzzer a failure runs explains nothing
    phases = [phase for phase in profile.phases if phase != hypothesis.Phase.explain]
    try:
        hypothesis.settings(max_examples=count, deadline=None, phases=phases)(function)
    except InvalidArgument:
        return  # the user's own, or of the same test in another class
    if config.getoption("wsrpc_seed") is not None:
        name = f"{seed_of(config).value}:{function.__module__}.{function.__qualname__}"
        hypothesis.seed(int.from_bytes(hashlib.sha256(name.encode()).digest()[:16]))(function)


@contextmanager
def bound(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the item that asks draw its cases."""
    part: _Part = request.param
    item = request.node
    api: Api = getattr(item.function, PARAMETRIZED)
    context = context_for(item.ihook, item.config)
    player = Player(
        api.target,
        part.subject,
        _settings(api.options, part.subject.endpoint, context),
        context.rules,
        item.config,
    )
    method = part.subject.method.name if part.subject.method else None
    kinds = [
        cases
        for phase in part.phases
        if context.rules.skip(part.subject.endpoint.path, method, phase.name) is None
        for cases in _kinds(phase, part.subject)
    ]
    _bound.append(_Bound(st.one_of(kinds), player))
    try:
        yield
    finally:
        _bound.pop()


def _kinds(phase: Phase, subject: Subject) -> list[st.SearchStrategy[Case]]:
    """Return the strategies of a phase's cases, a quarter of them for those listed if it has any.

    Hypothesis would take one of them twice for the same.
    """
    listed = phase.listed(subject, ())
    drawn = [phase.cases(subject) for _ in range(3 if listed else 1)]
    return [*drawn, st.sampled_from(listed)] if listed else drawn


def _settings(options: Options, endpoint: Endpoint, context: Context) -> Settings:
    """Return the settings of the run with those of the test below them."""
    given = context.settings
    return replace(
        given,
        headers=merged(given.headers, options.headers, context.rules.headers(endpoint.path)),
        params={**options.params, **given.params},
        excluded_checks=given.excluded_checks | frozenset(options.exclude_checks),
    )
