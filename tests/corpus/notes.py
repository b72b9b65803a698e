"""Notes, numbered from one; the first one greets new users."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NO_SUCH_NOTE = 1001
NOTES = web.AppKey("NOTES", dict)

NoteId = Annotated[int, Meta(ge=1, le=100_000)]


class Text(Struct):
    text: Annotated[str, Meta(max_length=200)]


class Which(Struct):
    note_id: NoteId


class Note(Struct):
    note_id: NoteId
    text: str


class Notes(ApiPath, WsPathMixin):
    async def ws_rpc_create(self, payload: Text) -> Note:
        """Write a note"""
        notes = self.request.app[NOTES]
        note = Note(len(notes) + 1, payload.text)
        if note.note_id in notes:
            raise RuntimeError(f"note {note.note_id} would be overwritten")
        notes[note.note_id] = note
        return note

    async def ws_rpc_read(self, payload: Which) -> Note:
        """Read a note"""
        return self.find(payload.note_id)

    async def ws_rpc_delete(self, payload: Which) -> Note:
        """Throw a note away"""
        note = self.find(payload.note_id)
        del self.request.app[NOTES][note.note_id]
        return note

    def find(self, note_id: int) -> Note:
        note = self.request.app[NOTES].get(note_id)
        if note is None:
            raise RpcError(NO_SUCH_NOTE, "No such note")
        return note


def create_app() -> web.Application:
    app = web.Application()
    app[NOTES] = {1: Note(1, "Welcome!")}
    app.router.add_view("/stream", Notes)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["no-internal-error"],
    "methods": ["create"],
    "why": "ids are counted from what is there, so after a deletion the next one is taken",
}
