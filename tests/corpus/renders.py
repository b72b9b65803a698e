"""A render farm that tells its client how a picture gets on."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin


@dataclass
class Scene:
    width: Annotated[int, Meta(ge=1, le=8192)]
    height: Annotated[int, Meta(ge=1, le=8192)]
    preset: Literal["draft", "final"] | None = None


@dataclass
class Picture:
    pixels: int
    passes: int


class Renders(ApiPath, WsPathMixin):
    async def ws_rpc_render(self, payload: Scene) -> Picture:
        """Render a scene; the client hears of each pass, under the name of the preset"""
        passes = 1 if payload.preset == "draft" else 3
        for number in range(1, passes + 1):
            await self.send_event("renders", payload.preset, {"pass": number, "of": passes})
        return Picture(payload.width * payload.height, passes)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Renders)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["well-formed"],
    "methods": ["render"],
    "why": "without a preset the events have a name that is null",
}
