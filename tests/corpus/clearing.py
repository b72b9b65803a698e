"""Clearing between banks: the accounts of a booking are locked in order. Correct."""

import asyncio
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, InvalidParams, LocalBroker, RpcError, WsPathMixin

NOT_COVERED = 1001

BankName = Literal["alpha", "beta", "gamma"]


class Booking(Struct, rename="camel"):
    from_bank: BankName
    to_bank: BankName
    cents: Annotated[int, Meta(ge=1, le=1_000_000)]


class Balances(Struct, rename="camel"):
    from_cents: Annotated[int, Meta(ge=0)]
    to_cents: Annotated[int, Meta(ge=0)]


class Bank:
    def __init__(self) -> None:
        self.cents = 1_500_000
        self.lock = asyncio.Lock()


BANKS = web.AppKey("BANKS", dict)


class Clearing(ApiPath, WsPathMixin):
    async def ws_rpc_book(self, payload: Booking) -> Balances:
        """Book an amount from one bank to another"""
        if payload.from_bank == payload.to_bank:
            raise InvalidParams({"toBank": "is the same bank"})
        banks = self.request.app[BANKS]
        first, second = sorted((payload.from_bank, payload.to_bank))
        source, target = banks[payload.from_bank], banks[payload.to_bank]
        async with banks[first].lock, banks[second].lock:
            if source.cents < payload.cents:
                raise RpcError(NOT_COVERED, "Not covered")
            await asyncio.sleep(0.002)  # the central bank agrees
            source.cents -= payload.cents
            target.cents += payload.cents
            return Balances(source.cents, target.cents)


def create_app() -> web.Application:
    app = web.Application()
    app[BANKS] = {name: Bank() for name in ("alpha", "beta", "gamma")}
    app.router.add_view("/stream", Clearing)
    LocalBroker.for_app(app)
    return app


DEFECT = None
ODDITY = "handlers that wait under several locks, taken in order"
