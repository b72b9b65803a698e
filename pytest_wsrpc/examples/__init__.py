"""Fresh fixtures for each example of a ``@given`` test: application, broker and connections.

The ordinary fixtures serve here too. pytest sets them up before the first example; at the end of
every example what is fresh is torn down, and set up again at the start of the next. Fresh are the
fixtures of `FRESH` and every fixture that asks for one of them, if they are of function scope. All
others are left to pytest, and to the health check of hypothesis.
"""

from __future__ import annotations

import functools
import inspect
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
import pytest_asyncio

from .. import internals, loops
from ..fixtures import APPLICATION
from ..traces import application_trace
from . import healthcheck
from .setups import Setup, Setups

if TYPE_CHECKING:
    from ..client import WsTestClient
    from ..loops import TestLoop
    from ..observer import Observer

FRESH: Final = frozenset({"ws_app", "broker", "ws_connect", "ws_client", "ws_faults"})
"""What every example finds as if it were the first."""

SHARED: Final = frozenset({"ws_clock"})
"""What belongs to the loop, which the examples share: none can spoil it for the next."""

_KEPT: Final = 20
"""Of so many examples that failed last the conversations are kept: hypothesis tells few apart."""

_PLUGIN: Final = "wsrpc-examples"
_EXAMPLES: Final[pytest.StashKey[Examples]] = pytest.StashKey()


def prepare(item: pytest.Item) -> None:
    """Watch the fixtures of this item from now on, if it is a ``@given`` test.

    To be called before the first of them is set up.
    """
    if not isinstance(item, pytest.Function) or not hasattr(item.obj, "hypothesis"):
        return  # such as a state machine, which has its own idea of an example
    item.stash[_EXAMPLES] = Examples(item)
    manager = item.config.pluginmanager
    if not manager.has_plugin(_PLUGIN):
        manager.register(_Hooks(), _PLUGIN)


