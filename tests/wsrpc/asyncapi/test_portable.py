"""Schemas that only Python understands, for everybody."""

import re
from typing import Annotated, Any

import msgspec
import pydantic
import pytest
from msgspec import Meta

from wsrpc import ws_rpc
from wsrpc.asyncapi.page_types import phrase
from wsrpc.asyncapi.portable import portable


@pytest.mark.parametrize(
    ("pattern", "translated"),
    [
        ("^[a-z]+$", "^[a-z]+$"),
        (r"\A\d+\Z", r"^\d+$"),
        (r"(?P<a>x)y", r"(?<a>x)y"),
        (r"\\A\(\?P<a>", r"\\A\(\?P<a>"),
    ],
)
def test_a_pattern_is_translated(pattern, translated):
    re.compile(pattern)
    assert portable({"pattern": pattern}, "here") == {"pattern": translated}
    assert portable({"patternProperties": {pattern: {}}}, "here") == {
        "patternProperties": {translated: {}}
    }


def test_a_pattern_without_a_translation_stands_aside():
    schema = {"properties": {"pattern": {"type": "string", "pattern": "(?a:x)"}}}
    [part] = portable(schema, "here")["properties"].values()
    assert part == {"type": "string", "x-python-pattern": "(?a:x)"}
    assert "(?a:x)" in phrase(part)
    assert portable({"patternProperties": {"(?a:x)": {}}}, "here") == {"patternProperties": {}}


def test_data_is_left_alone():
    schema = {"default": {"pattern": "(?a:x)"}, "enum": [{"pattern": r"\A"}]}
    assert portable(schema, "here") == schema


def test_examples_by_name_are_left_out():
    assert portable({"items": {"examples": {"one": {"value": 1}}}}, "here") == {"items": {}}


def test_an_application_with_patterns_of_pythons_own_is_described(describe, accepting):
    class Code(msgspec.Struct):
        code: Annotated[str, Meta(pattern=r"\A[a-z]{3}\Z")]
        other: Annotated[str, Meta(pattern="(?a:x)")] = "x"

    async def use(self: Any, payload: Code) -> Code: ...

    use.__annotations__.update(payload=Code)
    use.__annotations__["return"] = Code
    described = describe(use)
    for code, expected in (("abc", ["use.request"]), ("abcd", [])):
        request = {"id": 1, "method": "use", "payload": {"code": code}}
        assert accepting(described, "ws", request) == expected


def test_a_schema_that_the_application_broke_is_told_with_its_place(describe):
    class Model(pydantic.BaseModel):
        a: int = pydantic.Field(json_schema_extra={"required": True})

    async def use(self, payload): ...

    with pytest.raises(
        TypeError, match=r"View\.ws_rpc_use, payload: its type has no valid JSON Sc"
    ):
        describe(ws_rpc(body_schema=Model)(use))
