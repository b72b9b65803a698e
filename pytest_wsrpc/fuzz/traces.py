"""Tracebacks of the server, cut to the frames of the application."""

from __future__ import annotations

import traceback
from pathlib import Path

from ..traces import is_application

_SHOWN = 8


def application_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames from the first of the application's on, none where it has none."""
    frames = list(traceback.extract_tb(error.__traceback__))
    own = [index for index, frame in enumerate(frames) if is_application(frame.filename)]
    return frames[own[0] :] if own else []


def place(error: BaseException, root: Path) -> str:
    """Return where the application failed, ``myapp.py:12 in ws_rpc_add``."""
    frames = list(traceback.extract_tb(error.__traceback__))
    own = [frame for frame in frames if is_application(frame.filename)] or frames
    if not own:
        return "an unknown place"
    return f"{relative(own[-1].filename, root)}:{own[-1].lineno} in {own[-1].name}"


def render(error: BaseException, root: Path) -> str:
    """Return the traceback as Python prints it, from the application's first frame on."""
    frames = application_frames(error)
    cut = len(frames) - _SHOWN
    if cut > 0:
        frames = frames[: _SHOWN // 2] + frames[-_SHOWN // 2 :]
    lines = []
    for index, frame in enumerate(frames):
        if cut > 0 and index == _SHOWN // 2:
            lines.append(f"  ... {cut} frames more\n")
        lines.append(f"{relative(frame.filename, root)}:{frame.lineno}: in {frame.name}\n")
        if frame.line:
            lines.append(f"    {frame.line}\n")
    lines.extend(traceback.format_exception_only(error))
    return "".join(lines).rstrip()


def relative(filename: str, root: Path) -> str:
    """Return the file's name as seen from the root directory, if it is below it."""
    try:
        return Path(filename).relative_to(root).as_posix()
    except ValueError:
        return filename
