"""A translation service with a small dictionary."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

WORDS = {
    "de": {"hello": "hallo", "world": "welt", "good": "gut"},
    "fr": {"hello": "bonjour", "world": "monde", "good": "bon"},
}


@dataclass
class Text:
    words: Annotated[list[Literal["hello", "world", "good"]], Meta(min_length=1, max_length=5)]
    language: Literal["de", "fr"]


@dataclass
class Translation:
    text: str
    language: str


class Translator(ApiPath, WsPathMixin):
    job: Text

    async def ws_rpc_translate(self, payload: Text) -> Translation:
        """Translate some words"""
        self.job = payload
        words = [await self.look_up(word) for word in payload.words]
        return Translation(" ".join(words), self.job.language)

    async def look_up(self, word: str) -> str:
        await asyncio.sleep(0.002)
        return WORDS[self.job.language][word]


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Translator)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["serial"],
    "methods": ["translate"],
    "why": "the job is kept in the connection, where the next call overwrites it",
}
