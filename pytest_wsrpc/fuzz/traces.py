"""Tracebacks of the server, cut to the frames of the application."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..traces import is_application

_SHOWN = 8

UNKNOWN = "an unknown place"

_ELSEWHERE = "_frames_elsewhere"


def happened_at(error: BaseException, places: Iterable[tuple[str, int, str]]) -> None:
    """Give an exception of another process its frames: file, line and function of each."""
    setattr(error, _ELSEWHERE, [traceback.FrameSummary(*place) for place in places])


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    elsewhere: list[traceback.FrameSummary] = getattr(error, _ELSEWHERE, [])
    return elsewhere or list(traceback.extract_tb(error.__traceback__))


def application_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames from the first of the application's on, none where it has none."""
    frames = _frames(error)
    own = [index for index, frame in enumerate(frames) if is_application(frame.filename)]
    return frames[own[0] :] if own else []


def place(error: BaseException, root: Path) -> str:
    """Return where the application failed, ``myapp.py:12 in ws_rpc_add``."""
    frames = _frames(error)
    own = [frame for frame in frames if is_application(frame.filename)] or frames
    if not own:
        return UNKNOWN
    return f"{relative(own[-1].filename, root)}:{own[-1].lineno} in {own[-1].name}"


def render(error: BaseException, root: Path) -> str:
    """Return the traceback as Python prints it, from the application's first frame on."""
    return "".join([*_lines(error, root), *traceback.format_exception_only(error)]).rstrip()


def stack(error: BaseException, root: Path) -> str:
    """Return the frames alone, and the notes of an exception that has none."""
    return "".join(_lines(error, root)).rstrip() or "\n".join(getattr(error, "__notes__", ()))


def _lines(error: BaseException, root: Path) -> Iterator[str]:
    frames = application_frames(error)
    cut = len(frames) - _SHOWN
    if cut > 0:
        frames = frames[: _SHOWN // 2] + frames[-_SHOWN // 2 :]
    for index, frame in enumerate(frames):
        if cut > 0 and index == _SHOWN // 2:
            yield f"  ... {cut} frames more\n"
        yield f"{relative(frame.filename, root)}:{frame.lineno}: in {frame.name}\n"
        if frame.line:
            yield f"    {frame.line}\n"


def relative(filename: str, root: Path) -> str:
    """Return the file's name as seen from the root directory, if it is below it."""
    try:
        return Path(filename).relative_to(root).as_posix()
    except ValueError:
        return filename
