"""The profile of a user: one for each connection."""

from typing import Annotated

import attrs
from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

Name = Annotated[str, Meta(min_length=1, max_length=40)]
Age = Annotated[int, Meta(ge=0, le=130)]


@attrs.define
class Change:
    name: Name | None = None
    age: Age | None = None
    motto: Annotated[str, Meta(max_length=100)] | None = None


@attrs.define
class Profile:
    name: Name
    age: Age
    motto: str | None


class Profiles(ApiPath, WsPathMixin):
    async def on_connect(self) -> None:
        self.profile = Profile("anonymous", 0, None)

    async def ws_rpc_change(self, payload: Change) -> list[str]:
        """Change what is given, and return its names"""
        changed = [name for name, value in attrs.asdict(payload).items() if value is not None]
        if "name" in changed or "motto" in changed:
            self.profile.name = payload.name
            self.profile.motto = payload.motto
        if "age" in changed:
            self.profile.age = payload.age
        return changed

    async def ws_rpc_show(self, payload: dict[str, object]) -> Profile:
        """The profile as it is"""
        return self.profile


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Profiles)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["conforms", "no-internal-error"],
    "methods": ["show"],
    "why": "who changes the motto alone loses the name, which is null from then on",
}
