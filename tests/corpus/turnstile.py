"""Turnstiles of a stadium. Their firmware is old, so the sockets are served here."""

from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, InvalidRequest, LocalBroker, MethodNotFound, RpcError, WsPathMixin
from wsrpc.protocol import BINARY_FRAME, Rejected, decode, error, parse_request, reply
from wsrpc.protocol import unknown_method as unknown
from wsrpc.rpc import methods_of


class Pass(Struct):
    code: Annotated[str, Meta(pattern="^[0-9]{8}$")]
    gate: Annotated[int, Meta(ge=1, le=40)]


class Entry(Struct):
    open: bool
    seconds: int


class Turnstile(ApiPath, WsPathMixin):
    async def ws_rpc_enter(self, payload: Pass) -> Entry:
        """Show a pass; the last digit is its checksum"""
        is_good = sum(map(int, payload.code)) % 10 == 0
        return Entry(is_good, 8 if is_good else 0)

    async def get(self) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(self.request)
        async for message in socket:
            if message.type is web.WSMsgType.ERROR:
                break
            if message.type is web.WSMsgType.BINARY:
                frame = error(None, None, InvalidRequest(BINARY_FRAME))
            else:
                frame = await self.answer(message.data)
            await socket.send_str(frame.decode())
        return socket

    async def answer(self, text: str) -> bytes:
        id = method = None
        try:
            request = parse_request(decode(text))
            id, method = request.id, request.method
            found = methods_of(type(self)).get(method)
            if found is None:
                raise MethodNotFound(errors=unknown(method))
            entry = await found.function(self, found.payload.validate(request.payload))
            return reply(id, method, msgspec.json.encode(entry))
        except Rejected as refused:
            return error(refused.id, refused.method, refused.error)
        except RpcError as refused:
            return error(id, method, refused)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Turnstile)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "protocol",
    "checks": ["stays-open"],
    "methods": [],
    "why": "aiohttp decodes text frames, and closes the connection for one that is not UTF-8",
}
