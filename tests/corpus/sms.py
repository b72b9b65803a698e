"""A gateway to a mobile network: text messages with the name of their sender."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, WsPathMixin

SENDER_BYTES = 11
"""The network's limit for the name of a sender."""


class Message(Struct, forbid_unknown_fields=True):
    to: Annotated[str, Meta(pattern="^[0-9]{6,15}$")]
    sender: Annotated[str, Meta(min_length=1, max_length=30)]
    text: Annotated[str, Meta(max_length=1000)]


class Queued(Struct):
    to: str
    sender: str
    parts: int


class Gateway(ApiPath, WsPathMixin):
    async def ws_rpc_send(self, payload: Message) -> Queued:
        """Send a text message; the sender's name is cut to what the network takes"""
        sender = payload.sender
        if len(sender.encode()) > SENDER_BYTES:
            sender = sender.encode()[:SENDER_BYTES].decode()
        return Queued(payload.to, sender, len(payload.text) // 160 + 1)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Gateway)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["no-internal-error"],
    "methods": ["send"],
    "why": "a long name is cut in the middle of a character, such as an emoji",
}
