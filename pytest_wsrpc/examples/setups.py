"""The fixtures of one test as they were set up: what asks for what, and how to make some anew."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from .. import internals


@dataclass(frozen=True, eq=False)
class Setup:
    """One fixture of function scope that was set up, with the names of those that it asked for."""

    definition: pytest.FixtureDef[Any]
    request: pytest.FixtureRequest
    asked: frozenset[str]

    @property
    def name(self) -> str:
        return self.definition.argname

    @property
    def is_set_up(self) -> bool:
        return self.definition.cached_result is not None

    @property
    def value(self) -> Any:
        assert self.definition.cached_result is not None
        return self.definition.cached_result[0]

    def shorten(self, error: BaseException) -> None:
        """Let the traceback of what the fixture raised begin in it, if it does come from there."""
        code = getattr(inspect.unwrap(self.definition.func), "__code__", None)
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code is not code:
            trace = trace.tb_next
        if trace is not None:
            error.__traceback__ = trace

    def repeat(self) -> None:
        """Run the fixture again. Its first set-up has told pytest already when to tear it down."""
        hook = self.request.node.ihook

        def torn_down() -> None:
            hook.pytest_fixture_post_finalizer(fixturedef=self.definition, request=self.request)

        if not internals.finish_tells_plugins():
            self.definition.addfinalizer(torn_down)
        hook.pytest_fixture_setup(fixturedef=self.definition, request=self.request)


class Setups:
    """Every set-up of a test's fixtures of function scope, some of which are repeated.

    `is_root` says of a fixture that it is to be fresh by itself. Fresh are also all that ask for
    a fresh one, by an argument or by ``request.getfixturevalue``.
    """

    def __init__(self, item: pytest.Function, is_root: Callable[[Setup], bool]) -> None:
        self._item = item
        self._is_root = is_root
        self._done: dict[pytest.FixtureDef[Any], Setup] = {}
        """In the order in which they were finished: what a fixture asks for comes before it."""
        self._lasting: set[pytest.FixtureDef[Any]] = set()
        """Those that every example has; the others are set up when one asks for them."""

    @contextmanager
    def record(
        self, definition: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Iterator[None]:
        """Note what the fixture asks for while it is being set up."""
        asked: set[str] = set()
        ask = request.getfixturevalue

        def getfixturevalue(argname: str) -> Any:
            asked.add(argname)
            return ask(argname)

        request.getfixturevalue = getfixturevalue  # type: ignore[method-assign]
        try:
            yield
        finally:
            del request.getfixturevalue
            # What has been set up again takes the last place.
            self._done.pop(definition, None)
            self._done[definition] = Setup(definition, request, frozenset(asked))

    def fresh(self) -> list[Setup]:
        """Give what is made anew for each example, each after what it asks for."""
        names: set[str] = set()
        fresh = []
        for setup in self._done.values():
            if self._is_root(setup) or not names.isdisjoint(setup.asked):
                names.add(setup.name)
                fresh.append(setup)
        return fresh

    def values(self) -> dict[str, Any]:
        """Give the value of each fixture that is fresh, by its name."""
        return {setup.name: setup.value for setup in self.fresh()}

    def set_up(self) -> None:
        """Set up again what `tear_down` has torn down; raise what a fixture raises."""
        __tracebackhide__ = True
        request = internals.request_of(self._item)
        fresh = {setup.definition for setup in self.fresh()}
        internals.forget_fixtures(request, {definition.argname for definition in fresh})
        for setup in list(self._done.values()):
            # An earlier one may have asked for it, if it asks for more than the last time.
            if setup.definition in fresh and not setup.is_set_up:
                try:
                    setup.repeat()
                except BaseException as error:
                    setup.shorten(error)
                    raise
            # An override may ask for what it overrides, which has the same name.
            internals.use_fixture(request, setup.definition)

    def begin(self) -> None:
        """Take down in `tear_down` for good what is set up from now on: the example asks again."""
        self._lasting = set(self._done)

    def tear_down(self) -> list[BaseException]:
        """Tear down what is fresh, the last first; give what the fixtures raise meanwhile."""
        errors: list[BaseException] = []
        for setup in reversed(self.fresh()):
            try:
                internals.finish_fixture(setup.request)
            except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
                setup.shorten(error)  # whatever a fixture raises
                errors.append(error)
            if setup.definition not in self._lasting:
                del self._done[setup.definition]
                internals.forget_fixtures(internals.request_of(self._item), {setup.name})
        return errors
