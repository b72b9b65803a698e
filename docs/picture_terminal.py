"""What a command prints in a terminal, as an SVG: text stays text, readable on light and dark."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from html import escape, unescape
from pathlib import Path

CUT = "…"
"""Stands, alone in a line, where lines were left out."""

PLUGINS = "-p no:cacheprovider -p no:randomly -p no:xdist -p no:pytest_cov -p no:valkey"
"""What a reader has not installed, or what would make a run depend on the one before."""

PALETTE = {
    "back": ("#f6f8fa", "#0d1117"),
    "text": ("#1f2328", "#e6edf3"),
    "black": ("#24292f", "#c9d1d9"),
    "red": ("#b3202c", "#ff8f87"),
    "green": ("#116329", "#6fdd8b"),
    "yellow": ("#7d4e00", "#e3b341"),
    "blue": ("#0550ae", "#89c2ff"),
    "magenta": ("#7a3fc0", "#d8b4fe"),
    "cyan": ("#0a6270", "#5ed3e0"),
    "white": ("#57606a", "#b1bac4"),
    "faint": ("#59636e", "#9ea7b3"),
}
"""Each colour of a terminal, on a light and on a dark page."""

_NAMES = list(PALETTE)
_NORMAL, _FAINT = _NAMES[2:10], _NAMES[10]
_SECONDS = re.compile(r"\b\d+\.\d\d?s( \(\d+:\d\d:\d\d\))?")
_BOLD, _GREY, _PLAIN = "\x1b[1m", "\x1b[90m", "\x1b[0m"
_ESCAPE = re.compile(r"\x1b\[[\d;]*m")

_TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="@width" height="@height" \
viewBox="0 0 @inner_width @inner_height" role="img" aria-labelledby="{unique_id}-title">
<title id="{unique_id}-title">@title</title>
<style>
:root {{ @light }}
@media (prefers-color-scheme: dark) {{ :root {{ @dark }} }}
text {{
font: {char_height}px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
white-space: pre;
}}
{styles}
</style>
<rect width="@inner_width" height="@inner_height" rx="12" fill="var(--back)"/>
<g transform="translate(16 12)">
{matrix}
</g>
</svg>
"""


