"""The names of types: short where that is clear, never of two types at once."""

import dataclasses
from typing import Any

import msgspec
import pydantic

from wsrpc import ApiPath, WsPathMixin


def struct(name: str, **fields: type) -> Any:
    return msgspec.defstruct(name, list(fields.items()))


def own(described: Any) -> dict[str, Any]:
    schemas = described["components"]["schemas"]
    return {name: schemas[name] for name in schemas if not name.startswith("wsrpc.")}


def view(**types: tuple[Any, Any]) -> type:
    def method(payload_type: Any, response_type: Any) -> Any:
        async def method(self: Any, payload: payload_type) -> response_type: ...

        return method

    members: dict[str, Any] = {f"ws_rpc_{name}": method(*pair) for name, pair in types.items()}
    return type("View", (ApiPath, WsPathMixin), members)


def payload_of(described: Any, channel: str, method: str) -> Any:
    message = described["channels"][channel]["messages"][f"{method}.request"]
    return message["payload"]["properties"]["payload"]


A, B, C = struct("Order", a=int), struct("Order", b=int), struct("Order", c=int)


def test_a_type_that_is_used_often_is_there_once(describe):
    described = describe(x=view(one=(A, A), two=(A, list[A])), y=view(one=(A, None)))
    assert own(described).keys() == {"Order"}


def test_types_of_one_name_at_two_endpoints_are_called_by_them(describe):
    described = describe(x=view(one=(A, A)), y=view(one=(B, B)))
    assert own(described).keys() == {"x.Order", "y.Order"}
    assert payload_of(described, "x", "one") == {"$ref": "#/components/schemas/x.Order"}
    assert own(described)["y.Order"]["required"] == ["b"]


def test_types_of_one_name_as_payload_and_response_are_called_so(describe):
    described = describe(x=view(one=(A, B)), y=view(one=(A, B)))
    assert own(described).keys() == {"Order.payload", "Order.response"}


def test_the_two_sides_of_a_pydantic_model_are_two_types(describe):
    class Model(pydantic.BaseModel):
        a: int = 1

        @pydantic.computed_field
        def twice(self) -> int:
            return 2 * self.a

    described = describe(x=view(one=(Model, Model)))
    assert own(described).keys() == {"Model.payload", "Model.response"}
    assert "required" not in own(described)["Model.payload"]


def test_types_of_one_name_all_over_are_called_by_where_they_are(describe):
    described = describe(x=view(one=(A, B), two=(B, C)), y=view(one=(C, A)))
    assert own(described).keys() == {
        "x.one.payload.Order",
        "x.one.response.Order",
        "x.two.response.Order",
    }
    assert own(described)["x.two.response.Order"]["required"] == ["c"]


def test_a_name_that_another_type_has_already_is_not_taken(describe):
    taken = pydantic.create_model("Order.payload", z=(int, 1))
    described = describe(x=view(one=(A, B), two=(taken, None)))
    assert own(described).keys() == {"Order.payload", "Order.payload_", "Order.response"}
    assert own(described)["Order.payload_"]["required"] == ["a"]


def test_types_that_refer_to_different_types_are_different(describe):
    @dataclasses.dataclass
    class Basket:
        order: A

    first = Basket

    @dataclasses.dataclass
    class Basket:  # type: ignore[no-redef]
        order: B

    described = describe(x=view(one=(first, None)), y=view(one=(Basket, None)))
    assert own(described).keys() == {"x.Basket", "x.Order", "y.Basket", "y.Order"}
    reference = own(described)["y.Basket"]["properties"]["order"]
    assert reference == {"$ref": "#/components/schemas/y.Order"}


def test_users_types_may_have_the_names_of_the_protocols_own(describe):
    described = describe(x=view(one=(struct("Error", a=int), struct("Id", a=int))))
    assert own(described).keys() == {"Error", "Id"}
    assert described["components"]["schemas"]["wsrpc.Error"]["required"] == ["code", "message"]


def test_a_title_of_several_words_is_a_name_of_one(describe):
    class Model(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(title="A model: größer")

    assert own(describe(x=view(one=(Model, None)))).keys() == {"A_model__gr__er"}


def test_a_title_that_another_type_has_as_its_name_stays_one(describe):
    class Inner(pydantic.BaseModel):
        a: int

    class Outer(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(title="Inner")
        inner: Inner

    described = describe(x=view(one=(Outer, None)))
    assert own(described).keys() == {"Inner"}
    assert payload_of(described, "x", "one")["title"] == "Inner"
