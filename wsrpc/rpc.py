"""The RPC methods of a view class: its ``ws_rpc_NAME`` coroutine functions, as one table."""

from __future__ import annotations

import inspect
import logging
import typing
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeVar

from .schema import PayloadType, ResponseType

logger = logging.getLogger("wsrpc.rpc")

PREFIX: Final = "ws_rpc_"
_SCHEMAS: Final = "__ws_rpc_schemas__"
_CHANNEL_CALL: Final = "__ws_rpc_channel_call__"
_UNCHECKED: Final = (Any, object)
_UNTYPED: Final = (*_UNCHECKED, dict, Mapping)

_F = TypeVar("_F", bound=Callable[..., Coroutine[Any, Any, Any]])


@dataclass(frozen=True)
class RpcMethod:
    """One method of an endpoint."""

    name: str
    function: Callable[..., Any]
    """The coroutine function, called with the view and the payload."""
    payload: PayloadType | None
    """What the payload has to be; None takes any object, as it came."""
    response: ResponseType | None
    """What the response has to be; None takes any JSON value."""
    description: str
    channel_call: bool
    """Calls that name the same channel run one after the other, in order of arrival."""
    builtin: bool
    """The method is a mixin's own, not overridden."""


def ws_rpc(*, body_schema: Any = None, response_schema: Any = None) -> Callable[[_F], _F]:
    """Declare the types of a method's payload and response, instead of by annotations.

    A type is one of those that `wsrpc.schema` lists; an unusable one raises `TypeError` when the
    view class is made.
    """

    def decorate(function: _F) -> _F:
        setattr(function, _SCHEMAS, (body_schema, response_schema))
        return function

    return decorate


def channel_call(function: _F) -> _F:
    """Mark a mixin's method whose calls on one channel run in order of arrival."""
    setattr(function, _CHANNEL_CALL, True)
    return function


def methods_of(view: type) -> Mapping[str, RpcMethod]:
    """Return the methods of a view class by name; found once for each class.

    Raises `TypeError` for a method that does not take a payload or has an unusable type.
    """
    table: Mapping[str, RpcMethod] | None = view.__dict__.get("__ws_rpc_methods__")
    if table is None:
        table = MappingProxyType(_collect(view, {}))
        view.__ws_rpc_methods__ = table  # type: ignore[attr-defined]
    return table


def prepare(view: type, names: Mapping[str, Any]) -> None:
    """Make the table of a class that was just defined, so that mistakes show at once.

    `names` are the local names around its definition. Annotations that name what is not defined
    yet are left for the first use.
    """
    try:
        table = _collect(view, names)
    except NameError:
        return
    view.__ws_rpc_methods__ = MappingProxyType(table)  # type: ignore[attr-defined]


def _collect(view: type, names: Mapping[str, Any]) -> dict[str, RpcMethod]:
    table = {}
    for attribute in sorted(dir(view)):
        if not attribute.startswith(PREFIX) or attribute == PREFIX:
            continue
        function = inspect.getattr_static(view, attribute)
        if inspect.isfunction(function) and inspect.iscoroutinefunction(function):
            method = _method(view, attribute, names)
            table[method.name] = method
        elif callable(function):
            logger.warning(
                "%s.%s is no coroutine function, so it is no RPC method; write 'async def'",
                view.__qualname__,
                attribute,
            )
    return table


def _method(view: type, attribute: str, names: Mapping[str, Any]) -> RpcMethod:
    where = f"{view.__qualname__}.{attribute}"
    definitions = [
        vars(cls)[attribute] for cls in view.__mro__ if inspect.isfunction(vars(cls).get(attribute))
    ]
    function = definitions[0]
    types = [_types(definition, where, names) for definition in definitions]
    payload = next((pair[0] for pair in types if pair[0] is not None), None)
    response = next((pair[1] for pair in types if pair[1] is not None), None)
    description = next((doc for doc in map(inspect.getdoc, definitions) if doc), "")
    is_channel_call = any(hasattr(definition, _CHANNEL_CALL) for definition in definitions)
    return RpcMethod(
        name=attribute.removeprefix(PREFIX),
        function=function,
        payload=None if payload is None or payload in _UNTYPED else PayloadType(payload, where),
        response=None
        if response is None or response in _UNCHECKED
        else ResponseType(response, where),
        description=description,
        channel_call=is_channel_call,
        builtin=is_channel_call and hasattr(function, _CHANNEL_CALL),
    )


def _types(function: Any, where: str, names: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the declared types of payload and response, None where there is none.

    A declared ``None`` for the response is ``type(None)``, as `typing.get_type_hints` has it.
    """
    body_schema, response_schema = getattr(function, _SCHEMAS, (None, None))
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) < 2 or parameters[1].kind not in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    ):
        raise TypeError(
            f"{where} is called with the payload of the message: write 'async def "
            f"{function.__name__}(self, payload)', perhaps with a type"
        )
    hints = _hints(function, names)
    if body_schema is None and parameters[1].kind is not inspect.Parameter.VAR_POSITIONAL:
        body_schema = hints.get(parameters[1].name)
    if response_schema is None:
        response_schema = hints.get("return")
    return body_schema, response_schema


def _hints(function: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    function = inspect.unwrap(function)
    namespace = {**function.__globals__, **names}
    return typing.get_type_hints(function, namespace, include_extras=True)
