"""Every code block of README.md and docs/ runs.

The blocks of a page run from top to bottom in one directory; a block in an HTML comment is set-up
that the reader does not see.

``python``, ``toml``, ``ini`` with ``title="NAME"``
    becomes that file. A test module runs at once and must pass, unless a ``console`` block of the
    page names it and so tells how it ends.
``python`` without a title
    runs in the page's namespace, ``await`` included.
``json send`` and ``json receive``
    go through the open websocket that the page's namespace calls ``websocket``.
``json``
    is JSON.
``console``
    lines with ``$`` are commands; what follows is their output, where ``...`` alone on a line
    stands for any lines; durations, seeds, shares and paths are left out of account.
``sh``
    is one of the two commands of README, which need a new clone: ``.ci/run`` runs them.
"""

import ast
import asyncio
import inspect
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_wsrpc import FaultPlan, NetworkLink, serve, strategies
from pytest_wsrpc.conformance import CLAUSES
from pytest_wsrpc.faults import EFFECTS, MATCHERS, POINTS
from pytest_wsrpc.faults.table import SELECTION
from pytest_wsrpc.fuzz import hooks
from pytest_wsrpc.fuzz.catalogue import CHECKS
from pytest_wsrpc.fuzz.phases import PHASES
from pytest_wsrpc.settings import STRICT_KINDS
from wsrpc import Limits
from wsrpc.asyncapi import add_asyncapi

FEW = " -o wsrpc_max_examples=20 --wsrpc-seed=2"
"""How the fuzzer runs here, unless the command says: what is found and how short it becomes within
the time that is given to it is a matter of chance, also of how busy the machine is."""

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

FENCE = re.compile(r"^```(?P<language>\w+)(?P<info>[^\n]*)\n(?P<code>.*?)^```$", re.M | re.S)
TITLE = re.compile(r'title="([^"]+)"')


@dataclass
class Block:
    language: str
    info: str
    code: str
    line: int

    @property
    def title(self) -> str | None:
        found = TITLE.search(self.info)
        return found and found[1]


def blocks_of(text: str) -> list[Block]:
    return [
        Block(
            found["language"],
            found["info"].strip(),
            found["code"],
            text.count("\n", 0, found.start("code")),
        )
        for found in FENCE.finditer(text)
    ]


class Page:
    """One page being run, in the current directory."""

    def __init__(self, path: Path, runner: asyncio.Runner) -> None:
        self.path = path
        self.runner = runner
        self.blocks = blocks_of(path.read_text())
        self.module = ModuleType(f"page_{path.stem}")
        self.namespace: dict[str, Any] = vars(self.module)
        self.shown = "\n".join(b.code for b in self.blocks if b.language == "console")

    def run(self, block: Block) -> None:
        kind = "file" if block.title else f"{block.language} {block.info}".strip()
        getattr(self, "run_" + kind.replace(" ", "_"))(block)

    def run_file(self, block: Block) -> None:
        Path(block.title).write_text(block.code)
        if block.title.startswith("test_") and block.title not in self.shown:
            run = shell(f"pytest {block.title}")
            if run.returncode:
                pytest.fail(run.stdout)

    def run_python(self, block: Block) -> None:
        code = compile(
            "\n" * block.line + block.code,
            str(self.path),
            "exec",
            flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        )

        async def run() -> None:
            result = eval(code, self.namespace)
            if result is not None:
                await result

        self.runner.run(run())

    def run_json(self, block: Block) -> None:
        json.loads(block.code)

    def run_json_send(self, block: Block) -> None:
        self.runner.run(self.namespace["websocket"].send_str(block.code))

    def run_json_receive(self, block: Block) -> None:
        websocket = self.namespace["websocket"]
        received = self.runner.run(asyncio.wait_for(websocket.receive_json(), 5))
        assert received == json.loads(block.code), f"{self.path.name}, line {block.line}"

    def run_console(self, block: Block) -> None:
        for command, expected in commands_of(block.code):
            for _ in range(2):  # as it is a matter of chance how short a failing case becomes
                run = shell(command, FEW if "--wsrpc-fuzz" in command else "")
                if matches(expected, run.stdout):
                    break
            else:
                pytest.fail(f"{self.path.name}, line {block.line}: {command}\n{run.stdout}")

    def run_sh(self, block: Block) -> None:
        assert self.path.name == "README.md"
        assert block.code.count("\n") == 1
        assert block.code.startswith("python3 -m venv ")


