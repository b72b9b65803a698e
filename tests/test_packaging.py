"""Sdist and wheel: what they hold, and that the wheel works where this repository is not."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

APPLICATION = """
from aiohttp import web
from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_echo(self, payload):
        return payload


def create_app():
    app = web.Application()
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app)
    return app
"""

TEST = """
import importlib.metadata

import pytest
import pytest_wsrpc
import wsrpc
from echo import create_app


@pytest.fixture
def ws_app():
    return create_app()


@pytest.mark.asyncio
async def test_echo(ws_client):
    assert await ws_client.call("echo", {"a": 1}) == {"a": 1}


def test_the_packages_come_from_the_wheel(request):
    home = request.config.getini("home")
    assert wsrpc.__file__.startswith(home)
    assert pytest_wsrpc.__file__.startswith(home)
"""

CONFTEST = """
def pytest_addoption(parser):
    parser.addini("home", "where the wheel is installed")
"""


def python(*arguments, executable=sys.executable, cwd=None):
    environment = {name: os.environ[name] for name in os.environ.keys() - {"PYTHONPATH"}}
    run = subprocess.run(
        [executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=240,
        env={**environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INDEX": "1"},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def build(kind, source, target):
    python("-m", "hatchling", "build", "-t", kind, "-d", str(target), cwd=source)


def unpacked(sdist, target):
    with tarfile.open(sdist) as archive:
        archive.extractall(target, filter="data")
    [folder] = target.iterdir()
    return folder


@pytest.fixture(scope="module")
def built(request, tmp_path_factory):
    """A directory with both, the wheel made from the sdist, as `.ci/release` makes them."""
    given = request.config.getoption("--distributions")
    if given is not None:
        return given
    target = tmp_path_factory.mktemp("dist")
    build("sdist", ROOT, target)
    build("wheel", unpacked(*target.iterdir(), tmp_path_factory.mktemp("sdist")), target)
    return target


@pytest.fixture(scope="module")
def sdist(built):
    [path] = built.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def wheel(built):
    [path] = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist() if name[-1] != "/"}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_the_sdist_holds_what_the_repository_does_and_nothing_else(sdist, tmp_path):
    folder = unpacked(sdist, tmp_path)
    held = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    listed = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    there = {name for name in listed.splitlines() if (ROOT / name).exists()}
    assert {"tests/test_packaging.py", "examples/trading.py", "docs/index.md"} <= held
    assert held - {"PKG-INFO"} == there


def test_the_wheel_of_the_sdist_is_that_of_the_repository(wheel, tmp_path):
    build("wheel", ROOT, tmp_path)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_the_wheel_holds_both_packages_whole_and_nothing_else(contents):
    sources = {
        str(path.relative_to(ROOT))
        for package in ("wsrpc", "pytest_wsrpc")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".html", ".css", ".js") or path.name == "py.typed"
    }
    assert {"wsrpc/py.typed", "pytest_wsrpc/py.typed"} <= sources
    assert {name for name in contents if ".dist-info/" not in name} == sources


def test_the_wheel_registers_the_plugin_and_carries_the_licence(contents):
    information = {Path(name).name: text for name, text in contents.items() if ".dist-info" in name}
    assert information["entry_points.txt"].split() == [
        "[pytest11]",
        "wsrpc",
        "=",
        "pytest_wsrpc.plugin",
    ]
    assert information["LICENSE"] == (ROOT / "LICENSE").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    metadata = Parser().parsestr(information["METADATA"])
    assert metadata["Name"] == "pytest-wsrpc"
    assert metadata["Version"] == project["version"]
    assert metadata.get_all("Classifier") == project["classifiers"]
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_all("Provides-Extra") == ["pydantic", "redis", "report"]
    assert metadata.get_payload() == (ROOT / "README.md").read_text()


def test_the_wheel_works_without_the_repository(wheel, tmp_path):
    python("-m", "venv", "--without-pip", str(tmp_path / "venv"))
    executable = str(tmp_path / "venv" / "bin" / "python")
    [packages] = (tmp_path / "venv").glob("lib/*/site-packages")
    # The dependencies are those of this environment: a line in a .pth file is searched last, and
    # .pth files found there, such as that of an editable installation, are not followed.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    python("-m", "pip", "--python", executable, "install", "-q", "--no-deps", str(wheel))
    project = tmp_path / "project"
    project.mkdir()
    (project / "echo.py").write_text(APPLICATION)
    (project / "test_echo.py").write_text(TEST)
    (project / "conftest.py").write_text(CONFTEST)
    (project / "pytest.ini").write_text(f"[pytest]\nhome = {packages}\n")
    output = python(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", executable=executable, cwd=project
    )
    assert "2 passed" in output
    fuzz = ["--wsrpc-fuzz", "echo:create_app", "--wsrpc-max-examples", "5", "--wsrpc-report=a.html"]
    output = python("-m", "pytest", "-q", *fuzz, executable=executable, cwd=project)
    assert " passed" in output
    assert " failed" not in output
    assert "No failure" in (project / "a.html").read_text("utf-8")
