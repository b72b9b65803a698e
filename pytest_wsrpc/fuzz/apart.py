"""Cases played each in a process of its own, where a handler can be killed but not interrupted.

Slow, so that it is only for what a probe has shown to need it: code in C that never returns, and
handlers that end or crash the process.
"""

from __future__ import annotations

import io
import pickle
import time
import types
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pytest_wsrpc.traces import Place
from pytest_wsrpc.transcript import Transcript
from wsrpc import Websocket
from wsrpc.failures import Failure

from .blocking import blame
from .case import Case, Exchange, request
from .child import Ended, Note, run_in_child
from .containing import ProcessEnded
from .conversation import Conversation
from .held import Held, LoopHeld
from .record import Happening, Record
from .traces import application_frames, happened_at

LOST = 1006

QUIET = 2.0
"""Seconds without a word after which a case is taken to hang: it was seen to before."""

LIMIT = 30.0
"""Seconds that a case may take at most."""

Alive = Callable[[], None]
Play = Callable[[Case | Conversation, Alive], Exchange | Record]
"""Called in the child; to call the second argument is to say that it goes on."""


class ServerError(Exception):
    """Stands for an exception of a server in another process; its text has the traceback."""


def play_apart(
    play: Play, case: Case | Conversation, timeout: float, *, quiet: float | None = None
) -> Exchange | Record:
    """Play a case in a child, and return what came back, or that it was killed.

    `play` makes all it needs in the child: a loop cannot be taken over. Raises what it raises as
    `ServerError`.
    """
    quiet = QUIET if quiet is None else quiet
    shared = _shared(case)

    def in_child(note: Note) -> bytes:  # pragma: no cover - it is not measured
        return _dumped(play(case, lambda: note("")), shared)

    ended: Ended[bytes] = run_in_child(in_child, quiet=quiet, limit=LIMIT)
    if ended.how == "returned":
        assert ended.value is not None
        played: Exchange | Record = _Unpickler(io.BytesIO(ended.value), shared).load()
        return played
    if ended.how == "raised":
        raise ServerError(ended.detail)
    if ended.how == "died":
        died = ProcessEnded(ended.detail)
        happened_at(died, map(_frame, ended.stack))
        return ended_by(case, died, timeout)
    played = _unanswered(case, timeout)
    if ended.how == "over":
        for last in _calls(played)[-1:]:
            last.silent = True
        return played
    held = Held(quiet, ended.stack, bool(ended.stack), is_over=False)
    error = LoopHeld(f"the event loop was {held}")
    happened_at(error, map(_frame, ended.stack))
    blame(played, replace(held, exception=error))
    return played


def ended_by(case: Case | Conversation, ended: ProcessEnded, timeout: float) -> Exchange | Record:
    """Make up the record of a case that ended its process, or would have."""
    played = _unanswered(case, timeout)
    for last in _calls(played)[-1:]:
        last.close_code = LOST
        last.failures.append(Failure(ended, "the process"))
    return played


def _calls(played: Exchange | Record) -> list[Exchange]:
    return [played] if isinstance(played, Exchange) else played.calls


def _unanswered(case: Case | Conversation, timeout: float) -> Exchange | Record:
    if isinstance(case, Case):
        return _exchange(case, timeout)
    record = Record(case, timeout)
    for number, call in enumerate(case.calls):
        sent = request(case.endpoint, call.method, call.id, dict(call.payload))
        exchange = _exchange(sent, timeout)
        exchange.client, exchange.call = call.client, number
        record.calls.append(exchange)
        record.transcripts.setdefault(call.client, exchange.transcript)
        text = sent.frame if isinstance(sent.frame, str) else ""
        record.trace.append(Happening("sent", 0.0, call.client, number, text=text))
    return record


def _exchange(case: Case, timeout: float) -> Exchange:
    transcript = Transcript()
    transcript.record("sent", case.frame)
    return Exchange(case, transcript, timeout)


# Between the processes: what was there before the child is named by its number only.


def _shared(case: Case | Conversation) -> Sequence[object]:
    endpoint = case.endpoint
    return (case, endpoint, endpoint.view, *endpoint.methods.values())


def _dumped(played: Exchange | Record, shared: Sequence[object]) -> bytes:
    file = io.BytesIO()
    _Pickler(file, shared).dump(played)
    return file.getvalue()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, shared: Sequence[object]) -> None:
        super().__init__(file)
        self._numbers = {id(one): number for number, one in enumerate(shared)}

    def persistent_id(self, obj: object) -> int | None:
        return self._numbers.get(id(obj))

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, BaseException):
            frames = [
                (frame.filename, frame.lineno or 0, frame.name) for frame in application_frames(obj)
            ]
            return _error, (type(obj).__qualname__, str(obj), frames)
        if isinstance(obj, float):
            return float, (float(obj),)  # the time of a timer knows its task
        if isinstance(obj, Websocket):
            return type(None), ()
        if isinstance(obj, types.MethodType):
            return _clock, ()  # that of a loop which is gone
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, shared: Sequence[object]) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_load(self, number: int) -> object:
        return self._shared[number]


def _clock() -> Callable[[], float]:
    return time.monotonic


def _error(name: str, text: str, frames: list[tuple[str, int, str]]) -> Exception:
    kind = type(name, (ServerError,), {"__module__": __name__})
    error: Exception = kind(text)
    happened_at(error, frames)
    return error


def _frame(place: Place) -> tuple[str, int, str]:
    return place.filename, place.lineno, place.function
