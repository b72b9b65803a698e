"""A kitchen with a display at each station, which shows what its cook asked for."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

DISPLAYS = web.AppKey("DISPLAYS", dict)


@dataclass
class Dish:
    name: Literal["soup", "fish", "cake"]
    portions: Annotated[int, Meta(ge=1, le=8)]


@dataclass
class Done:
    portions: int


class Station(ApiPath, WsPathMixin):
    name = "station"

    async def on_connect(self) -> None:
        self.request.app[DISPLAYS][self.name] = self

    async def on_disconnect(self) -> None:
        displays = self.request.app[DISPLAYS]
        if displays.get(self.name) is self:
            del displays[self.name]

    async def ws_rpc_cook(self, payload: Dish) -> Done:
        """Cook a dish; the station's display counts the portions"""
        for number in range(1, payload.portions + 1):
            await asyncio.sleep(0.001)
            display = self.request.app[DISPLAYS].get(self.name, self)
            if not display.closed:
                await display.send_event("display", payload.name, number)
        return Done(payload.portions)


def create_app() -> web.Application:
    app = web.Application()
    app[DISPLAYS] = {}
    app.router.add_view("/stream", Station)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["right-connection"],
    "methods": ["cook"],
    "why": "all stations have the same name, so the events go to the display that came last",
}
