"""A hub of photo channels, with drafts that only their editors see. Correct."""

from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin


class Name(Struct):
    name: Annotated[str, Meta(min_length=1, max_length=20)]


class MediaHub(ApiPath, WsPathMixin, Subscribe, Publish):
    """Events of which the name begins with ``draft`` are for editors."""

    is_editor = False

    async def authorize(self, action: str, channel: str, event: str) -> bool:
        return not channel.startswith("staff") or self.is_editor

    def can_receive(self, channel: str, event: str) -> bool:
        return self.is_editor or not event.startswith("draft")

    def get_publish_message(self, data: Any) -> Any:
        """Publish the name of the client with what it says."""
        return {"by": "editor" if self.is_editor else "guest", "data": data}

    async def ws_rpc_become_editor(self, payload: Name) -> bool:
        """Become an editor; tells whether that is new"""
        was_editor, self.is_editor = self.is_editor, True
        return not was_editor

    async def ws_rpc_follow(self, payload: Name) -> list[str]:
        """Follow somebody: a subscription that the handler makes"""
        return await self.subscribe("people", f"{payload.name[:1].lower()}-*")


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", MediaHub)
    LocalBroker.for_app(app, latency=0.01)
    return app


DEFECT = None
ODDITY = "events that are hidden, rewritten and late; subscriptions that a handler makes"
