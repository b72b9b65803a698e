"""A game of dice, with the time of each throw. Correct."""

import random
import time
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NOT_YET = 1001


@dataclass
class Throw:
    dice: Annotated[int, Meta(ge=1, le=10)] = 2
    sides: Annotated[int, Meta(ge=2, le=100)] = 6


@dataclass
class Thrown:
    eyes: list[Annotated[int, Meta(ge=1, le=100)]]
    seconds: float


class Dice(ApiPath, WsPathMixin):
    started = 0.0
    best = 0

    async def on_connect(self) -> None:
        self.started = time.monotonic()

    async def ws_rpc_throw(self, payload: Throw) -> Thrown:
        """Throw some dice"""
        eyes = [random.randint(1, payload.sides) for _ in range(payload.dice)]
        self.best = max(self.best, sum(eyes))
        return Thrown(eyes, time.monotonic() - self.started)

    async def ws_rpc_best(self, payload: dict[str, object]) -> int:
        """The best throw so far; there has to be one"""
        if not self.best:
            raise RpcError(NOT_YET, "Throw first")
        return self.best


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Dice)
    LocalBroker.for_app(app)
    return app


DEFECT = None
ODDITY = "answers that are random and depend on the time"
