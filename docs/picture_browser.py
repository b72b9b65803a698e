"""Photographs of pages, made with a Chromium without a window."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SCHEMES = ("dark", "light")
"""In the order of Chromium's numbers for the colours that a reader prefers."""

COLOURS = 128
"""Enough for pages of text with smooth edges, and a third of the bytes."""

MOST_BYTES = 150_000


def chromium(chosen: str | None) -> str:
    """Return the program: the chosen one, else `$CHROMIUM`, else one on PATH."""
    named = chosen or os.environ.get("CHROMIUM")
    for program in (named,) if named else PROGRAMS:
        found = shutil.which(program)
        if found:
            return found
    missing = f"{named} is no program" if named else f"none of {', '.join(PROGRAMS)} is on PATH"
    raise SystemExit(
        f"Pictures of pages need Chromium or Chrome, and {missing}. Install it, as with"
        " `apt install chromium`, or say where it is: --chromium PATH, or CHROMIUM=PATH in the"
        " environment. `--only terminal` needs none."
    )


def photograph(
    program: str, page: Path, target: Path, size: tuple[int, int], scheme: str, scale: float
) -> None:
    """Write the top of a page, as a window so large and dense shows it, as a small PNG."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as home:
        whole = Path(home, "whole.png")
        shown = subprocess.run(
            [
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--blink-settings=preferredColorScheme={SCHEMES.index(scheme)}",
                f"--force-device-scale-factor={scale}",
                f"--window-size={size[0]},{size[1]}",
                f"--user-data-dir={home}/profile",
                f"--screenshot={whole}",
                page.as_uri(),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        if not whole.exists():
            raise SystemExit(f"{program} made no picture of {page}:\n{shown.stdout}")
        with Image.open(whole) as picture:
            few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            few.save(target, optimize=True)
    if target.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{target} has {target.stat().st_size:,} bytes, more than {MOST_BYTES:,}")
