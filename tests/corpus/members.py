"""A club's pages for members, who log in by a method. Correct."""

import secrets
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, Forbidden, LocalBroker, RpcError, WsPathMixin

WRONG_PASSWORD = 4001
PASSWORDS = {"ada": "lovelace", "grace": "hopper"}


@dataclass
class Credentials:
    user: Annotated[str, Meta(min_length=1, max_length=30)]
    password: Annotated[str, Meta(max_length=60)]


@dataclass
class Page:
    title: str
    visits: int


class Members(ApiPath, WsPathMixin):
    user: str | None = None
    visits = 0

    async def ws_rpc_login(self, payload: Credentials) -> str:
        """Log in; a name without an account takes as long as a wrong password"""
        expected = PASSWORDS.get(payload.user, "\0")
        if not secrets.compare_digest(expected.encode(), payload.password.encode()):
            raise RpcError(WRONG_PASSWORD, "Wrong name or password")
        self.user = payload.user
        return payload.user

    async def ws_rpc_logout(self, payload: dict[str, object]) -> None:
        """Log out; nobody has to be logged in for that"""
        self.user = None

    async def ws_rpc_page(self, payload: dict[str, object]) -> Page:
        """The member's own page"""
        if self.user is None:
            raise Forbidden
        self.visits += 1
        return Page(f"Welcome, {self.user}", self.visits)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Members)
    LocalBroker.for_app(app)
    return app


DEFECT = None
ODDITY = "login by a method with an error of its own; without it, calls are forbidden"