def run(command: str, directory: Path, *, columns: int, home: Path, options: str) -> str:
    """Run a command as in a terminal so wide; return all that it prints, with its colours.

    The options are given to pytest beside those of the command; what the fuzzer remembers for its
    next run goes into the home. It ends with 0 or 1.
    """
    environment = {name: os.environ[name] for name in os.environ.keys() - {"CI", "BUILD_NUMBER"}}
    environment |= {
        "COLUMNS": str(columns),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(home / "hypothesis"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTEST_ADDOPTS": f"{PLUGINS} --color=yes {options}",
    }
    ended = subprocess.run(
        shlex.split(command),
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if ended.returncode not in (0, 1):
        raise SystemExit(f"{command} ended with {ended.returncode}:\n{ended.stdout}")
    return ended.stdout


def shortened(output: str, spans: tuple[tuple[str, str], ...]) -> str:
    """Return the lines from where the first expression of a span matches to before the second.

    What lies between two spans, and how long anything took, is marked as cut. Expressions see
    lines without their colours; a span whose second is empty is one line.
    """
    lines = output.splitlines()
    bare = [_ESCAPE.sub("", line) for line in lines]
    shown: list[str] = []
    end = 0
    for first, last in spans:
        start = _find(first, bare, end)
        if start > end and any(bare[end:start]):
            shown.append(f"{_GREY}{CUT}{_PLAIN}")
        end = _find(last, bare, start + 1) if last else start + 1
        shown += lines[start:end]
        while not _ESCAPE.sub("", shown[-1]):
            shown.pop()
    return "\n".join(map(_timeless, shown))


def _timeless(line: str) -> str:
    without = _SECONDS.sub(f"{CUT}s", line)
    before, rule, after = without.rpartition("=")
    return before + rule * (1 + len(line) - len(without)) + after


def _find(expression: str, lines: list[str], start: int) -> int:
    for number in range(start, len(lines)):
        if re.match(expression, lines[number]):
            return number
    raise SystemExit(f"no line matches {expression!r} from here:\n" + "\n".join(lines[start:]))


def svg(command: str, output: str, *, name: str, title: str, columns: int, scale: float) -> str:
    """Draw a command and its output; a longer line goes on in the next, as in a terminal."""
    from rich.console import Console
    from rich.terminal_theme import TerminalTheme
    from rich.text import Text

    rows = [
        row
        for line in f"{_BOLD}$ {command}{_PLAIN}\n{output}".splitlines()
        for row in Text.from_ansi(line).divide(range(columns, len(_ESCAPE.sub("", line)), columns))
    ]
    width, height = columns * 12.2 + 32, len(rows) * 24.4 + 24
    values = {
        "title": escape(title),
        "light": _variables(0),
        "dark": _variables(1),
        "inner_width": f"{width:.0f}",
        "inner_height": f"{height:.0f}",
        "width": f"{width * scale:.0f}",
        "height": f"{height * scale:.0f}",
    }
    template = re.sub(r"@(" + "|".join(values) + r")\b", lambda of: values[of[1]], _TEMPLATE)
    # A colour that says which one it is, to be replaced by the name of that of the page.
    marks = {colour: (0, 0, number) for number, colour in enumerate(_NAMES, 1)}
    theme = TerminalTheme(
        marks["back"],
        marks["text"],
        [marks[colour] for colour in _NORMAL],
        [marks[_FAINT], *(marks[colour] for colour in _NORMAL[1:])],
    )
    with open(os.devnull, "w") as nowhere:
        console = Console(
            width=columns, record=True, file=nowhere, force_terminal=True, color_system="truecolor"
        )
        for row in rows:
            console.print(row, soft_wrap=True)
        drawn = console.export_svg(theme=theme, code_format=template, unique_id=name)
    style, end, matrix = drawn.partition("</style>")
    style = re.sub(r"#0000([0-9a-f]{2})", lambda of: _variable(int(of[1], 16)), style)
    matrix = re.sub(r' clip-path="[^"]*"', "", matrix).replace("&#160;", " ")
    matrix = re.sub(r"<text[^>]*>\n</text>", "\n", matrix).replace("</text><text", "</text>\n<text")
    return style + end + matrix


def _variable(number: int) -> str:
    return f"var(--{_NAMES[number - 1]})"


def _variables(side: int) -> str:
    return " ".join(f"--{name}: {colours[side]};" for name, colours in PALETTE.items())


def but_for_numbers(drawing: str) -> str:
    """Return an SVG with each digit of its text as 0, to see whether another differs in more."""
    return re.sub(r">[^<]+<", lambda found: re.sub(r"\d", "0", found[0]), drawing)


def text_of(drawing: str) -> str:
    """Return the text of an SVG that `svg` has drawn, in lines, not always those of the output."""
    return unescape(re.sub(r"<[^>]+>", "", drawing.partition("</style>")[2]))


def lacks(drawing: str, command: str, output: str) -> str:
    """Return the first part of a drawing of a command that is not in its output, else nothing.

    Parts are what lies between cuts. What differs from run to run is left out of account: numbers,
    options, what the fuzzer sends, the phases in which it finds it.
    """
    shown = _stream(text_of(drawing)).removeprefix(_stream(f"$ {command}"))
    whole = _stream(output)
    end = 0
    for part in shown.split(CUT):
        start = whole.find(part, end)
        if start < 0:
            return part
        end = start + len(part)
    return ""


_VARYING = (
    (_ESCAPE.pattern, ""),
    (r"^(/\S+(?: [a-z_]+)?) +\d+ .*", r"\1"),
    (r"^\.\.\.$", CUT),
    (r"\s+", ""),
    (r"--wsrpc-(seed|max-examples)\d+|\(\d:\d\d:\d\d\)", ""),
    ("integerdivisionormodulo", "division"),  # as Python says it up to 3.13
    (r'(?<="payload":){[^{}]*}', "{}"),
    (r",?(sequence|concurrent|pubsub|faults)(?=,|>|$)", ""),
    (r"(?<=\.py)[.F]+", ""),
    (r"[=_-]+|\+(?=\d)", ""),
    (r"[\d.]+", "0"),
)


def _stream(text: str) -> str:
    for pattern, replacement in _VARYING:
        text = re.sub(pattern, replacement, text, flags=re.M)
    return text
