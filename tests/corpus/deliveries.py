"""Deliveries: the customers hear of each stop, if the broker is there to tell them."""

import logging
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, Subscribe, WsPathMixin

logger = logging.getLogger(__name__)


@dataclass
class Stop:
    street: Annotated[str, Meta(min_length=1, max_length=60)]
    parcels: Annotated[int, Meta(ge=1, le=30)]


@dataclass
class Noted:
    parcels: int
    is_announced: bool


class Deliveries(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_stop(self, payload: Stop) -> Noted:
        """Note a stop, and announce it"""
        return Noted(payload.parcels, await self.announce(payload))

    async def announce(self, stop: Stop) -> bool:
        """Tell the customers; without a broker they are not told, which is no error."""
        try:
            await self.sockets.publish("deliveries", "stop", {"street": stop.street})
        except ConnectionError as error:
            logger.warning("not announced: %s", error.strerror.lower())
            return False
        return True


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Deliveries)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "faults",
    "checks": ["clean-under-faults", "no-internal-error"],
    "methods": ["stop"],
    "why": "a failed connection to the broker is expected, but its text may be missing",
}
