"""Ratings of films: everyone may rate, and withdraw the last rating."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NOT_RATED = 1001
RATINGS = web.AppKey("RATINGS", dict)

Film = Literal["alien", "brazil", "charade"]


@dataclass
class Rating:
    film: Film
    stars: Annotated[int, Meta(ge=1, le=5)]


@dataclass
class Which:
    film: Film


@dataclass
class Average:
    film: Film
    stars: Annotated[float, Meta(ge=1, le=5)]
    votes: int


class Ratings(ApiPath, WsPathMixin):
    async def ws_rpc_rate(self, payload: Rating) -> int:
        """Rate a film; returns the number of its ratings"""
        ratings = self.request.app[RATINGS].setdefault(payload.film, [])
        ratings.append(payload.stars)
        return len(ratings)

    async def ws_rpc_withdraw(self, payload: Which) -> int:
        """Withdraw the last rating of a film, if there is one; returns how many are left"""
        ratings = self.request.app[RATINGS].get(payload.film)
        if ratings:
            ratings.pop()
        return len(ratings or ())

    async def ws_rpc_average(self, payload: Which) -> Average:
        """The average of a film's ratings"""
        ratings = self.request.app[RATINGS].get(payload.film)
        if ratings is None:
            raise RpcError(NOT_RATED, "Nobody has rated this film")
        return Average(payload.film, sum(ratings) / len(ratings), len(ratings))


def create_app() -> web.Application:
    app = web.Application()
    app[RATINGS] = {}
    app.router.add_view("/stream", Ratings)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["no-internal-error"],
    "methods": ["average"],
    "why": "once the only rating of a film is withdrawn, its average divides by zero",
}
