"""A print shop. It serves its sockets itself, as it did before it took its types from wsrpc."""

from typing import Annotated

from aiohttp import WSMessage, WSMsgType, web
from msgspec import Meta, Struct

from wsrpc import ApiPath, InvalidRequest, LocalBroker, MethodNotFound, RpcError, WsPathMixin
from wsrpc.protocol import BINARY_FRAME, Rejected, decode, encode, error, parse_request, reply
from wsrpc.protocol import unknown_method as unknown
from wsrpc.rpc import methods_of


class Job(Struct):
    title: Annotated[str, Meta(min_length=1, max_length=60)]
    pages: Annotated[int, Meta(ge=1, le=500)]


class Sheets(Struct):
    sheets: int


class PrintShop(ApiPath, WsPathMixin):
    async def ws_rpc_print(self, payload: Job) -> Sheets:
        """Print both sides"""
        return Sheets((payload.pages + 1) // 2)

    async def get(self) -> web.StreamResponse:
        socket = web.WebSocketResponse(decode_text=False)
        await socket.prepare(self.request)
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
            await self.answer(socket, message)
        return socket

    async def answer(self, socket: web.WebSocketResponse, message: WSMessage) -> None:
        id = method = None
        try:
            if message.type is WSMsgType.BINARY:
                raise InvalidRequest(BINARY_FRAME)
            request = parse_request(decode(message.data))
            id, method = request.id, request.method
            found = methods_of(type(self)).get(method)
            if found is None:
                raise MethodNotFound(errors=unknown(method))
            job = found.payload.validate(request.payload)
            if job.pages > 100:
                # large jobs keep people waiting: tell them that it was understood
                await socket.send_str(reply(id, method, encode(Sheets(0))).decode())
            frame = reply(id, method, encode(await found.function(self, job)))
        except Rejected as refused:
            frame = error(refused.id, refused.method, refused.error)
        except RpcError as refused:
            frame = error(id, method, refused)
        await socket.send_str(frame.decode())


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", PrintShop)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["one-reply-in-time"],
    "methods": ["print"],
    "why": "large jobs are answered twice, first that they were understood",
}
