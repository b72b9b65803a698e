"""Exports of a table of customers, with columns of the user's choice."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

EXPORT_FAILED = 2001
CUSTOMERS = [
    {"id": 1, "name": "Ada", "city": "London"},
    {"id": 2, "name": "Grace", "city": "New York"},
]


@dataclass
class Selection:
    columns: Annotated[list[Annotated[str, Meta(max_length=20)]], Meta(max_length=5)]
    header: bool = True


@dataclass
class Table:
    rows: list[list[str]]


class Exports(ApiPath, WsPathMixin):
    async def ws_rpc_export(self, payload: Selection) -> Table:
        """The chosen columns of all customers"""
        try:
            rows = [[str(row[column]) for column in payload.columns] for row in CUSTOMERS]
        except Exception as error:
            raise RpcError(EXPORT_FAILED, f"Export failed: {error!r}") from error
        return Table([payload.columns, *rows] if payload.header else rows)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Exports)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["no-leak"],
    "methods": ["export"],
    "why": "the refusal of an unknown column holds the repr of the server's exception",
}
