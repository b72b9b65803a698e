"""Newsletters, and how many readers they have lost."""

from aiohttp import web

from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin
from wsrpc.pubsub import Subscribed, UnsubscribePayload

LOST = web.AppKey("LOST", dict)


class Newsletter(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_unsubscribe(self, payload: UnsubscribePayload) -> Subscribed:
        """Unsubscribe, and count who leaves"""
        event = payload.event or "*"
        patterns = [event] if isinstance(event, str) else event
        left = await self.unsubscribe(payload.channel, *patterns)
        lost = self.request.app[LOST]
        lost[payload.channel] = lost.get(payload.channel, 0) + 1
        return {"subscribed": {payload.channel: left} if left else {}}

    async def ws_rpc_lost(self, payload: dict[str, object]) -> int:
        """How often somebody has unsubscribed"""
        return sum(self.request.app[LOST].values())


def create_app() -> web.Application:
    app = web.Application()
    app[LOST] = {}
    app.router.add_view("/stream", Newsletter)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "pubsub",
    "checks": ["pubsub"],
    "methods": ["unsubscribe"],
    "why": "who unsubscribes from a channel stays subscribed to all patterns but the star",
}
