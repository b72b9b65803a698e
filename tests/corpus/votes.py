"""Votes in a committee; news of them is best effort. Correct."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, BrokerUnavailable, LocalBroker, Subscribe, WsPathMixin

VOTES = web.AppKey("VOTES", dict)

Motion = Literal["budget", "garden"]


@dataclass
class Vote:
    motion: Motion
    yes: bool
    name: Annotated[str, Meta(min_length=1, max_length=20)]


@dataclass
class Count:
    yes: int
    no: int
    is_announced: bool


@dataclass
class Wait:
    motion: Motion
    votes: Annotated[int, Meta(ge=0, le=3)] = 1
    seconds: Annotated[float, Meta(ge=0, le=0.2)] = 0.05


class Committee(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_vote(self, payload: Vote) -> Count:
        """Vote; who votes again changes their mind"""
        votes = self.request.app[VOTES][payload.motion]
        votes[payload.name.lower()] = payload.yes
        yes, count = sum(votes.values()), len(votes)
        try:
            await self.sockets.publish("votes", payload.motion, count)
        except (ConnectionError, BrokerUnavailable):
            return Count(yes, count - yes, is_announced=False)
        return Count(yes, count - yes, is_announced=True)

    async def ws_rpc_wait(self, payload: Wait) -> int | None:
        """Wait until there are so many votes, but not for long; null if they did not come"""
        votes = self.request.app[VOTES][payload.motion]
        try:
            async with asyncio.timeout(payload.seconds):
                while len(votes) < payload.votes:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        except TimeoutError:
            return None
        return len(votes)


def create_app() -> web.Application:
    app = web.Application()
    app[VOTES] = {"budget": {}, "garden": {}}
    app.router.add_view("/stream", Committee)
    LocalBroker.for_app(app)
    return app


DEFECT = None
ODDITY = "carries on without a broker; a call that waits for others, and gives up with null"
