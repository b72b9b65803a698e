"""Results of customer surveys."""

import statistics
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, WsPathMixin

Score = Annotated[int, Meta(ge=1, le=5)]


class Answers(Struct):
    question: Annotated[str, Meta(max_length=200)]
    scores: Annotated[list[Score], Meta(max_length=500)]
    comments: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=20)] = []


class Summary(Struct):
    question: str
    votes: int
    mean: float
    longest_comment: str


class Surveys(ApiPath, WsPathMixin):
    async def ws_rpc_summarize(self, payload: Answers) -> Summary:
        """Count the votes of a question"""
        return Summary(
            payload.question,
            len(payload.scores),
            statistics.mean(payload.scores),
            max(payload.comments, key=len, default=""),
        )


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Surveys)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["no-internal-error"],
    "methods": ["summarize"],
    "why": "an empty list has no mean",
}
