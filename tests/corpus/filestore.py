"""A store of small text files with names."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NO_SUCH_FILE = 1001
FILES = web.AppKey("FILES", dict)

Name = Annotated[str, Meta(min_length=1, max_length=30)]


class File(Struct):
    name: Name
    text: Annotated[str, Meta(max_length=200)] = ""


class Rename(Struct):
    old: Name
    new: Name


class Which(Struct):
    name: Name


class Files(ApiPath, WsPathMixin):
    async def ws_rpc_write(self, payload: File) -> Which:
        """Write a file, whether it is there or not"""
        self.request.app[FILES][payload.name] = payload.text
        return Which(payload.name)

    async def ws_rpc_names(self, payload: dict[str, object]) -> list[Name]:
        """The names of all files"""
        return sorted(self.request.app[FILES])

    async def ws_rpc_rename(self, payload: Rename) -> File:
        """Give a file another name; a file of that name is replaced"""
        files = self.request.app[FILES]
        if payload.old not in files:
            raise RpcError(NO_SUCH_FILE, "No such file")
        files[payload.new] = files[payload.old]
        del files[payload.old]
        return File(payload.new, files[payload.new])


def create_app() -> web.Application:
    app = web.Application()
    app[FILES] = {}
    app.router.add_view("/stream", Files)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["no-internal-error"],
    "methods": ["rename"],
    "why": "a file that is given its own name is deleted",
}
