"""What works without the extras, and what is said where one is missing.

Where extras are installed, they are hidden; `.ci/release` also runs this where none is.
"""

import json
import os
import subprocess
import sys

import pytest

EXTRAS = ["jinja2", "pydantic", "pydantic_core", "redis"]

IMPORT_ALL = """
import importlib, json, pkgutil

missing = {}
for package in ("wsrpc", "pytest_wsrpc"):
    path = importlib.import_module(package).__path__
    for module in pkgutil.walk_packages(path, f"{package}."):
        if not module.name.endswith(".__main__"):
            try:
                importlib.import_module(module.name)
            except ImportError as error:
                missing[module.name] = str(error)
print(json.dumps(missing))
"""

APPLICATION = """
from dataclasses import dataclass

from aiohttp import web
from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin


@dataclass
class Add:
    a: int
    b: int


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_add(self, payload: Add) -> int:
        return payload.a + payload.b


def create_app():
    app = web.Application()
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app)
    return app
"""

TEST = """
import pytest
from calculator import create_app


@pytest.fixture
def ws_app():
    return create_app()


@pytest.mark.asyncio
async def test_add(ws_client, ws_faults):
    assert await ws_client.call("add", {"a": 1, "b": 2}) == 3
"""

REDIS = "pip install 'pytest-wsrpc[redis]'"
REPORT = "pip install 'pytest-wsrpc[report]'"


def without_extras(code, cwd):
    hide = f"import sys; sys.modules.update(dict.fromkeys({EXTRAS}))"
    paths = [str(cwd), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, "-c", f"{hide}\n{code}"],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


@pytest.fixture
def run_pytest(tmp_path):
    (tmp_path / "calculator.py").write_text(APPLICATION)
    (tmp_path / "test_calculator.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function")

    def run(*options):
        options = ["-q", "-p", "no:cacheprovider", *options]
        return without_extras(f"import pytest; sys.exit(pytest.main({options}))", tmp_path)

    return run


def test_every_module_but_those_of_an_extra_can_be_imported(tmp_path):
    run = without_extras(IMPORT_ALL, tmp_path)
    assert run.returncode == 0, run.stdout
    missing = json.loads(run.stdout)
    assert {name for name in missing if not name.startswith("wsrpc.redis")} == {
        "pytest_wsrpc.report.page",
        "wsrpc.schema.models",
    }
    assert REDIS in missing["wsrpc.redis"]


def test_an_application_is_tested_and_fuzzed(run_pytest):
    run = run_pytest(
        "--wsrpc-fuzz=calculator:create_app", "--wsrpc-max-examples=5", "test_calculator.py"
    )
    assert run.returncode == 0, run.stdout
    assert "passed" in run.stdout


@pytest.mark.parametrize("name", ["RedisBroker", "Publisher"])
def test_what_needs_redis_says_what_to_install(name, tmp_path):
    run = without_extras(f"from wsrpc import {name}", tmp_path)
    assert run.returncode == 1
    assert REDIS in run.stdout


def test_the_page_of_a_run_says_what_to_install(run_pytest):
    run = run_pytest("--wsrpc-report=page.html")
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert REPORT in run.stdout
