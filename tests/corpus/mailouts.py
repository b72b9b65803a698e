"""Mails to the members of a club, handed over to a mail server by way of the broker."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, Subscribe, WsPathMixin

NOT_SENT = 1001


@dataclass
class Mail:
    group: Literal["juniors", "seniors", "board"]
    subject: Annotated[str, Meta(min_length=1, max_length=80)]


@dataclass
class Sent:
    group: str


class Mailouts(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_send(self, payload: Mail) -> Sent:
        """Send a mail to a group"""
        try:
            await self.sockets.publish(payload.group, "mail", payload.subject)
        except OSError as error:
            raise RpcError(NOT_SENT, f"The mail was not sent: {error!r}") from error
        return Sent(payload.group)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Mailouts)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "faults",
    "checks": ["no-leak", "clean-under-faults"],
    "methods": ["send"],
    "why": "when the broker fails, the error tells the client of the server's exception",
}
