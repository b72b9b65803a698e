"""A stockroom with one door: who takes something holds the lock meanwhile."""

import asyncio
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NOT_ENOUGH = 1001


class Take(Struct):
    article: Literal["paper", "toner"]
    quantity: Annotated[int, Meta(ge=1, le=20)]


class Left(Struct):
    article: str
    quantity: int


class Room:
    def __init__(self) -> None:
        self.door = asyncio.Lock()
        self.stock = {"paper": 12, "toner": 3}


ROOM = web.AppKey("ROOM", Room)


class Stockroom(ApiPath, WsPathMixin):
    async def ws_rpc_take(self, payload: Take) -> Left:
        """Take something out of the room"""
        room = self.request.app[ROOM]
        await room.door.acquire()
        left = room.stock[payload.article] - payload.quantity
        if left < 0:
            raise RpcError(NOT_ENOUGH, "There is not enough")
        room.stock[payload.article] = left
        room.door.release()
        return Left(payload.article, left)


def create_app() -> web.Application:
    app = web.Application()
    app[ROOM] = Room()
    app.router.add_view("/stream", Stockroom)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["one-reply-in-time"],
    "methods": ["take"],
    "why": "a refusal leaves the lock held, and nobody gets an answer after it",
}
