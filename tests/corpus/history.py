"""The history of a chat, read page by page, latest first."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NO_SUCH_MESSAGE = 1001

MessageId = Annotated[int, Meta(ge=1, le=10_000)]


@dataclass
class Query:
    before: MessageId | None = None
    limit: Annotated[int, Meta(ge=1, le=50)] = 3


@dataclass
class Which:
    message_id: MessageId


@dataclass
class Message:
    message_id: MessageId
    text: str


@dataclass
class Page:
    messages: list[Message]
    before: MessageId | None


class Log:
    def __init__(self) -> None:
        self.messages = [Message(id, f"message {id}") for id in range(9, 0, -1)]
        self.known = {message.message_id for message in self.messages}


LOG = web.AppKey("LOG", Log)


class History(ApiPath, WsPathMixin):
    async def ws_rpc_page(self, payload: Query) -> Page:
        """A page of messages, and the cursor of the next one"""
        log = self.request.app[LOG]
        start = 0
        if payload.before is not None:
            if payload.before not in log.known:
                raise RpcError(NO_SUCH_MESSAGE, "No such message")
            start = [message.message_id for message in log.messages].index(payload.before) + 1
        page = log.messages[start : start + payload.limit]
        return Page(page, page[-1].message_id if page else None)

    async def ws_rpc_delete(self, payload: Which) -> Which:
        """Delete a message; doing it twice is no error"""
        log = self.request.app[LOG]
        log.messages = [one for one in log.messages if one.message_id != payload.message_id]
        return payload


def create_app() -> web.Application:
    app = web.Application()
    app[LOG] = Log()
    app.router.add_view("/stream", History)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["no-internal-error"],
    "methods": ["page"],
    "why": "the message that a cursor names may have been deleted meanwhile",
}
