"""Exchange rates, fetched once from a slow bank and remembered."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from wsrpc import ApiPath, LocalBroker, WsPathMixin

Currency = Literal["chf", "gbp", "jpy"]


@dataclass
class Which:
    currency: Currency


@dataclass
class Rate:
    currency: Currency
    rate: float


class Bank:
    def __init__(self) -> None:
        self._rates: dict[str, float | None] = {}

    async def rate(self, currency: str) -> float:
        if currency not in self._rates:
            self._rates[currency] = None  # so that it is fetched only once
            await asyncio.sleep(0.05)
            self._rates[currency] = {"chf": 0.95, "gbp": 0.84, "jpy": 162.5}[currency]
        return self._rates[currency]


BANK = web.AppKey("BANK", Bank)


class Rates(ApiPath, WsPathMixin):
    async def ws_rpc_rate(self, payload: Which) -> Rate:
        """What a euro is worth in another currency"""
        return Rate(payload.currency, await self.request.app[BANK].rate(payload.currency))


def create_app() -> web.Application:
    app = web.Application()
    app[BANK] = Bank()
    app.router.add_view("/stream", Rates)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["conforms", "serial", "no-internal-error", "clean-under-faults"],
    "methods": ["rate"],
    "why": "who asks while a rate is being fetched gets a null",
}
