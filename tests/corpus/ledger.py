"""Bookings between the accounts of a club, each account under a lock of its own."""

import asyncio
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, InvalidParams, LocalBroker, WsPathMixin

AccountName = Literal["dues", "events", "office"]


class Booking(Struct):
    debit: AccountName
    credit: AccountName
    euros: Annotated[int, Meta(ge=1, le=5000)]


class Booked(Struct):
    debit: int
    credit: int


class Account:
    def __init__(self) -> None:
        self.euros = 0
        self.lock = asyncio.Lock()

    async def add(self, euros: int) -> int:
        await asyncio.sleep(0.002)  # the journal on disk
        self.euros += euros
        return self.euros


ACCOUNTS = web.AppKey("ACCOUNTS", dict)


class Ledger(ApiPath, WsPathMixin):
    async def ws_rpc_book(self, payload: Booking) -> Booked:
        """Book an amount from one account to another"""
        if payload.debit == payload.credit:
            raise InvalidParams({"credit": "is the account of the debit"})
        accounts = self.request.app[ACCOUNTS]
        debit, credit = accounts[payload.debit], accounts[payload.credit]
        async with debit.lock:
            left = await debit.add(-payload.euros)
            async with credit.lock:
                return Booked(left, await credit.add(payload.euros))


def create_app() -> web.Application:
    app = web.Application()
    app[ACCOUNTS] = {name: Account() for name in ("dues", "events", "office")}
    app.router.add_view("/stream", Ledger)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["one-reply-in-time", "serial"],
    "methods": ["book"],
    "why": "two bookings in opposite directions wait for each other's lock for ever",
}
