"""A forum that protects itself from advertising."""

from dataclasses import dataclass, field
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin

POSTS = web.AppKey("POSTS", list)


@dataclass
class Post:
    text: Annotated[str, Meta(min_length=1, max_length=500)]
    links: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=10)] = field(
        default_factory=list
    )


@dataclass
class Posted:
    number: int


class Forum(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_post(self, payload: Post) -> Posted:
        """Write a post, and tell the readers of the channel `posts`"""
        posts = self.request.app[POSTS]
        if len(payload.links) > 5:
            await self.close(1008, "advertising")
        posts.append(payload.text)
        posted = Posted(len(posts))
        await self.sockets.publish("posts", "new", {"text": payload.text})
        return posted


def create_app() -> web.Application:
    app = web.Application()
    app[POSTS] = []
    app.router.add_view("/stream", Forum)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["stays-open"],
    "methods": ["post"],
    "why": "a post with many links, which the type takes, closes the connection with 1008",
}
