"""Scores of matches; whoever subscribes sees the score at once."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin
from wsrpc.pubsub import Subscribed, SubscribePayload

SCORES = web.AppKey("SCORES", dict)


@dataclass
class Goal:
    match: Annotated[str, Meta(pattern="^[a-z]{2,8}$")]


class Scores(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_goal(self, payload: Goal) -> int:
        """Count a goal, and tell the subscribers of the match"""
        scores = self.request.app[SCORES]
        score = scores[payload.match] = scores.get(payload.match, 0) + 1
        await self.sockets.publish(payload.match, "goal", score)
        return score

    async def ws_rpc_subscribe(self, payload: SubscribePayload) -> Subscribed:
        """Subscribe to a match"""
        score = self.request.app[SCORES].get(payload.channel, 0)
        await self.send_event(payload.channel, "score", score)
        return await super().ws_rpc_subscribe(payload)


def create_app() -> web.Application:
    app = web.Application()
    app[SCORES] = {}
    app.router.add_view("/stream", Scores)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "pubsub",
    "checks": ["pubsub"],
    "methods": ["subscribe"],
    "why": "the first event goes out before the reply that acknowledges the subscription",
}
