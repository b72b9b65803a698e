"""``python -m wsrpc describe``: the document of an application that a module has."""

import importlib
import json
import os
import sys

import pytest

from wsrpc.application import load
from wsrpc.asyncapi import document
from wsrpc.asyncapi.command import main

MODULE = """
from aiohttp import web
from wsrpc import ApiPath, WsPathMixin

class View(ApiPath, WsPathMixin):
    async def ws_rpc_add(self, payload): ...

class Broken(ApiPath, WsPathMixin):
    async def ws_rpc_add(self, payload: "Missing"): ...

def create_app():
    app = web.Application()
    app.router.add_view("/stream", View)
    return app

async def create_async():
    return create_app()

def create_broken():
    app = web.Application()
    app.router.add_view("/stream", Broken)
    return app

class Factories:
    create = staticmethod(create_app)

def create_nothing():
    return None

def create_with(url, *, debug):
    return create_app()

app = create_app()
NUMBER = 5
c_function = dict
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Be in the directory of a project with an application."""
    (tmp_path / "shopapp.py").write_text(MODULE)
    (tmp_path / "failing.py").write_text("import nothing_of_the_kind\n")
    (tmp_path / "qu1xotic_sh0ps.py").write_text("")  # like nothing that may be installed
    package = tmp_path / "shoppackage"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "web.py").write_text("from shopapp import create_app\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in ("shopapp", "failing", "shoppackage", "shoppackage.web"):
        sys.modules.pop(name, None)


def failing(capsys, *arguments):
    with pytest.raises(SystemExit) as exit:
        main(["describe", *arguments])
    output = capsys.readouterr()
    assert output.out == ""
    return exit.value.code, output.err.splitlines()[-1]


@pytest.mark.parametrize(
    "spec",
    [
        "shopapp:create_app",
        "shopapp:create_async",
        "shopapp:app",
        "shopapp:Factories.create",
        "shoppackage.web:create_app",
    ],
)
def test_the_document_of_an_application_is_printed(project, capsysbinary, spec):
    assert main(["describe", spec]) == 0
    described = json.loads(capsysbinary.readouterr().out)
    assert described == document(load("shopapp:app", project))


def test_the_document_is_written_to_a_file(project, capsysbinary):
    main(["describe", "shopapp:app"])
    printed = capsysbinary.readouterr().out
    assert main(["describe", "shopapp:app", "--output", "api.json"]) == 0
    assert capsysbinary.readouterr().out == b""
    assert (project / "api.json").read_bytes() == printed


def test_the_page_is_printed_as_well(project, capsysbinary):
    main(["describe", "shopapp:app", "--format", "html"])
    assert capsysbinary.readouterr().out.startswith(b"<!DOCTYPE html>")


def test_options_say_what_the_application_is_called(project, capsysbinary):
    options = ["--title", "Shop", "--version", "2", "--description", "Buy."]
    servers = ["--server", "live=wss://example.com/a=b", "--server", "test=ws://localhost"]
    main(["describe", "shopapp:app", *options, *servers])
    described = json.loads(capsysbinary.readouterr().out)
    assert (described["info"]["title"], described["info"]["version"]) == ("Shop", "2")
    assert described["info"]["description"].startswith("Buy.")
    assert described["servers"]["live"]["pathname"] == "/a=b"
    assert described["servers"]["test"] == {"host": "localhost", "protocol": "ws"}


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("shopapp", "expected module:attribute, such as myapp:create_app"),
        ("shop-app:x", "expected module:attribute, such as myapp:create_app"),
        (
            "shop/app.py:create",
            "shop/app.py is a file, not the name of a module; did you mean 'shop.app:create'?",
        ),
        ("shop.py", "shop.py is a file, not the name of a module; did you mean 'shop:create_app'?"),
        (
            "qu1xotic_sh0p:app",
            "there is no module 'qu1xotic_sh0p' in the current directory or among what is "
            "installed; did you mean 'qu1xotic_sh0ps'?",
        ),
        (
            "shoppackage.wep:app",
            "there is no module 'shoppackage.wep' in the current directory or among what is "
            "installed; did you mean 'shoppackage.web'?",
        ),
        (
            "zqxjkvw.a:app",
            "there is no module 'zqxjkvw' in the current directory or among what is installed",
        ),
        (
            "shopapp:create_ap",
            "the module shopapp has no attribute 'create_ap'; did you mean 'create_app' or "
            "'create_async' or 'create_with'?",
        ),
        ("shopapp:NUMBER.zqxjk", "int 5 has no attribute 'zqxjk'"),
        (
            "shopapp:NUMBER",
            "expected an aiohttp.web.Application or a callable that returns one, got int 5",
        ),
        (
            "shopapp:create_nothing",
            "it is to return an aiohttp.web.Application, it returned NoneType None",
        ),
        (
            "shopapp:c_function",
            "it is to return an aiohttp.web.Application, it returned dict {}",
        ),
        (
            "shopapp:create_with",
            "it is called without arguments (missing a required argument: 'url'): write a "
            "function that calls it with some, and name that",
        ),
    ],
)
def test_what_is_no_application_is_told_in_one_line(project, capsys, spec, told):
    assert failing(capsys, spec) == (2, f"python -m wsrpc describe: error: {spec}: {told}")


def test_an_import_that_fails_in_the_application_is_shown_as_it_is(project):
    with pytest.raises(ModuleNotFoundError, match="nothing_of_the_kind"):
        main(["describe", "failing:app"])


def test_an_application_that_cannot_be_described_is_told_with_the_reason(project, capsys):
    status, line = failing(capsys, "shopapp:create_broken")
    assert status == 1
    assert line == (
        "python -m wsrpc describe: error: shopapp:create_broken: name 'Missing' is not defined"
    )


@pytest.mark.parametrize("text", ["https://example.com", "=ws://localhost", "live"])
def test_a_server_has_a_name_and_a_url(project, capsys, text):
    status, line = failing(capsys, "shopapp:app", "--server", text)
    assert status == 2
    assert line.endswith(
        "--server expects NAME=URL, such as production=wss://api.example.com, got " + repr(text)
    )


def test_a_server_that_is_no_websocket_url_is_told(project, capsys):
    status, line = failing(capsys, "shopapp:app", "--server", "live=https://example.com")
    assert status == 1
    assert line.endswith(
        "server 'live': expected a websocket URL, such as wss://api.example.com, "
        "got 'https://example.com'"
    )


def test_a_file_that_cannot_be_written_is_told(project, capsys):
    status, line = failing(capsys, "shopapp:app", "--output", "nowhere/api.json")
    assert status == 1
    assert line == (
        "python -m wsrpc describe: error: --output expects a file that can be written, got "
        "nowhere/api.json: No such file or directory"
    )


def test_the_module_runs_as_a_program(project, monkeypatch, capsysbinary):
    monkeypatch.setattr(sys, "argv", ["wsrpc", "describe", "shopapp:app"])
    monkeypatch.delitem(sys.modules, "wsrpc.__main__", raising=False)
    with pytest.raises(SystemExit) as exit:
        importlib.import_module("wsrpc.__main__")
    assert exit.value.code == 0
    assert json.loads(capsysbinary.readouterr().out)["asyncapi"] == "3.0.0"


def test_a_program_that_reads_only_a_part_of_the_document_is_no_error(project, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert main(["describe", "shopapp:app"]) == 0


def test_help_shows_the_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "describe" in capsys.readouterr().out
