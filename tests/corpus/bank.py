"""A joint account. The calls of one connection wait for each other."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

OVERDRAWN = 1001


@dataclass
class Amount:
    euros: Annotated[int, Meta(ge=1, le=100)]


@dataclass
class Balance:
    euros: int


class Account:
    def __init__(self) -> None:
        self.euros = 100

    async def check(self, euros: int) -> None:
        """Ask the fraud department, and refuse what is not covered."""
        if euros > self.euros:
            raise RpcError(OVERDRAWN, "The account does not cover this")
        await asyncio.sleep(0.02)


ACCOUNT = web.AppKey("ACCOUNT", Account)


class Bank(ApiPath, WsPathMixin):
    async def on_connect(self) -> None:
        self.busy = asyncio.Lock()

    async def ws_rpc_withdraw(self, payload: Amount) -> Balance:
        """Withdraw money"""
        account = self.request.app[ACCOUNT]
        async with self.busy:
            await account.check(payload.euros)
            account.euros -= payload.euros
            return Balance(account.euros)

    async def ws_rpc_deposit(self, payload: Amount) -> Balance:
        """Pay money in"""
        account = self.request.app[ACCOUNT]
        account.euros += payload.euros
        return Balance(account.euros)


def create_app() -> web.Application:
    app = web.Application()
    app[ACCOUNT] = Account()
    app.router.add_view("/stream", Bank)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["serial"],
    "methods": ["withdraw"],
    "why": "the lock is the connection's, so two connections overdraw the account together",
}
