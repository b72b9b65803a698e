"""Notices of a school, behind a circuit breaker that spares a broker in trouble."""

from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, BrokerUnavailable, LocalBroker, Subscribe, WsPathMixin


class Notice(Struct):
    text: Annotated[str, Meta(min_length=1, max_length=200)]


class Breaker:
    """Lets nobody wait for a broker that was not there the last time."""

    is_open = False

    async def publish(self, sockets: LocalBroker, event: str, data: Any) -> None:
        if self.is_open:
            raise BrokerUnavailable
        try:
            await sockets.publish("notices", event, data)
        except (ConnectionError, BrokerUnavailable):
            self.is_open = True
            raise
        else:
            self.is_open = False


BREAKER = web.AppKey("BREAKER", Breaker)


class Notices(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_post(self, payload: Notice) -> Notice:
        """Post a notice for all who are subscribed to the channel `notices`"""
        await self.request.app[BREAKER].publish(self.sockets, "posted", payload.text)
        return payload


def create_app() -> web.Application:
    app = web.Application()
    app[BREAKER] = Breaker()
    app.router.add_view("/stream", Notices)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "faults",
    "checks": ["clean-under-faults"],
    "methods": ["post"],
    "why": "after one failure the breaker is open for good, as only a success would close it",
}
