"""Orders at the kiosk of a fast-food restaurant. An older gateway serves the sockets."""

from typing import Annotated, Literal

import msgspec
from aiohttp import WSMessage, WSMsgType, web
from msgspec import Meta, Struct

from wsrpc import ApiPath, InvalidRequest, LocalBroker, MethodNotFound, RpcError, WsPathMixin
from wsrpc.protocol import BINARY_FRAME, Rejected, decode, encode, error, parse_request, reply
from wsrpc.protocol import unknown_method as unknown
from wsrpc.rpc import methods_of


class Order(Struct):
    menu: Literal["burger", "salad", "soup"]
    count: Annotated[int, Meta(ge=1, le=20)]
    to_go: bool = False


class Bill(Struct):
    cents: int


class Kiosk(ApiPath, WsPathMixin):
    async def ws_rpc_order(self, payload: Order) -> Bill:
        """Order a menu"""
        cents = {"burger": 790, "salad": 650, "soup": 420}[payload.menu]
        return Bill(cents * payload.count + 50 * payload.to_go)

    async def get(self) -> web.StreamResponse:
        socket = web.WebSocketResponse(decode_text=False)
        await socket.prepare(self.request)
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
            await socket.send_str((await self.answer(message)).decode())
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
            try:
                order = msgspec.convert(request.payload, Order, strict=False)
            except msgspec.ValidationError:
                order = found.payload.validate(request.payload)  # it names all that is wrong
            return reply(id, method, encode(await found.function(self, order)))
        except Rejected as refused:
            return error(refused.id, refused.method, refused.error)
        except RpcError as refused:
            return error(id, method, refused)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Kiosk)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "refuses",
    "checks": ["invalid-refused"],
    "methods": ["order"],
    "why": "numbers for booleans, and texts for numbers, are converted instead of refused",
}
