"""An intercom: whoever rings asks for a door. The sockets are served here."""

from typing import Annotated

from aiohttp import WSMessage, WSMsgType, web
from msgspec import Meta, Struct

from wsrpc import ApiPath, InvalidRequest, LocalBroker, MethodNotFound, RpcError, WsPathMixin
from wsrpc.protocol import BINARY_FRAME, Rejected, decode, encode, error, parse_request, reply
from wsrpc.protocol import unknown_method as unknown
from wsrpc.rpc import methods_of

LINE = web.AppKey("LINE", dict)


class Ring(Struct):
    flat: Annotated[int, Meta(ge=1, le=60)]


class Floor(Struct):
    floor: int


class Intercom(ApiPath, WsPathMixin):
    async def ws_rpc_ring(self, payload: Ring) -> Floor:
        """Ring at a flat; there are four on each floor"""
        return Floor((payload.flat - 1) // 4)

    async def get(self) -> web.StreamResponse:
        socket = web.WebSocketResponse(decode_text=False)
        await socket.prepare(self.request)
        line = self.request.app[LINE]
        line["socket"] = socket
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
            frame = await self.answer(message)
            target = line.get("socket", socket)
            await target.send_str(frame.decode())
        if line.get("socket") is socket:
            del line["socket"]
        return socket

    async def answer(self, message: WSMessage) -> bytes:
        id = method = None
        try:
            if message.type is WSMsgType.BINARY:
                raise InvalidRequest(BINARY_FRAME)
            request = parse_request(decode(message.data))
            id, method = request.id, request.method
            found = methods_of(type(self)).get(method)
            if found is None:
                raise MethodNotFound(errors=unknown(method))
            ring = found.payload.validate(request.payload)
            return reply(id, method, encode(await found.function(self, ring)))
        except Rejected as refused:
            return error(refused.id, refused.method, refused.error)
        except RpcError as refused:
            return error(id, method, refused)


def create_app() -> web.Application:
    app = web.Application()
    app[LINE] = {}
    app.router.add_view("/stream", Intercom)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["right-connection", "one-reply-in-time", "stays-open"],
    "methods": ["ring"],
    "why": "the application remembers one socket, so replies go to whoever connected last",
}
