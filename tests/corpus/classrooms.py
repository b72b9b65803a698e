"""Classrooms, each at a path of its own, with raised hands. Correct."""

from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, model_validator

from wsrpc import ApiPath, LocalBroker, Publish, RpcError, Subscribe, WsPathMixin

NO_SUCH_PUPIL = 1001
HANDS = web.AppKey("HANDS", dict)


class Pupil(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=30)]


class Question(Pupil):
    topic: Annotated[str, Field(max_length=60)] | None = None
    urgent: bool = False

    @model_validator(mode="after")
    def urgent_needs_topic(self) -> "Question":
        if self.urgent and self.topic is None:
            raise ValueError("an urgent question needs a topic")
        return self


class Waiting(BaseModel):
    names: list[str]


class Classroom(ApiPath, WsPathMixin, Subscribe, Publish):
    @property
    def hands(self) -> dict[str, str | None]:
        room = self.request.match_info["room"]
        return self.request.app[HANDS].setdefault(room, {})

    async def ws_rpc_raise_hand(self, payload: Question) -> Waiting:
        """Raise a hand; names are the same in upper and lower case"""
        self.hands[payload.name.casefold()] = payload.topic
        return Waiting(names=list(self.hands))

    async def ws_rpc_answer(self, payload: Pupil) -> Waiting:
        """Answer a pupil whose hand is up"""
        if payload.name.casefold() not in self.hands:
            raise RpcError(NO_SUCH_PUPIL, "This pupil asks nothing")
        del self.hands[payload.name.casefold()]
        return Waiting(names=list(self.hands))


def create_app() -> web.Application:
    app = web.Application()
    app[HANDS] = {}
    app.router.add_view("/rooms/{room:[a-z0-9]+}", Classroom)
    LocalBroker.for_app(app)
    return app


DEFECT = None
ODDITY = "a path parameter, pydantic models with a rule across fields, names without case"
OPTIONS = ["--wsrpc-param", "room=5b"]
