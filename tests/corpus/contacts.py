"""An address book that splits full names into what a card shows."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin


@dataclass
class Person:
    full_name: Annotated[str, Meta(min_length=1, max_length=80)]
    phone: Annotated[str, Meta(pattern="^[0-9 +-]{3,20}$")]


@dataclass
class Card:
    first: str
    last: str
    phone: str


class Contacts(ApiPath, WsPathMixin):
    async def ws_rpc_add(self, payload: Person) -> Card:
        """Add a person, and return the card"""
        first, last = payload.full_name.split(" ", 1)
        return Card(first, last, payload.phone)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Contacts)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["no-internal-error"],
    "methods": ["add"],
    "why": "a name of one word cannot be unpacked into two",
}
