"""A playlist that everybody may change, and export with the length of each song."""

import asyncio
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NO_SUCH_SONG = 1001
SONGS = web.AppKey("SONGS", dict)

Title = Annotated[str, Meta(min_length=1, max_length=40)]


class Song(Struct):
    title: Title


class Length(Struct):
    title: Title
    seconds: int


class Playlists(ApiPath, WsPathMixin):
    async def ws_rpc_add(self, payload: Song) -> int:
        """Add a song; returns how many there are"""
        songs = self.request.app[SONGS]
        songs[payload.title] = 180 + len(payload.title)
        return len(songs)

    async def ws_rpc_remove(self, payload: Song) -> int:
        """Remove a song; returns how many there are"""
        songs = self.request.app[SONGS]
        if payload.title not in songs:
            raise RpcError(NO_SUCH_SONG, "No such song")
        del songs[payload.title]
        return len(songs)

    async def ws_rpc_export(self, payload: dict[str, object]) -> list[Length]:
        """All songs with their lengths"""
        lengths = []
        for title, seconds in self.request.app[SONGS].items():
            await asyncio.sleep(0.002)  # the file is read
            lengths.append(Length(title, seconds))
        return lengths


def create_app() -> web.Application:
    app = web.Application()
    app[SONGS] = {"Blue in Green": 337, "So What": 562}
    app.router.add_view("/stream", Playlists)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["no-internal-error", "serial"],
    "methods": ["export"],
    "why": "a song that is added during an export changes the dictionary that is iterated",
}