def shell(command: str, options: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command as a reader would: with this project alone beside pytest, not under CI."""
    environment = {name: os.environ[name] for name in os.environ.keys() - {"CI", "BUILD_NUMBER"}}
    environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    others = "-p no:randomly -p no:xdist -p no:pytest_cov -p no:valkey"
    environment["PYTEST_ADDOPTS"] = others + options
    environment["COLUMNS"] = "80"
    return subprocess.run(
        ["sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        env=environment,
    )


def commands_of(code: str) -> list[tuple[str, str]]:
    """Split a console block into its commands, each with the output shown."""
    parts = re.split(r"^\$ (.*)\n", code, flags=re.M)
    return list(zip(parts[1::2], parts[2::2], strict=True))


VARIABLE = [
    (r"""(["'](?:station|article)["']: ?["'])[0a]""", r"\1a"),  # which one is the simplest text
    (r" \(\d+:\d\d:\d\d\)", ""),
    # When a message came: nothing, unless a moment of the machine's time has passed.
    (r"^ *(\d+\.\d+ s)? *(?=[<>] \{)", " "),
    (r"\b\d+(\.\d+)? ?m?s\b", "0 s"),
    (r"^(platform|rootdir:|plugins:|asyncio:|configfile:|cachedir:|Using --).*\n", ""),
    (r"(?:/[\w.@+-]+)+/(?=[\w.-]+)", ""),
    (r"0x[0-9a-f]+", "0x0"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:0"),
    (r"\b\d+(\.\d+)? h\b", "0 h"),
    (r"[\d,]+ jumps", "0 jumps"),
    (r"\bevery [\d.]+ \w+( to [\d.]+ \w+)?:", "every 0 s:"),
    (r"'Task-\d+'", "'Task-0'"),
    # Libraries: their lines are those of one version.
    (r"\b((?:aiohttp|asyncio|wsrpc)/\w+\.py):\d+", r"\1:0"),
    (r"\bseed \d+( \((random|--wsrpc-seed)\))?", "seed 0"),
    (r"\d+ %", "0 %"),
    # How many cases an item tries before it has a shortest failing one is a matter of chance.
    (r"^(/\S+(?: \w+)?) +\d+ ", r"\1 0 "),
    # So is it which of several values that are the same to it ends up in one.
    (r"\b(seat[ =]|client=)\d\b", r"\g<1>0"),
    (r"([=_-])\1{2,}", r"\1\1\1"),
    (r"[ \t]+", " "),
    (r" $", ""),
]


def normalised(text: str) -> str:
    for pattern, replacement in VARIABLE:
        text = re.sub(pattern, replacement, text, flags=re.M)
    return text.strip("\n")


def matches(expected: str, output: str) -> bool:
    parts = re.split(r"^ *\.\.\.\n", normalised(expected) + "\n", flags=re.M)
    pattern = r"(?:.*\n)*?".join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, normalised(output) + "\n") is not None


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_block_of_the_page_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with asyncio.Runner() as runner:
        page = Page(path, runner)
        monkeypatch.setitem(sys.modules, page.module.__name__, page.module)
        try:
            for block in page.blocks:
                page.run(block)
        finally:
            for module in tmp_path.glob("*.py"):
                sys.modules.pop(module.stem, None)


def test_a_block_of_another_kind_would_not_pass_unnoticed():
    page = Page.__new__(Page)
    with pytest.raises(AttributeError, match="run_yaml"):
        page.run(Block("yaml", "", "", 0))


def test_every_fence_is_a_block():
    for path in PAGES:
        text = path.read_text()
        assert text.count("```") == 2 * len(blocks_of(text)), path.name


def test_output_matches_but_for_what_varies():
    expected = "$ pytest\n==== FAILURES ====\n...\n=== 1 failed in 0.10s ===\n"
    output = "======== FAILURES ========\nassert 1 == 2\n\n=== 1 failed in 12.34s ====\n"
    [(command, shown)] = commands_of(expected)
    assert command == "pytest"
    assert matches(shown, output)
    assert not matches(shown, output.replace("1 failed", "2 failed"))


def first_column(page: str, heading: str) -> list[str]:
    """Return the code in the first cells of the table below a heading."""
    text = (ROOT / page).read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return [row.split("|")[1].strip(" `") for row in text.splitlines() if row.startswith("| `")]


def test_the_tables_of_options_and_settings_are_those_of_pytests_help():
    names = [row.split()[0] for row in first_column("README.md", "Options")]
    options = {name for name in names if name.startswith("--")}
    settings = {name.removeprefix("--").replace("-", "_") for name in names}
    help_ = shell("pytest --help").stdout
    assert options == set(re.findall(r"^  (--wsrpc-[\w-]+)", help_, re.M))
    assert settings - {"wsrpc_checks"} == set(re.findall(r"^  (wsrpc_\w+) \(", help_, re.M))


def test_the_tables_of_fixtures_are_that_of_pytests_help(tmp_path):
    shown = shell(f"pytest --fixtures --rootdir {tmp_path} {tmp_path}").stdout
    known = re.findall(r"^(\w+) (?:\[.*\] )?-- .*pytest_wsrpc/", shown, re.M)
    assert set(first_column("README.md", "Fixtures")) == set(known)
    assert {row[0] for row in table("docs/fixtures.md", "fixture")} == set(known)


def table(page: str, header: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this header; code without its marks."""
    below = (ROOT / page).read_text().split(f"\n| {header} |")[1].split("\n\n")[0]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in below.splitlines()[2:]]
    return [[cell.strip().replace("`", "") for cell in row] for row in rows]


