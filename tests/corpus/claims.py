"""Tickets of a help desk, each of which one agent claims."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, Subscribe, WsPathMixin

CLAIMED = 1001
AGENTS = web.AppKey("AGENTS", dict)


@dataclass
class Claim:
    ticket: Annotated[int, Meta(ge=1, le=50)]
    agent: Annotated[str, Meta(min_length=1, max_length=20)]


@dataclass
class Claimed:
    ticket: int
    agent: str
    open_tickets: int


class Claims(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_claim(self, payload: Claim) -> Claimed:
        """Claim a ticket; the other agents hear of it on the channel `claims`"""
        agents = self.request.app[AGENTS]
        if payload.ticket in agents:
            raise RpcError(CLAIMED, "Another agent has this ticket")
        await self.sockets.publish("claims", str(payload.ticket), {"agent": payload.agent})
        agents[payload.ticket] = payload.agent
        return Claimed(payload.ticket, payload.agent, 50 - len(agents))


def create_app() -> web.Application:
    app = web.Application()
    app[AGENTS] = {}
    app.router.add_view("/stream", Claims)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["serial"],
    "methods": ["claim"],
    "why": "while a slow broker takes the news, another agent may claim the same ticket",
}
