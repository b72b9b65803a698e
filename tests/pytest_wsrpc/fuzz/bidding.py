"""A view to make conversations for: a method with fields of several kinds, and some about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from pytest_wsrpc.fuzz.conversation import Call
from pytest_wsrpc.fuzz.endpoints import Endpoint
from wsrpc import ApiPath, Publish, WsPathMixin
from wsrpc.rpc import methods_of


@dataclass
class Bid:
    order_id: str
    amount: Annotated[int, Meta(le=100)]
    side: Literal["buy", "sell"]
    tags: list[str]
    note: str | None = None


Tag: TypeAlias = Annotated[str, Meta(pattern="^[a-z]+$")]


@dataclass
class Enter:
    tag: Tag
    note: str


@dataclass
class Rename:
    old: Tag
    new: Annotated[Tag, Meta(description="what it is from now on")]
    because: str


class Invite(Struct):
    who: Annotated[str, Meta(extra_json_schema={"format": "email"})]
    day: date


class View(ApiPath, WsPathMixin, Publish):
    async def ws_rpc_bid(self, payload: Bid) -> Bid:
        return payload

    async def ws_rpc_enter(self, payload: Enter) -> None:
        return None

    async def ws_rpc_invite(self, payload: Invite) -> None:
        return None

    async def ws_rpc_rename(self, payload: Rename) -> None:
        return None

    async def ws_rpc_list_bids(self, payload: dict[str, Any]) -> list[Bid]:
        return []

    async def ws_rpc_list_users(self, payload: dict[str, Any]) -> list[Bid]:
        return []

    async def ws_rpc_add_user(self, payload: dict[str, Any]) -> list[Bid]:
        return []


METHODS = methods_of(View)
ENDPOINT = Endpoint("/stream", View, METHODS)
BID = METHODS["bid"]


def bid(**changed: Any) -> dict[str, Any]:
    return {"order_id": "b", "amount": 5, "side": "buy", "tags": ["t"], **changed}


def ask(id: int, client: int = 1, *, wait: bool = True) -> Call:
    return Call(client, id, BID, {}, wait=wait)
