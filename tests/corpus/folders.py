"""Folders of documents, which can be moved into each other."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NO_SUCH_FOLDER = 1001
ROOT = 0
PARENTS = web.AppKey("PARENTS", dict)

FolderId = Annotated[int, Meta(ge=0, le=1000)]


@dataclass
class Which:
    folder_id: FolderId


@dataclass
class Move:
    folder_id: Annotated[int, Meta(ge=1, le=1000)]
    into: FolderId


@dataclass
class Folder:
    folder_id: FolderId
    parent: FolderId | None


class Folders(ApiPath, WsPathMixin):
    async def ws_rpc_create(self, payload: Which) -> Folder:
        """Create a folder in another one"""
        parents = self.known(payload.folder_id)
        folder_id = len(parents)
        parents[folder_id] = payload.folder_id
        return Folder(folder_id, payload.folder_id)

    async def ws_rpc_move(self, payload: Move) -> Folder:
        """Move a folder into another one"""
        parents = self.known(payload.folder_id, payload.into)
        parents[payload.folder_id] = payload.into
        return Folder(payload.folder_id, payload.into)

    async def ws_rpc_depth(self, payload: Which) -> int:
        """How deep in the tree a folder is"""
        parents = self.known(payload.folder_id)
        folder_id, depth = payload.folder_id, 0
        while folder_id != ROOT:
            folder_id = parents[folder_id]
            depth += 1
        return depth

    def known(self, *folder_ids: int) -> dict[int, int | None]:
        """Return the parents of all folders, and refuse folders that are not there."""
        parents = self.request.app[PARENTS]
        if not parents.keys() >= set(folder_ids):
            raise RpcError(NO_SUCH_FOLDER, "No such folder")
        return parents


def create_app() -> web.Application:
    app = web.Application()
    app[PARENTS] = {ROOT: None, 1: ROOT, 2: ROOT, 3: 2}
    app.router.add_view("/stream", Folders)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["loop-not-blocked", "one-reply-in-time"],
    "methods": ["depth"],
    "why": "a folder that was moved into itself, or below itself, has a depth without end",
}
