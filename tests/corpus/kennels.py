"""A boarding kennel: staff sign in, take dogs in, and follow how one is doing."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, Forbidden, LocalBroker, Publish, RpcError, Subscribe, WsPathMixin

UNKNOWN_DOG = 1001
WRONG_PIN = 1002


@dataclass
class Badge:
    name: Annotated[str, Meta(min_length=1, max_length=20)]
    pin: str


@dataclass
class NewDog:
    name: Annotated[str, Meta(min_length=1, max_length=30)]
    kilograms: Annotated[float, Meta(gt=0, le=120)]


@dataclass
class Chosen:
    dog_id: int


@dataclass
class Meal:
    dog_id: int
    grams: Annotated[int, Meta(ge=1, le=2000)]


@dataclass
class Dog:
    dog_id: int
    name: str
    grams: int = 0


@dataclass
class Kennel:
    dogs: dict[int, Dog] = field(default_factory=dict)


KENNEL = web.AppKey("KENNEL", Kennel)


class Kennels(ApiPath, WsPathMixin, Subscribe, Publish):
    keeper = ""

    async def on_connect(self) -> None:
        self.followed: list[str] = []
        self.news = 0

    async def on_disconnect(self) -> None:
        for event in self.followed[1:]:
            await self.channels.unregister("kennel", event, self.heard)

    async def authorize(self, action: str, channel: str, event: str) -> bool:
        return action == "subscribe" or channel != "kennel"

    def heard(self, channel: str, event: str, data: Any) -> None:
        self.news += 1

    def dog(self, dog_id: int) -> Dog:
        if not self.keeper:
            raise Forbidden("sign in first")
        if dog_id not in self.request.app[KENNEL].dogs:
            raise RpcError(UNKNOWN_DOG, "Unknown dog")
        return self.request.app[KENNEL].dogs[dog_id]

    async def ws_rpc_sign_in(self, payload: Badge) -> bool:
        """Sign in"""
        if payload.pin != "4912":
            raise RpcError(WRONG_PIN, "Wrong pin")
        self.keeper = payload.name
        return True

    async def ws_rpc_take_in(self, payload: NewDog) -> Dog:
        """Take a dog in"""
        if not self.keeper:
            raise Forbidden("sign in first")
        dogs = self.request.app[KENNEL].dogs
        dog = dogs[len(dogs) + 1] = Dog(len(dogs) + 1, payload.name)
        await self.sockets.publish("kennel", "arrived", {"dog_id": dog.dog_id})
        return dog

    async def ws_rpc_feed(self, payload: Meal) -> Dog:
        """Note a meal"""
        dog = self.dog(payload.dog_id)
        dog.grams += payload.grams
        await self.sockets.publish("kennel", "fed", {"dog_id": dog.dog_id, "grams": dog.grams})
        return dog

    async def ws_rpc_show(self, payload: Chosen) -> Dog:
        """Show a dog"""
        return self.dog(payload.dog_id)

    async def ws_rpc_follow(self, payload: Chosen) -> int:
        """Follow what happens; returns what did so far"""
        self.dog(payload.dog_id)
        for event in ("arrived", "fed"):
            if event not in self.followed:
                self.followed.append(event)
                await self.channels.register("kennel", event, self.heard)
        return self.news


def create_app() -> web.Application:
    app = web.Application()
    app[KENNEL] = Kennel()
    app.router.add_view("/stream", Kennels)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["nothing-left"],
    "methods": ["follow"],
    "why": "of two callbacks only one is unregistered; follow takes two calls before it to succeed",
}
