"""A calendar of meetings."""

from typing import Annotated, NotRequired, TypedDict

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin


class Meeting(TypedDict):
    title: Annotated[str, Meta(min_length=1, max_length=80)]
    hour: Annotated[int, Meta(ge=0, le=23)]
    room: NotRequired[Annotated[str, Meta(max_length=20)] | None]
    guests: NotRequired[list[Annotated[str, Meta(max_length=40)]]]


class Entry(TypedDict):
    text: str
    guests: int


class Calendar(ApiPath, WsPathMixin):
    async def ws_rpc_plan(self, payload: Meeting) -> Entry:
        """Enter a meeting"""
        text = f"{payload['hour']:02d}:00 {payload['title']}"
        if "room" in payload:
            text += f" ({payload['room'].upper()})"
        return {"text": text, "guests": len(payload.get("guests", []))}


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Calendar)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["no-internal-error"],
    "methods": ["plan"],
    "why": "the room may be absent, and is handled, but also null, and is not",
}
