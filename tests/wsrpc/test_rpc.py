"""The methods of a view class, and their types."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
import pytest

from wsrpc import ApiPath, Publish, Subscribe, WsPathMixin, ws_rpc
from wsrpc.rpc import methods_of

Positive = Annotated[int, msgspec.Meta(ge=1)]


@dataclass
class Add:
    a: int
    b: int = 0
    tags: list[Positive] = field(default_factory=list)


@dataclass
class Sum:
    total: int


class AddStruct(msgspec.Struct):
    a: int
    b: int = 0
    tags: list[Positive] = []


class View(ApiPath, WsPathMixin):
    pass


def test_methods_are_the_coroutine_functions_of_the_class_and_its_bases():
    class Mixin:
        async def ws_rpc_mixed(self, payload):
            """Mixed in"""

        async def ws_rpc_overridden(self, payload):
            """Of the mixin"""

        async def ws_rpc_removed(self, payload): ...

    class Stream(Mixin, View):
        ws_rpc_text = "text"
        ws_rpc_number = 1
        ws_rpc_removed = None

        async def ws_rpc_own(self, payload):
            """Its own

            with more lines.
            """

        async def ws_rpc_overridden(self, payload): ...

        async def ws_rpc_(self, payload): ...

        async def ws_rpcother(self, payload): ...

        async def _ws_rpc_hidden(self, payload): ...

    methods = methods_of(Stream)

    assert list(methods) == ["mixed", "overridden", "own"]
    assert {name: method.name for name, method in methods.items()} == {
        name: name for name in methods
    }
    assert methods["own"].description == "Its own\n\nwith more lines."
    assert methods["overridden"].description == "Of the mixin"
    assert methods["overridden"].function is vars(Stream)["ws_rpc_overridden"]
    assert not any(method.builtin or method.channel_call for method in methods.values())


def test_what_is_callable_but_no_coroutine_function_is_warned_about(caplog):
    class Stream(View):
        def ws_rpc_plain(self, payload): ...

        @staticmethod
        async def ws_rpc_static(payload): ...

        @classmethod
        async def ws_rpc_of_class(cls, payload): ...

        async def ws_rpc_generator(self, payload):
            yield 1

        ws_rpc_class = dict
        ws_rpc_partial = functools.partial(print)

        @property
        def ws_rpc_property(self):
            raise AssertionError

    assert not methods_of(Stream)
    warned = {record.args[1] for record in caplog.records}
    assert {"ws_rpc_plain", "ws_rpc_generator", "ws_rpc_class", "ws_rpc_partial"} <= warned
    assert "ws_rpc_property" not in warned
    assert all(
        (record.levelno, record.name) == (logging.WARNING, "wsrpc.rpc") for record in caplog.records
    )
    assert "Stream.ws_rpc_plain is no coroutine function" in caplog.text


def test_the_table_is_made_once_for_each_class_and_cannot_be_changed():
    class Stream(View):
        async def ws_rpc_a(self, payload): ...

    class More(Stream):
        async def ws_rpc_b(self, payload): ...

    assert methods_of(Stream) is methods_of(Stream)
    assert list(methods_of(Stream)) == ["a"]
    assert list(methods_of(More)) == ["a", "b"]
    with pytest.raises(TypeError):
        methods_of(More)["c"] = None


def test_any_class_has_a_table():
    class Plain:
        async def ws_rpc_a(self, payload: Add): ...

    assert methods_of(Plain)["a"].payload.annotation is Add


def test_types_come_from_the_annotations_or_from_the_decorator():
    class Stream(View):
        async def ws_rpc_annotated(self, payload: Add) -> Sum: ...

        @ws_rpc(body_schema=Add, response_schema=Sum)
        async def ws_rpc_decorated(self, payload): ...

        @ws_rpc(body_schema=Add)
        async def ws_rpc_both(self, payload: dict[str, Any]) -> Sum: ...

        @ws_rpc()
        async def ws_rpc_neither(self, payload): ...

    methods = methods_of(Stream)
    for name in ("annotated", "decorated", "both"):
        assert methods[name].payload.annotation is Add
        assert methods[name].response.annotation is Sum
    assert methods["neither"].payload is None
    assert methods["neither"].response is None


def test_an_override_without_types_has_those_of_the_base():
    class Base(View):
        async def ws_rpc_add(self, payload: Add) -> Sum:
            """Add"""

    class Stream(Base):
        async def ws_rpc_add(self, payload): ...

    class Narrow(Base):
        async def ws_rpc_add(self, payload: AddStruct): ...

    assert methods_of(Stream)["add"].payload.annotation is Add
    assert methods_of(Stream)["add"].response.annotation is Sum
    assert methods_of(Narrow)["add"].payload.annotation is AddStruct
    assert methods_of(Narrow)["add"].response.annotation is Sum
    assert methods_of(Narrow)["add"].description == "Add"


@pytest.mark.parametrize("annotation", [Any, object, dict, Mapping])
def test_annotations_that_check_nothing_cost_nothing(annotation):
    class Stream(View):
        @ws_rpc(body_schema=annotation, response_schema=Any)
        async def ws_rpc_a(self, payload): ...

    assert methods_of(Stream)["a"].payload is None
    assert methods_of(Stream)["a"].response is None


def test_none_as_the_response_is_a_type():
    class Stream(View):
        async def ws_rpc_a(self, payload) -> None: ...

    assert methods_of(Stream)["a"].response.encode(None) == b"null"


def test_types_may_be_local_names():
    @dataclass
    class Local:
        a: int

    class Stream(View):
        async def ws_rpc_a(self, payload: Local) -> Local: ...

    assert methods_of(Stream)["a"].payload.annotation is Local


def test_types_may_be_defined_after_the_class():
    class Stream(View):
        async def ws_rpc_a(self, payload: Late) -> Late: ...  # noqa: F821

    with pytest.raises(NameError, match="Late"):
        methods_of(Stream)
    globals()["Late"] = Add
    try:
        assert methods_of(Stream)["a"].payload.annotation is Add
    finally:
        del globals()["Late"]


def test_a_wrapped_method_keeps_its_types():
    def logged(function):
        @functools.wraps(function)
        async def wrapper(*args):
            return await function(*args)

        return wrapper

    class Stream(View):
        @logged
        async def ws_rpc_a(self, payload: Add) -> Sum: ...

        @ws_rpc(body_schema=Add)
        @logged
        async def ws_rpc_b(self, payload): ...

        @logged
        @ws_rpc(body_schema=Add)
        async def ws_rpc_c(self, payload): ...

        async def ws_rpc_star(self, *args): ...

    methods = methods_of(Stream)
    assert methods["a"].payload.annotation is Add
    assert methods["a"].response.annotation is Sum
    assert methods["b"].payload.annotation is Add
    assert methods["c"].payload.annotation is Add
    assert methods["star"].payload is None


def test_an_unusable_type_is_refused_with_the_class():
    with pytest.raises(TypeError, match=r"Stream\.ws_rpc_a"):

        class Stream(View):
            async def ws_rpc_a(self, payload: int): ...

    with pytest.raises(TypeError, match=r"Other\.ws_rpc_a"):

        class Other(View):
            async def ws_rpc_a(self, payload) -> type[print]: ...


def test_a_method_that_cannot_be_called_with_the_payload_is_refused_with_the_class():
    with pytest.raises(TypeError, match=r"Stream\.ws_rpc_a is called with the payload"):

        class Stream(View):
            async def ws_rpc_a(self): ...

    with pytest.raises(TypeError, match=r"write 'async def ws_rpc_a\(self, payload\)'"):

        class Other(View):
            async def ws_rpc_a(self, *, payload): ...


def test_the_mixins_methods_are_builtin_unless_overridden():
    class Stream(View, Publish, Subscribe):
        async def ws_rpc_publish(self, payload):
            return await super().ws_rpc_publish(payload)

    methods = methods_of(Stream)
    assert list(methods) == ["publish", "subscribe", "unsubscribe"]
    assert [method.builtin for method in methods.values()] == [False, True, True]
    assert all(method.channel_call for method in methods.values())
    assert all(method.description for method in methods.values())
