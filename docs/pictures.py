"""Make the pictures of docs/pictures/ from real runs.

    pip install -e '.[report]' --group docs
    python docs/pictures.py [--only terminal|pages] [--chromium PATH] [NAME ...]

Those of terminals are SVG, in two widths each; those of pages are PNG, in two widths and in light
and dark, and need a Chromium. A drawing that differs from the one that is there in numbers alone,
such as how long something took, stays as it is.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import picture_browser as browser
import picture_terminal as terminal

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
PICTURES = DOCS / "pictures"

WIDE, NARROW = 88, 46
"""Columns of a terminal on a desk, and of one that a phone can show in letters to be read."""

DESK, PHONE = 1000, 390
"""Pixels of CSS."""

Spans = tuple[tuple[str, str], ...]

_TITLED = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.M | re.S)
_START = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d\.\d+\S*)?")


@dataclass(frozen=True)
class Terminal:
    """A command, and what of its output is shown."""

    name: str
    title: str
    command: str
    spans: Spans
    narrow: Spans | None = None
    """What is shown on a phone, where that is less."""
    page: str = ""
    """The page of docs/ whose files it runs on; else it runs on the project itself."""


@dataclass(frozen=True)
class Page:
    """A page that a command writes, and the height of its top that is shown."""

    name: str
    command: str
    desk_height: int
    phone_height: int
    page: str = ""


FUZZ = "pytest --wsrpc-fuzz examples.trading_buggy:create_app --wsrpc-seed 1"

FOUND = (r"examples/trading_buggy\.py", "=+ FAILURES")
BUG = ("_+ create_app::/stream::place_order::accepts", "as a test:")
TABLE = ("=+ wsrpc fuzz", "not run: ")
LAST = (r"=+ \d+ failed", "")
TEST = ("=+ FAILURES", "=+ short test summary")
BEFORE_LOG = ("=+ FAILURES", "-+ Captured log")
CONVERSATIONS = ("-+ Conversation of ", "=+ short test summary")

TERMINALS = (
    Terminal(
        "fuzz",
        "pytest --wsrpc-fuzz finds two bugs in an application, and explains them",
        FUZZ,
        (FOUND, BUG, TABLE, LAST),
        (FOUND, BUG, LAST),
    ),
    Terminal(
        "failed-test",
        "A failed test, with the conversation of each client and the exception of the server",
        "pytest -q test_failing.py",
        (BEFORE_LOG, CONVERSATIONS),
        page="testing.md",
    ),
    Terminal(
        "waiting",
        "A test that waits for what cannot come has failed, and says what each task waits for",
        "pytest -q test_wait.py",
        (TEST,),
        page="time.md",
    ),
)

PAGES = (
    Page("report", FUZZ, 1050, 1225),
    Page(
        "asyncapi",
        "python -m wsrpc describe library:create_app"
        " --title Library --version 3.1.0 --format html --output OUTPUT",
        1235,
        1318,
        page="asyncapi.md",
    ),
)


def files_of(page: str, directory: Path) -> None:
    """Write the files whose content a page of docs/ shows."""
    for name, content in _TITLED.findall((DOCS / page).read_text()):
        (directory / name).write_text(content)


@cache
def ran(command: str, page: str, columns: int) -> tuple[str, str]:
    """Run a command; return its output, and the page that it writes: as OUTPUT, or a report."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        written = home / "output.html"
        if page:
            files_of(page, home)
        printed = terminal.run(
            command.replace("OUTPUT", str(written)),
            home if page else ROOT,
            columns=columns,
            home=home,
            options=f"--wsrpc-report={written}" if "--wsrpc-fuzz" in command else "",
        )
        return printed, written.read_text("utf-8") if written.exists() else ""


def terminals(picture: Terminal) -> None:
    """Draw what a command prints, wide and narrow."""
    for columns, suffix in ((WIDE, ""), (NARROW, "-narrow")):
        spans = picture.narrow if suffix and picture.narrow else picture.spans
        printed, _ = ran(picture.command, picture.page, columns)
        drawn = terminal.svg(
            picture.command,
            terminal.shortened(printed, spans),
            name=f"{picture.name}{suffix}",
            title=picture.title,
            columns=columns,
            scale=0.64,
        )
        path = PICTURES / f"{picture.name}{suffix}.svg"
        if path.exists() and terminal.but_for_numbers(path.read_text()) == (
            terminal.but_for_numbers(drawn)
        ):
            print(f"docs/pictures/{path.name}: the same, but for numbers")
        else:
            _write(path.name, drawn.encode())


def pages(picture: Page, program: str) -> None:
    """Photograph a page on a desk and a phone, light and dark."""
    _, html = ran(picture.command, picture.page, WIDE)
    with tempfile.TemporaryDirectory() as scratch:
        shown = Path(scratch, "page.html")
        shown.write_text(_START.sub("2026-01-31 12:00", html), "utf-8")
        for suffix, scale, size in (
            ("", 1.5, (DESK, picture.desk_height)),
            ("-phone", 2, (PHONE, picture.phone_height)),
        ):
            for scheme in browser.SCHEMES:
                target = Path(scratch, "picture.png")
                browser.photograph(program, shown, target, size, scheme, scale)
                _write(f"{picture.name}{suffix}-{scheme}.png", target.read_bytes())


def _write(name: str, content: bytes) -> None:
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / name).write_bytes(content)
    print(f"docs/pictures/{name}: {len(content):,} bytes", flush=True)


def files() -> set[str]:
    """Return the names of all pictures."""
    drawn = {f"{one.name}{suffix}.svg" for one in TERMINALS for suffix in ("", "-narrow")}
    return drawn | {
        f"{one.name}{suffix}-{scheme}.png"
        for one in PAGES
        for suffix in ("", "-phone")
        for scheme in browser.SCHEMES
    }


def _need(module: str) -> None:
    try:
        import_module(module)
    except ModuleNotFoundError:
        raise SystemExit(
            f"Pictures need {module}, which is not installed:"
            " pip install -e '.[report]' --group docs"
        ) from None


def main(arguments: list[str]) -> None:
    """Make all pictures, or those that are chosen; remove those that are made no more."""
    parser = argparse.ArgumentParser(description="Make the pictures of docs/pictures/.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="make only these")
    parser.add_argument("--only", choices=("terminal", "pages"), help="make only these kinds")
    parser.add_argument("--chromium", metavar="PATH", help="the browser for pictures of pages")
    options = parser.parse_args(arguments)
    known = [one.name for one in (*TERMINALS, *PAGES)]
    for name in options.names:
        if name not in known:
            parser.error(f"there is no picture {name}; there are {', '.join(known)}")

    def chosen(kind: str, name: str) -> bool:
        return options.only in (None, kind) and (not options.names or name in options.names)

    drawn = [one for one in TERMINALS if chosen("terminal", one.name)]
    photographed = [one for one in PAGES if chosen("pages", one.name)]
    program = browser.chromium(options.chromium) if photographed else ""
    for module in [*["rich"] * bool(drawn), *["jinja2", "PIL"] * bool(photographed)]:
        _need(module)
    for picture in drawn:
        terminals(picture)
    for page in photographed:
        pages(page, program)
    for path in PICTURES.iterdir():
        if path.name not in files():
            path.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