def test_the_table_of_points_is_that_of_the_rules():
    assert table("docs/faults.md", "point") == [
        [point, POINTS[point], ", ".join(MATCHERS[point])] for point in EFFECTS
    ]


def test_the_table_of_effects_is_that_of_the_rules():
    columns = ["publish", "deliver", "call", "reply"]
    effects = dict.fromkeys(effect for point in EFFECTS.values() for effect in point)
    assert sorted(table("docs/faults.md", "effect")) == sorted(
        [effect, *(EFFECTS[column].get(effect, "") for column in columns)] for effect in effects
    )
    assert EFFECTS["publish"] == EFFECTS["subscribe"] == EFFECTS["unsubscribe"]


def test_the_table_of_keywords_has_those_of_every_rule():
    words = {word for row in table("docs/faults.md", "keyword") for word in row[0].split(", ")}
    assert {word.split("=")[0] for word in words} == {*SELECTION, "channel", "event", "method"}


def test_the_signatures_of_faults_are_those_of_the_methods():
    for header, owner in (("method of `ws_faults`", FaultPlan), ("method", NetworkLink)):
        for name, arguments in re.findall(r"(\w+)\((.*?)\)", signatures(header)):
            parameters = inspect.signature(getattr(owner, name)).parameters
            shown = [argument.partition("=") for argument in filter(None, arguments.split(", "))]
            for parameter, _, default in shown:
                assert parameter in parameters, f"{name}({parameter})"
                if default:
                    assert eval(default) == parameters[parameter].default, f"{name}({parameter})"


def signatures(header: str) -> str:
    return "\n".join(row[0] for row in table("docs/faults.md", header))


def test_the_table_of_leftovers_is_that_of_the_setting():
    assert table("docs/testing.md", "kind") == [list(kind) for kind in STRICT_KINDS.items()]