class Examples:
    """The examples of one test, one after the other."""

    def __init__(self, item: pytest.Function) -> None:
        self.setups = Setups(item, self._is_root)
        self._item = item
        self._function = item.obj.hypothesis.inner_test
        self._arguments: list[str] = []
        """Those arguments of the test that are fresh."""
        self._show: Callable[[], None]
        self._loop: TestLoop | None = None
        self._failed: deque[tuple[BaseException, tuple[WsTestClient, ...]]] = deque(maxlen=_KEPT)
        self._is_first = True

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Keep what is fresh from hypothesis' health check, until the examples run."""
        fresh = {setup.name for setup in self.setups.fresh()}
        parameters = inspect.signature(self._item.function).parameters
        self._arguments = [name for name in parameters if name in fresh]
        with healthcheck.unseen(self._item, fresh | SHARED) as self._show:
            yield

    @contextmanager
    def each(self) -> Iterator[None]:
        """Run every example within on fixtures of its own."""
        __tracebackhide__ = True
        self._show()
        if not self.setups.fresh():
            yield
            return
        if pytest_asyncio.is_async_test(self._item):
            self._loop = loops.loop_of_test(internals.request_of(self._item))
        for name in self._arguments:
            self._item.funcargs[name] = _Argument(name)
        handle = self._item.obj.hypothesis
        test, failure = handle.inner_test, None

        @functools.wraps(test)
        def example(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            return self._example(args, kwargs)

        handle.inner_test = example
        try:
            yield
        except _SetUpFailed as reason:
            failure = reason.error
        except pytest.fail.Exception as error:
            _show_notes(error)
            raise
        except BaseExceptionGroup as group:
            self._tell_apart(group)
            raise
        finally:
            handle.inner_test = test
        if failure is not None:
            _show_notes(failure)
            context = failure.__context__
            try:
                raise failure
            finally:
                failure.__context__ = context  # not what has carried it here

    def _is_root(self, setup: Setup) -> bool:
        if setup.name != "broker" or loops.is_default(setup.definition):
            return setup.name in FRESH
        # Anybody's word: it is the application's broker where there is an application.
        request = internals.request_of(self._item)
        return not APPLICATION.isdisjoint(request.fixturenames)

    def _example(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        from .. import observer

        watch = observer.observe(self._item)
        try:
            return self._attempt(watch, args, kwargs)
        except BaseException as error:
            self._failed.append((error, tuple(watch.clients)))
            raise

    def _attempt(self, watch: Observer, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        try:
            with watch.own_outcome():
                if not self._is_first:
                    self._set_up(watch)
                self._is_first = False
                fresh = self.setups.values()
                values = {name: fresh[name] for name in self._arguments}
                kwargs.update(values)
                self._item.funcargs.update(values)
                self.setups.begin()
                watch.begin_call()
                result = self._run(args, kwargs)
        except BaseException as error:
            self._tell(error, self._tear_down(watch))
            raise
        if errors := self._tear_down(watch):
            raise _one_of(errors, self._item.name)
        watch.judge(example=True)
        return result

    def _run(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        if self._loop is None:
            return self._function(*args, **kwargs)
        try:
            # In a context of its own, which has the variables that its fixtures have set.
            return self._loop.run(self._function(*args, **kwargs))
        except BaseException as error:
            # How a coroutine is run is no part of what went wrong.
            error.__traceback__ = application_trace(error.__traceback__)
            raise

    def _set_up(self, watch: Observer) -> None:
        __tracebackhide__ = True
        from .. import injection

        # A report is of the last example, the smallest that fails, not of all that led there.
        internals.forget_log(self._item.config)
        with internals.outside_deadline():
            watch.begin_example()
            plan = injection.plan_of(self._item)
            if plan is not None:
                plan.restart()
            try:
                self.setups.set_up()
            except (Exception, pytest.fail.Exception) as error:  # whatever a fixture raises
                error.add_note(
                    f"This came when the fixtures of {self._item.name} were set up again, for an "
                    "example that is not the first; what was drawn for it has no part in this."
                )
                raise _SetUpFailed(error) from None

    def _tear_down(self, watch: Observer) -> list[BaseException]:
        with internals.outside_deadline():
            errors = self.setups.tear_down()
            watch.settle()
        return errors

    def _tell(self, error: BaseException, errors: list[BaseException]) -> None:
        """Keep with an example's own error what its fixtures raised after it."""
        __tracebackhide__ = True
        from hypothesis.errors import UnsatisfiedAssumption

        if errors and isinstance(error, UnsatisfiedAssumption):
            raise _one_of(errors, self._item.name) from None
        for another in errors:
            text = "".join(traceback.format_exception(another))
            error.add_note(f"Then its fixtures were torn down, and one of them failed:\n{text}")

    def _tell_apart(self, group: BaseExceptionGroup[BaseException]) -> None:
        """Show with each of several failures the conversations of its own example."""
        told = False
        for error in group.exceptions:
            for failed, clients in self._failed:
                if failed is error:
                    told = True
                    for client in clients:
                        text = client.transcript.render()
                        error.add_note(f"Conversation of {client.name}:\n{text}")
        if told:
            from .. import observer

            observer.observe(self._item).begin_example()


def _show_notes(error: BaseException) -> None:
    """Let pytest show also what was noted, such as which example it was."""
    if isinstance(error, pytest.fail.Exception) and not error.pytrace:
        # Nothing but its message would be shown.
        error.msg = "\n\n".join([str(error.msg), *getattr(error, "__notes__", ())])


def _one_of(errors: list[BaseException], name: str) -> BaseException:
    if len(errors) == 1:
        return errors[0]
    return BaseExceptionGroup(
        f"errors when the fixtures of an example of {name} were torn down", errors
    )


class _SetUpFailed(BaseException):
    """Fixtures could not be set up again. hypothesis takes it for an interruption.

    It would take any other exception for one that the example caused, and try the example again.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


class _Argument:
    """Shown as the argument of a test that has another value in each example."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


class _Hooks:
    """The hooks that only ``@given`` tests need, registered when the first of them is set up."""

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        __tracebackhide__ = True
        examples = _examples_of(request.node) if request.scope == "function" else None
        if examples is None:
            return (yield)
        with examples.setups.record(fixturedef, request):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        __tracebackhide__ = True
        examples = _examples_of(item)
        if examples is None:
            return (yield)
        with examples.unseen():
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        __tracebackhide__ = True
        examples = _examples_of(pyfuncitem)
        if examples is None:
            return (yield)
        with examples.each():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        try:
            return (yield)
        finally:
            # The item stays until the end of the session, and tracebacks hold much.
            if _examples_of(item) is not None:
                del item.stash[_EXAMPLES]


def _examples_of(item: pytest.Item) -> Examples | None:
    return item.stash.get(_EXAMPLES, None)
