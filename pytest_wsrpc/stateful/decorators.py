"""The decorators of `hypothesis.stateful`, and how a rule that is ``async def`` comes to run."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, ParamSpec, Protocol, TypeAlias, TypeVar, overload

from hypothesis import stateful
from hypothesis.stateful import Bundle, MultipleResults
from hypothesis.strategies import SearchStrategy

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Function = TypeVar("_Function", bound=Callable[..., Any])
_Silent = TypeVar("_Silent", bound=Callable[..., Coroutine[Any, Any, None] | None])
"""A method that returns nothing, as its result would go nowhere."""
_Results: TypeAlias = _T | MultipleResults[_T]


class _Into(Protocol[_T]):
    """Takes a method whose results go into a bundle, and leaves its type as it is."""

    @overload
    def __call__(
        self, function: Callable[_P, Coroutine[Any, Any, _T]], /
    ) -> Callable[_P, Coroutine[Any, Any, _T]]: ...

    @overload
    def __call__(
        self, function: Callable[_P, Coroutine[Any, Any, _Results[_T]]], /
    ) -> Callable[_P, Coroutine[Any, Any, _Results[_T]]]: ...

    @overload
    def __call__(self, function: Callable[_P, _T], /) -> Callable[_P, _T]: ...

    @overload
    def __call__(self, function: Callable[_P, _Results[_T]], /) -> Callable[_P, _Results[_T]]: ...


_MARKERS: Final = (
    stateful.RULE_MARKER,
    stateful.INITIALIZE_RULE_MARKER,
    stateful.INVARIANT_MARKER,
)


@overload
def rule(
    *, target: Bundle[_T], targets: tuple[()] = (), **arguments: SearchStrategy[Any]
) -> _Into[_T]: ...


@overload
def rule(
    *, targets: Sequence[Bundle[_T]], target: None = None, **arguments: SearchStrategy[Any]
) -> _Into[_T]: ...


@overload
def rule(
    *, targets: tuple[()] = (), target: None = None, **arguments: SearchStrategy[Any]
) -> Callable[[_Silent], _Silent]: ...


def rule(
    *,
    targets: Sequence[Bundle[Any]] = (),
    target: Bundle[Any] | None = None,
    **arguments: SearchStrategy[Any],
) -> Any:
    """Make a method a step of the machine: ``@rule(n=st.integers())``; see `hypothesis.stateful`.

    A keyword is an argument of the method, drawn from its strategy; what the method returns goes
    into the bundle `target`.
    """
    decorator: Any = stateful.rule
    return decorator(targets=targets, target=target, **arguments)


@overload
def initialize(
    *, target: Bundle[_T], targets: tuple[()] = (), **arguments: SearchStrategy[Any]
) -> _Into[_T]: ...


@overload
def initialize(
    *, targets: Sequence[Bundle[_T]], target: None = None, **arguments: SearchStrategy[Any]
) -> _Into[_T]: ...


@overload
def initialize(
    *, targets: tuple[()] = (), target: None = None, **arguments: SearchStrategy[Any]
) -> Callable[[_Silent], _Silent]: ...


def initialize(
    *,
    targets: Sequence[Bundle[Any]] = (),
    target: Bundle[Any] | None = None,
    **arguments: SearchStrategy[Any],
) -> Any:
    """Make a method a step that is taken once, before all rules."""
    decorator: Any = stateful.initialize
    return decorator(targets=targets, target=target, **arguments)


def invariant(*, check_during_init: bool = False) -> Callable[[_Silent], _Silent]:
    """Make a method a check that is made after each step."""
    decorator: Any = stateful.invariant
    return decorator(check_during_init=check_during_init)  # type: ignore[no-any-return]


def precondition(condition: Callable[[Any], bool]) -> Callable[[_Function], _Function]:
    """Take a rule, or check an invariant, only while the condition holds; it is a plain function.

    It is called with the machine.
    """
    decorator: Any = stateful.precondition
    return decorator(condition)  # type: ignore[no-any-return]


def run_on_loop(machine_class: type) -> None:
    """Let hypothesis call the rules and invariants of a class that are ``async def``.

    It calls what the marker on the method names, as a plain function.
    """
    for name, method in inspect.getmembers(machine_class, callable):
        for marker in _MARKERS:
            marked = getattr(method, marker, None)
            if marked is not None and not isinstance(marked.function, _Step):
                setattr(
                    method, marker, dataclasses.replace(marked, function=_Step(marked.function))
                )
        if name == "teardown" and inspect.iscoroutinefunction(method):
            raise TypeError(
                f"{machine_class.__name__}.teardown is hypothesis' own and cannot be async def: "
                "override finish(), which is awaited after the last step"
            )


class _Step:
    """A rule or an invariant as hypothesis calls it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function

    def __call__(self, machine: Any, **arguments: Any) -> Any:
        __tracebackhide__ = True
        return machine.take_step(self._function, arguments)