def test_the_table_of_clauses_is_that_of_the_suite():
    rows = {row[0]: row[1] for row in table("docs/broker.md", "clause")}
    assert rows == CLAUSES


def test_the_table_of_strategies_names_strategies():
    shown = {row[0].split("(")[0] for row in table("docs/testing.md", "strategy")}
    assert shown <= {*strategies.__all__}


def test_the_tables_of_describing_are_those_of_function_and_command():
    rows = [row[0] for row in table("docs/asyncapi.md", "argument")]
    assert ", ".join(rows) == ", ".join(inspect.signature(add_asyncapi).parameters)
    options = re.findall(r"--\w+", str(table("docs/asyncapi.md", "option")))
    help_ = shell("python -m wsrpc describe --help").stdout
    assert sorted(options) == sorted(re.findall(r"^  (--\w+)", help_, re.M))


def test_the_signature_of_serve_is_that_of_the_function():
    [shown] = re.findall(r"`serve(\(.*\))`", (ROOT / "docs/fixtures.md").read_text())
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(serve).parameters.values()
    ]
    assert shown == str(inspect.Signature(bare)).replace("'", '"')


def test_every_check_has_a_section_that_says_the_same_of_each():
    text = FENCE.sub("", (ROOT / "docs/checks.md").read_text())
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    assert sections.keys() == {name for name, check in CHECKS.items() if not check.origin}
    for name, section in sections.items():
        parts = re.findall(r"\*\*([\w ]+):\*\*", section)
        assert parts == ["Means", "Typical cause", "Mend", "Leave out"], name


def test_the_table_of_phases_is_that_of_the_fuzzer():
    scopes = {phase.name: phase.scope for phase in PHASES}
    rows = {row[0]: row[1].split()[-1] for row in table("docs/fuzzing.md", "phase")}
    assert rows == scopes


def test_the_table_of_hooks_is_that_of_the_fuzzer():
    rows = {re.search(r"pytest_wsrpc_\w+", row[0])[0] for row in table("docs/fuzzing.md", "hook")}
    assert rows == {name for name in vars(hooks) if name.startswith("pytest_wsrpc_")}


def test_readme_names_every_page():
    pages = {f"docs/{page.name}" for page in PAGES[1:]}
    assert {link for _, link, _ in links(PAGES[0]) if link.endswith(".md")} == pages


def links(page: Path) -> list[tuple[str, str, str]]:
    """Return text, file and anchor of the page's links within the project."""
    text = FENCE.sub("", page.read_text())
    found = re.findall(r"\[([^\]]+)\]\(([^)#]*)#?([^)]*)\)", text)
    return [link for link in found if not link[1].startswith("http")]


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    for text, file, anchor in links(page):
        target = page.parent / file if file else page
        assert target.exists(), f"[{text}]({file})"
        assert not anchor or anchor in anchors(target), f"[{text}]({file}#{anchor})"


def test_the_table_of_limits_has_the_defaults():
    assert first_column("docs/server.md", "Limits") == [field.name for field in fields(Limits)]
    text = (ROOT / "docs/server.md").read_text()
    units = {" MiB": 1 << 20, " s": 1, "": 1}
    for field in fields(Limits):
        shown = re.search(rf"^\| `{field.name}` \| (\S+?)( MiB| s|) \|", text, re.M)
        assert shown is not None, field.name
        value = ast.literal_eval(shown[1].strip("`"))
        assert field.default == (value if isinstance(value, str) else value * units[shown[2]])


def test_readme_has_the_two_commands_that_ci_runs():
    lines = (ROOT / "README.md").read_text().splitlines()
    commands = [line for line in lines if line.startswith("python3 -m venv ")]
    assert len(commands) == 2
    assert [command.split(" && ")[-1] for command in commands] == [
        "! .venv/bin/pytest --wsrpc-max-examples 20 --wsrpc-fuzz examples.trading_buggy:create_app",
        ".venv/bin/pytest",
    ]
