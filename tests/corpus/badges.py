"""Badges of a conference, for a printer that knows Western European letters only."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

WIDTH = 24


@dataclass
class Badge:
    name: Annotated[str, Meta(min_length=1, max_length=60)]
    company: Annotated[str, Meta(max_length=60)] = ""
    role: Literal["guest", "speaker", "staff"] = "guest"


@dataclass
class Printed:
    lines: int
    size: int


class Badges(ApiPath, WsPathMixin):
    async def ws_rpc_print(self, payload: Badge) -> Printed:
        """Send a badge to the printer"""
        lines = [payload.name[:WIDTH], payload.company[:WIDTH], payload.role.upper()]
        document = "\r\n".join(line for line in lines if line).encode("latin-1")
        return Printed(document.count(b"\r\n") + 1, len(document))


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Badges)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["no-internal-error"],
    "methods": ["print"],
    "why": "letters outside of Latin-1 cannot be encoded",
}
