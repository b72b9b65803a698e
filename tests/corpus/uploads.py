"""Uploads in parts, under ids that nobody can guess. Correct."""

import uuid
from dataclasses import dataclass, field
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NO_SUCH_UPLOAD = 1001
TOO_LARGE = 1002


@dataclass
class Begin:
    name: Annotated[str, Meta(min_length=1, max_length=60)]


@dataclass
class Part:
    upload: uuid.UUID
    text: Annotated[str, Meta(max_length=1000)]


@dataclass
class Which:
    upload: uuid.UUID


@dataclass
class Upload:
    upload: uuid.UUID
    name: str
    parts: list[str] = field(default_factory=list)


class Uploads(ApiPath, WsPathMixin):
    """The uploads of a connection are its own."""

    async def on_connect(self) -> None:
        self.uploads: dict[uuid.UUID, Upload] = {}

    async def ws_rpc_begin(self, payload: Begin) -> Upload:
        """Begin an upload"""
        upload = Upload(uuid.uuid4(), payload.name)
        self.uploads[upload.upload] = upload
        return upload

    async def ws_rpc_add(self, payload: Part) -> int:
        """Add a part; returns the length of all parts"""
        upload = self.uploads.get(payload.upload)
        if upload is None:
            raise RpcError(NO_SUCH_UPLOAD, "No such upload")
        length = sum(map(len, upload.parts)) + len(payload.text)
        if length > 3000:
            raise RpcError(TOO_LARGE, "The upload is too large")
        upload.parts.append(payload.text)
        return length

    async def ws_rpc_discard(self, payload: Which) -> None:
        """Forget an upload; doing it twice is no error"""
        self.uploads.pop(payload.upload, None)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Uploads)
    LocalBroker.for_app(app)
    return app


DEFECT = None
ODDITY = "state of each connection, ids that are random uuids, deletions that may be repeated"
