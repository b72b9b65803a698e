"""Lights of a house. The sockets are served here, for remote controls that say very little."""

from typing import Annotated, Literal

from aiohttp import WSMessage, WSMsgType, web
from msgspec import Meta, Struct

from wsrpc import ApiPath, InvalidRequest, LocalBroker, MethodNotFound, RpcError, WsPathMixin
from wsrpc.protocol import BINARY_FRAME, Rejected, decode, encode, error, parse_request, reply
from wsrpc.protocol import unknown_method as unknown
from wsrpc.rpc import methods_of


class Switch(Struct):
    room: Literal["all", "kitchen", "hall"] = "all"
    percent: Annotated[int, Meta(ge=0, le=100)] = 100


class State(Struct):
    lamps: int
    watts: int


class Lights(ApiPath, WsPathMixin):
    async def ws_rpc_switch(self, payload: Switch) -> State:
        """Dim the lamps of a room, or of all"""
        lamps = {"all": 9, "kitchen": 5, "hall": 4}[payload.room]
        return State(lamps, lamps * payload.percent // 10)

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
            if not request.payload:
                raise InvalidRequest("Malformed message; expected a payload")
            switch = found.payload.validate(request.payload)
            return reply(id, method, encode(await found.function(self, switch)))
        except Rejected as refused:
            return error(refused.id, refused.method, refused.error)
        except RpcError as refused:
            return error(id, method, refused)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Lights)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["valid-accepted"],
    "methods": ["switch"],
    "why": "every field has a default, but an empty payload is taken for none",
}
