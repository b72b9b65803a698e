"""Where a document is read from, and what is said where it cannot be."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_wsrpc.fuzz.tls import Tls
from pytest_wsrpc.fuzz.url.fetching import BadDocument, Fetcher, value_of

from . import foreign

Run = Callable[..., pytest.RunResult]

YAML = """
asyncapi: 3.0.0
since: 2024-01-01
channels: &all
  one: {address: /one}
again: *all
"""


class Pages(BaseHTTPRequestHandler):
    """Serves a document to those who are known, and sends others elsewhere."""

    seen: list[tuple[str, str | None]]
    document: bytes

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Authorization"]))
        if self.path == "/moved.json":
            self.send_response(302)
            self.send_header("Location", "/asyncapi.json")
        elif self.path == "/broken.json":
            self.wfile.write(b"what?\r\n\r\n")
            return
        else:
            known = self.path.startswith("/asyncapi.json") or self.headers["Authorization"]
            self.send_response(200 if known else 403 if "secret" in self.path else 404)
        self.end_headers()
        self.wfile.write(self.document)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def pages() -> Iterator[type[Pages]]:
    """Serve pages at `port`."""
    handler = type("Handler", (Pages,), {"seen": [], "document": b"{}"})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        handler.port = server.server_port  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield handler
        server.shutdown()
        thread.join()


def fetcher(port: int | None = None, tls: Tls | None = None) -> Fetcher:
    return Fetcher({"Authorization": "me"}, ("127.0.0.1", port), tls or Tls())


def test_headers_go_to_the_server_that_is_fuzzed_alone(pages: Any) -> None:
    url = f"http://127.0.0.1:{pages.port}"
    assert fetcher(pages.port).text(f"{url}/secret.json") == "{}"
    assert fetcher(pages.port + 1).text(f"{url}/asyncapi.json") == "{}"
    assert fetcher(pages.port).text(f"{url}/moved.json") == "{}"
    assert pages.seen == [
        ("/secret.json", "me"),
        ("/asyncapi.json", None),
        ("/moved.json", "me"),
        ("/asyncapi.json", None),
    ]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("secret.json", "was answered with 403; is a --wsrpc-header missing?"),
        ("nowhere.json", "was answered with 404"),
        ("broken.json", "failed: BadStatusLine"),
    ],
)
def test_an_answer_that_is_none_is_told(pages: Any, path: str, says: str) -> None:
    with pytest.raises(BadDocument, match=r"^GET http://127.0.0.1:") as raised:
        fetcher().text(f"http://127.0.0.1:{pages.port}/{path}")
    assert says in str(raised.value)


def test_nobody_there_is_told(pages: Any) -> None:
    with pytest.raises(BadDocument, match=r"^GET http://127.0.0.1:1/x failed: .*refused"):
        fetcher().text("http://127.0.0.1:1/x")
    with pytest.raises(BadDocument, match=r"^GET https://127.0.0.1:\d+/x failed: .*"):
        fetcher(tls=Tls(verifies=False)).text(f"https://127.0.0.1:{pages.port}/x")
    with pytest.raises(BadDocument, match=r"^GET https://127.0.0.1/x failed"):
        fetcher(443).text("https://127.0.0.1/x")


def test_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a b.json"
    file.write_bytes(b"{}")
    assert fetcher().text(file.as_uri()) == "{}"
    file.write_bytes(b"\xff")
    with pytest.raises(BadDocument, match="is no text in UTF-8"):
        fetcher().text(file.as_uri())
    with pytest.raises(BadDocument, match=r"/no such cannot be read: No such file or directory$"):
        fetcher().text((tmp_path / "no such").as_uri())
    with pytest.raises(BadDocument, match="ftp://x/y is neither a file nor at http:// or https://"):
        fetcher().text("ftp://x/y")


@pytest.mark.parametrize("place", ["http://localhost:99999/x", "http://[x/y", "http://localhost/ä"])
def test_what_is_no_url_is_told(place: str) -> None:
    with pytest.raises(BadDocument, match=f"^{re.escape(place)} is no URL: "):
        fetcher().text(place)


def test_yaml_is_read_as_json_has_it() -> None:
    found = value_of(YAML, "file:///api.yaml")
    assert found["since"] == "2024-01-01"
    assert json.loads(json.dumps(found))["again"] == {"one": {"address": "/one"}}


def test_without_pyyaml_yaml_is_told_from_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert value_of('{"a": 1}', "file:///api.yaml") == {"a": 1}
    with pytest.raises(BadDocument, match=r"/api.yaml is no JSON; for YAML, install PyYAML: pip "):
        value_of(YAML, "file:///api.yaml")


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("{", "file:///api.yaml", "/api.yaml is no JSON: Expecting property name"),
        ("a: b", "http://x/api.json", "http://x/api.json is no JSON: Expecting value: line 1"),
        ("a: [", "file:///api.yml", "/api.yml is neither JSON nor YAML: while parsing a flow"),
        ("[" * 100_000, "file:///api.json", "/api.json nests too deeply"),
    ],
)
def test_what_is_neither_is_told_with_its_place(text: str, place: str, says: str) -> None:
    with pytest.raises(BadDocument) as raised:
        value_of(text, place)
    assert str(raised.value).startswith(says)
    assert "\n" not in str(raised.value)


# -- in a run


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (
            "http://localhost:1/x?a=1",
            "a websocket is at ws:// or wss://, such as ws://localhost:1/x?a=1",
        ),
        ("https://localhost/x", "a websocket is at ws:// or wss://, such as wss://localhost/x"),
        (
            "ftp://localhost/x",
            "expected the URL of a websocket, such as ws://localhost:8080/stream",
        ),
        ("ws:///x", "expected the URL of a websocket, such as ws://localhost:8080/stream"),
        ("ws://me:key@localhost/x", "a name and password are given by --wsrpc-header 'Author*"),
        ("ws://localhost:99999/x", "it is no URL: *"),
    ],
)
def test_a_wrong_url_is_one_line(fuzz: Run, target: str, says: str) -> None:
    result = fuzz("--wsrpc-schema=rooms.json", target=target)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in result.errlines if line] == [result.errlines[0]]
    result.stderr.fnmatch_lines([f"ERROR: --wsrpc-fuzz {target}: {says}"])


def test_a_wrong_document_is_one_line(fuzz: Run, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("rooms.json").write_text('{"asyncapi": "2.0.0"}')
    result = fuzz("--wsrpc-schema=rooms.json", target="ws://localhost/x")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --wsrpc-schema rooms.json: expected an AsyncAPI 3 document, got AsyncAPI 2.0.0"]
    )


def test_a_file_without_certificates_is_one_line(fuzz: Run, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("ca.pem").write_text("no certificate")
    for name in ("ca.pem", "nowhere.pem"):
        result = fuzz("--wsrpc-tls-ca", name, target="wss://localhost/x")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            [f"ERROR: --wsrpc-tls-ca {name}: expected a file with certificates, in PEM: *"]
        )


@pytest.mark.parametrize("cached", [True, False])
def test_a_document_at_a_url_gives_ids_that_can_be_pasted(
    fuzz: Run, pages: Any, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    pages.document = json.dumps(foreign.document(["add"])).encode()
    monkeypatch.setattr("tempfile.tempdir", str(pytester.path))
    options = [f"--wsrpc-schema=http://127.0.0.1:{pages.port}/asyncapi.json"]
    options += [] if cached else ["-p", "no:cacheprovider"]
    with foreign.Server().running() as server:
        target = f"ws://127.0.0.1:{server.port}/rooms/1"
        listed = fuzz(*options, "--collect-only", "-q", target=target)
        ids = [line for line in listed.outlines if "::" in line]
        assert len(ids) == 3
        result = fuzz(*options, ids[0], target=target)
    result.assert_outcomes(passed=1)
    assert f"::{target}::/rooms/{{room}}::add::accepts" in ids[0]
    assert ids[0].startswith(".pytest_cache/d/wsrpc-schemas/127.0.0.1-" if cached else "127.0.0.1-")


def test_secrets_of_the_documents_url_are_not_shown(
    fuzz: Run, paste: Callable[[pytest.RunResult], str], pages: Any, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        """
        from pytest_wsrpc import fuzz

        @fuzz.check("none")
        def none(exchange):
            '''Nothing is right.'''
            assert not exchange.answers
        """
    )
    pages.document = json.dumps(foreign.document(["add"])).encode()
    schema = f"http://127.0.0.1:{pages.port}/asyncapi.json?page=1&token="
    with foreign.Server().running() as server:
        target = f"ws://127.0.0.1:{server.port}/rooms/1"
        result = fuzz(f"--wsrpc-schema={schema}abc", target=target, phases=["accepts"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"again: * --wsrpc-schema '{schema}...'* # fill in token"])
    described = f"described = fuzz.described('{schema}...', '{target}')  # fill in token"
    assert described in paste(result)
    assert f"URL = '{target}'\n" in paste(result)
    assert "abc" not in str(result.stdout)
    (file,) = pytester.path.joinpath(".pytest_cache/d/wsrpc-schemas").iterdir()
    assert file.read_text() == f"{schema}...\n"


def test_each_option_is_an_ini_setting_beside_the_file(
    fuzz: Run, pytester: pytest.Pytester
) -> None:
    directory = pytester.mkdir("api")
    directory.joinpath("rooms.json").write_text(json.dumps(foreign.document(["add"])))
    with foreign.Server().running() as server:
        pytester.makeini(
            "[pytest]\n"
            f"wsrpc_fuzz = ws://127.0.0.1:{server.port}/rooms/1\n"
            "wsrpc_schema = api/rooms.json\n"
            "wsrpc_tls_no_verify = true\n"
        )
        result = fuzz("-k", "accepts", target=None)
    result.assert_outcomes(passed=1, deselected=2)
