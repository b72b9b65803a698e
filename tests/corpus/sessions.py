"""People log in by a method, look at their desk, and log out."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NOT_LOGGED_IN = 1001


@dataclass
class Login:
    user: Annotated[str, Meta(min_length=1, max_length=30)]


@dataclass
class User:
    name: str
    calls: int = 0


@dataclass
class Desk:
    title: str
    calls: int


class Sessions(ApiPath, WsPathMixin):
    user: User | None = None
    is_logged_in = False

    async def ws_rpc_login(self, payload: Login) -> str:
        """Log in, with any name"""
        self.user = User(payload.user)
        self.is_logged_in = True
        return self.user.name

    async def ws_rpc_logout(self, payload: dict[str, object]) -> bool:
        """Log out; tells whether somebody was logged in"""
        was_logged_in, self.user = self.is_logged_in, None
        return was_logged_in

    async def ws_rpc_desk(self, payload: dict[str, object]) -> Desk:
        """The desk of whoever is logged in"""
        if not self.is_logged_in:
            raise RpcError(NOT_LOGGED_IN, "Log in first")
        self.user.calls += 1
        return Desk(f"Desk of {self.user.name}", self.user.calls)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Sessions)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["no-internal-error"],
    "methods": ["desk"],
    "why": "after a logout the connection counts as logged in, without a user",
}
