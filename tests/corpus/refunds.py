"""Refunds, announced to the accountants of a branch."""

from typing import Annotated, TypedDict

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, Subscribe, WsPathMixin


class Refund(TypedDict):
    branch: Annotated[str, Meta(min_length=1, max_length=12)]
    cents: Annotated[int, Meta(ge=1, le=100_000)]


class Refunded(TypedDict):
    cents: int
    problem: str | None


class Refunds(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_refund(self, payload: Refund) -> Refunded:
        """Refund an amount; a branch that cannot be told is only noted"""
        problem = None
        try:
            await self.sockets.publish(payload["branch"], "refund", payload["cents"])
        except RpcError as refused:
            problem = refused.errors["channel"]
        return {"cents": payload["cents"], "problem": problem}


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Refunds)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "faults",
    "checks": ["clean-under-faults", "no-internal-error"],
    "methods": ["refund"],
    "why": "what an unavailable broker raises has no errors to look into",
}
