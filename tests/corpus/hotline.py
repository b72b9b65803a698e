"""A hotline: people talk to an automaton until one of them hangs up. Correct."""

from typing import Annotated, Literal, TypedDict

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NOT_UNDERSTOOD = 1001


class Choice(TypedDict):
    key: Literal["1", "2", "9", "*"]


class Rating(TypedDict):
    stars: Annotated[int, Meta(ge=1, le=5)]


class Hotline(ApiPath, WsPathMixin):
    async def on_connect(self) -> None:
        self.place = "menu"

    async def ws_rpc_press(self, payload: Choice) -> str:
        """Press a key"""
        match self.place, payload["key"]:
            case "menu", "1":
                self.place = "opening hours"
            case "menu", "2":
                self.place = "the team"
            case _, "*":
                self.place = "menu"
            case _, "9":
                await self.close(1000, "good bye")
            case _:
                raise RpcError(NOT_UNDERSTOOD, "Sorry, I did not get that")
        return self.place

    async def ws_rpc_rate(self, payload: Rating) -> None:
        """Rate the call, which ends with it"""
        await self.close()


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Hotline)
    LocalBroker.for_app(app)
    return app


DEFECT = None
ODDITY = "the application closes the connection with 1000, also before it has answered"
