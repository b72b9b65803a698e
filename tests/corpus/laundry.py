"""Washing machines, which take their time. Correct."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

MACHINES = web.AppKey("MACHINES", dict)


@dataclass
class Load:
    machine: Literal[1, 2, 3]
    kilograms: Annotated[float, Meta(ge=0.5, le=8)]
    programme: Literal["quick", "wool", "boil"] = "quick"


@dataclass
class Clean:
    machine: int
    loads: int
    minutes: int


class Machine:
    def __init__(self) -> None:
        self.door = asyncio.Lock()
        self.loads = 0

    async def wash(self, minutes: int) -> int:
        """Wash a load when those before it are done; one that is given up does not count."""
        async with self.door:
            await asyncio.sleep(minutes / 1000)
            self.loads += 1
            return self.loads


class Laundry(ApiPath, WsPathMixin):
    async def ws_rpc_wash(self, payload: Load) -> Clean:
        """Wash a load, and wait until it is clean"""
        minutes = {"quick": 30, "wool": 45, "boil": 120}[payload.programme]
        machine = self.request.app[MACHINES][payload.machine]
        return Clean(payload.machine, await machine.wash(minutes), minutes)


def create_app() -> web.Application:
    app = web.Application()
    app[MACHINES] = {number: Machine() for number in (1, 2, 3)}
    app.router.add_view("/stream", Laundry)
    LocalBroker.for_app(app)
    return app


DEFECT = None
ODDITY = "slow handlers that hold a lock while they wait"
