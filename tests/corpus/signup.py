"""Registration for a newsletter, with pydantic models."""

from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field, field_validator

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

ALREADY_THERE = 1001

READERS = web.AppKey("READERS", set)


class Registration(BaseModel):
    email: Annotated[str, Field(pattern=r"^[^@\s]{1,30}@[^@\s]{1,30}$")]
    language: Annotated[str, Field(min_length=2, max_length=2)] = "en"

    @field_validator("email", mode="before")
    @classmethod
    def lowercase(cls, value: str) -> str:
        return value.strip().lower()


class Registered(BaseModel):
    email: str
    readers: int


class Signup(ApiPath, WsPathMixin):
    async def ws_rpc_register(self, payload: Registration) -> Registered:
        """Register an address, once"""
        readers = self.request.app[READERS]
        if payload.email in readers:
            raise RpcError(ALREADY_THERE, "This address is registered")
        readers.add(payload.email)
        return Registered(email=payload.email, readers=len(readers))


def create_app() -> web.Application:
    app = web.Application()
    app[READERS] = set()
    app.router.add_view("/stream", Signup)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "refuses",
    "checks": ["no-internal-error"],
    "methods": ["register"],
    "why": "the validator runs before the type check, and fails for an address that is no text",
}
