"""Types, as users see them: of the packages, the examples, a project of somebody's, a page.

``typed/`` is such a project: it uses all that is public, and says by `assert_type` what type that
has. Its ``wrong_uses.py`` has mistakes, each with a ``type: ignore``, which mypy refuses where
there is no mistake to ignore.
"""

import importlib
import inspect
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pytest_wsrpc import ConnectOptions, WsTestClient

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "tests" / "typed"
SOURCE = "\n".join(path.read_text() for path in PROJECT.glob("*.py"))
BLOCK = re.compile(r'^```python title="(\w+\.py)"\n(.*?)^```$', re.M | re.S)

ENTRANCES = [
    "wsrpc",
    "wsrpc.asyncapi",
    "wsrpc.redis",
    "pytest_wsrpc",
    "pytest_wsrpc.fuzz",
    "pytest_wsrpc.stateful",
    "pytest_wsrpc.strategies",
]
"""The modules that the documentation tells to import from."""


def run(*command, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )


def test_all_types_are_right_and_all_wrong_uses_are_found(tmp_path):
    page = dict(BLOCK.findall((ROOT / "docs" / "fixtures.md").read_text()))
    shown = [tmp_path / name for name in ("counter.py", "test_typed.py")]
    for path in shown:
        path.write_text(page[path.name])
    files = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["files"]
    cache = tmp_path / "cache"
    command = ["mypy", "--strict", "--cache-dir", str(cache), *files, *map(str, shown)]
    checked = run(*command, cwd=ROOT, MYPYPATH=str(tmp_path))
    assert checked.returncode == 0, checked.stdout
    assert "no issues found" in checked.stdout


def test_the_project_does_what_its_types_say(tmp_path):
    # The suites of the packages have run what is left out here.
    chosen = ["-k", "not (TestExchangeBroker and (scenario or sequences))"]
    plugins = ["-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:valkey"]
    storage = {"HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)}
    played = run("pytest", "-q", *plugins, *chosen, cwd=PROJECT, **storage)
    assert played.returncode == 0, played.stdout


@pytest.mark.parametrize("name", ENTRANCES)
def test_the_project_uses_every_public_name(name):
    used = set(re.findall(r"\w+", SOURCE))
    assert set(importlib.import_module(name).__all__) <= used


def test_the_project_uses_every_fixture_and_hook():
    used = set(re.findall(r"(?<=\bdef )pytest_wsrpc_\w+|\w+(?=: )", SOURCE))
    fixtures = importlib.import_module("pytest_wsrpc.plugin").__all__
    hooks = vars(importlib.import_module("pytest_wsrpc.fuzz.hooks"))
    assert {name for name in fixtures if not name.startswith("_")} <= used
    assert {name for name in hooks if name.startswith("pytest_wsrpc_")} <= used


def test_names_that_are_imported_late_are_there():
    for name in ("wsrpc", "pytest_wsrpc", "pytest_wsrpc.fuzz"):
        module = importlib.import_module(name)
        assert all(getattr(module, public) is not None for public in module.__all__)
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            _ = module.nothing


def test_connecting_takes_by_name_all_that_a_client_takes() -> None:
    parameters = inspect.signature(WsTestClient.connect).parameters
    taken = {name for name, one in parameters.items() if one.kind is one.KEYWORD_ONLY}
    given_by_the_fixture = {"session", "headers", "name"}
    assert ConnectOptions.__annotations__.keys() == taken - given_by_the_fixture
