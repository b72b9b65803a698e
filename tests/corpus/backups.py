"""Backups: how large an archive will be, estimated from a sample."""

import time
from typing import Annotated, TypedDict

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin


class Plan(TypedDict):
    kilobytes: Annotated[int, Meta(ge=0, le=10_000_000)]
    level: Annotated[int, Meta(ge=0, le=9)]


class Estimate(TypedDict):
    kilobytes: int


def sample_ratio(level: int) -> float:
    """Compress a sample; the thorough levels wait for the tape to wind back."""
    if level > 6:
        time.sleep(0.5)
    return 1 - level / 20


class Backups(ApiPath, WsPathMixin):
    async def ws_rpc_estimate(self, payload: Plan) -> Estimate:
        """The size of the archive"""
        return {"kilobytes": int(payload["kilobytes"] * sample_ratio(payload["level"]))}


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Backups)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["loop-not-blocked"],
    "methods": ["estimate"],
    "why": "high levels sleep without giving the event loop back",
}
