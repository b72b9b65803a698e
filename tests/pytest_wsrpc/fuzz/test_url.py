"""A server on a URL is fuzzed by its document alone."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import trustme

from pytest_wsrpc import fuzz
from pytest_wsrpc.fuzz import item as fuzz_item
from pytest_wsrpc.fuzz.tls import Tls
from pytest_wsrpc.fuzz.url import delivery
from pytest_wsrpc.fuzz.url.pasted import imports

from . import foreign
from .test_url_host import target_at

Run = Callable[..., pytest.RunResult]
Paste = Callable[[pytest.RunResult], str]

ALL = ("accepts", "refuses", "protocol", "sequence", "concurrent", "pubsub", "faults")
LEFT_OUT = [
    "not run: the checks loop-not-blocked, nothing-left of /rooms/{room}: they need *in process",
    "not run: the check serial of /rooms/{room}: it needs a fresh application *",
    "not run: the check clean-under-faults of /rooms/{room}: it needs the broker in process*",
    "not run: the check valid-accepted of /rooms/{room}: * are only counted, *",
    "not run: faults of /rooms/{room}: it needs the broker in process, to make it fail",
]


@pytest.fixture
def fuzz_url(fuzz: Run, pytester: pytest.Pytester) -> Run:
    """Fuzz a server by its document."""

    def run(
        server: foreign.Server,
        *options: str,
        document: dict[str, Any] | None = None,
        url: str = "ws://127.0.0.1:PORT/rooms/one",
        **given: Any,
    ) -> pytest.RunResult:
        text = json.dumps(document or foreign.document())
        pytester.path.joinpath("rooms.json").write_text(text)
        target = url.replace("PORT", str(server.port))
        return fuzz("--wsrpc-schema=rooms.json", *options, target=target, **given)

    return run


def test_a_correct_server_of_another_library_has_no_failures(fuzz_url: Run) -> None:
    with foreign.Server().running() as server:
        result = fuzz_url(server, "--wsrpc-max-examples=20", phases=ALL)
    result.assert_outcomes(passed=18)
    result.stdout.fnmatch_lines(LEFT_OUT)
    result.stdout.no_fnmatch_line("warning: *")
    assert server.paths == {"/rooms/one"}


@pytest.mark.parametrize(
    ("bug", "item", "check"),
    [
        ("crash", "add::accepts", "stays-open"),
        ("null", "get::accepts", "conforms"),
        ("length", "greet::refuses", "invalid-refused"),
        ("twice", "put::accepts", "one-reply-in-time"),
        ("json", "protocol", "stays-open"),
        ("lost", "pubsub", "pubsub"),
    ],
)
def test_a_defect_is_found_through_the_url_and_its_test_fails_likewise(
    fuzz_url: Run,
    suite: Run,
    paste: Paste,
    monkeypatch: pytest.MonkeyPatch,
    bug: str,
    item: str,
    check: str,
) -> None:
    monkeypatch.setattr(fuzz_item, "SHRINKING_TIME", 1.0)
    monkeypatch.setattr(fuzz_item, "SHORTENING_TIME", 0.5)
    monkeypatch.setattr(delivery, "SHOWN", 0.2)
    method, _, phase = item.rpartition("::")
    with foreign.Server([bug]).running() as server:
        chosen = ["--wsrpc-include", method] if method else []
        result = fuzz_url(
            server, "--wsrpc-max-examples=100", "--wsrpc-case-timeout=1", *chosen, phases=[phase]
        )
        result.assert_outcomes(failed=1)
        subject = " ".join(["/rooms/{room}", *([method] if method else [])])
        result.stdout.fnmatch_lines([f"{subject}: {phase}", f"check: {check}"])
        pasted = paste(result)
        suite(pasted).assert_outcomes(failed=1)
    with foreign.Server().running() as correct:
        suite(pasted.replace(f":{server.port}/", f":{correct.port}/")).assert_outcomes(passed=1)


def test_a_server_that_ends_is_a_finding_and_the_rest_is_skipped(fuzz_url: Run) -> None:
    with foreign.Server().running() as server:
        server.last_call = 3
        result = fuzz_url(
            server, "--wsrpc-include=add", "--wsrpc-case-timeout=2", phases=("accepts", "refuses")
        )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*GET /rooms/one was not possible: Cannot connect to host 127.0.0.1:*; is the server *",
            "check: stays-open",
            "got: closed with *, and the server cannot be connected to any more",
        ]
    )


def test_a_server_that_ends_between_two_cases_fails_the_item(
    fuzz_url: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with foreign.Server().running() as server:
        server.last_call = 3
        result = fuzz_url(
            server,
            "--wsrpc-include=add",
            "--wsrpc-case-timeout=2",
            "--wsrpc-exclude-checks=stays-open",
            phases=("accepts", "refuses", "protocol"),
        )
    result.assert_outcomes(failed=1, skipped=2)
    result.stdout.fnmatch_lines(
        [
            "the server was there, and is not any more: GET /rooms/one was not possible: *",
            "The last that was said:",
            '*> {"id":*"method":"add"*',
            "*closed 1006",
        ]
    )


def test_a_server_that_ends_before_a_finding_is_made_sure_of_fails_the_item(fuzz_url: Run) -> None:
    hypothesis.settings.register_profile("forgetful", derandomize=False, database=None)
    hypothesis.settings.load_profile("forgetful")
    options = ("--wsrpc-include=get", "--wsrpc-case-timeout=2")
    with foreign.Server(["null"]).running() as server:
        fuzz_url(server, *options, phases=["accepts"]).assert_outcomes(failed=1)
    again = foreign.Server(["null"])
    again.port = server.port  # which is part of the seed
    again.last_call = server.calls  # of those that make sure
    with again.running():
        result = fuzz_url(again, *options, phases=["accepts"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "the server was there, and is not any more: *",
            "warning: /rooms/{room} get, accepts: seen once, but not again: conforms: *",
        ]
    )


def test_nothing_at_the_url_is_one_failure(fuzz_url: Run) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = foreign.Server()
        server.port = free.getsockname()[1]
        result = fuzz_url(server, "--wsrpc-include=add")
    result.assert_outcomes(failed=1, skipped=2)
    result.stdout.fnmatch_lines(
        ["GET /rooms/one was not possible: Cannot connect to *; is the server running?"]
    )


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ((), "answered with 401 * give what it asks for, --wsrpc-header 'Authorization: ...' *"),
        (("--wsrpc-header=Authorization: Bearer no",), "* 401 * headers given are not what *"),
    ],
)
def test_a_refused_handshake_says_what_to_give(
    fuzz_url: Run, header: tuple[str, ...], says: str
) -> None:
    with foreign.Server(token="right").running() as server:
        result = fuzz_url(server, "--wsrpc-include=add", *header)
    result.assert_outcomes(failed=1, skipped=2)
    result.stdout.fnmatch_lines([f"GET /rooms/one was {says}"])


def test_headers_and_secrets_of_the_query_are_sent_and_not_shown(fuzz_url: Run) -> None:
    with foreign.Server(["null"], token="right").running() as server:
        result = fuzz_url(
            server,
            "--wsrpc-include=get",
            "--wsrpc-header=Authorization: Bearer right",
            url="ws://127.0.0.1:PORT/rooms/{room}?page=1&token=abc",
            phases=["accepts"],
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*has parameters without a value: give --wsrpc-param room=*"])
        result = fuzz_url(
            server,
            "--wsrpc-include=get",
            "--wsrpc-param=room=a b",
            "--wsrpc-header=Authorization: Bearer right",
            url="ws://127.0.0.1:PORT/rooms/{room}?page=1&token=abc",
            phases=["accepts"],
        )
    assert server.paths == {"/rooms/a%20b?page=1&token=abc"}
    result.stdout.fnmatch_lines(
        [
            "again: *rooms/{room}?page=1&token=...* # fill in Authorization, token",
            "    URL = 'ws://127.0.0.1:*/rooms/a%20b?page=1&token=...'  # fill in token",
            "    *connect(headers={'Authorization': '...'})  # fill in Authorization",
        ]
    )
    assert "abc" not in str(result.stdout)


def test_certificates_are_looked_at_unless_told(
    fuzz_url: Run, pytester: pytest.Pytester, suite: Run, paste: Paste
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(pytester.path / "ca.pem"))
    url = "wss://127.0.0.1:PORT/rooms/one"
    given = {"url": url, "phases": ["accepts"]}
    with foreign.Server(["null"]).running(context) as server:
        refused = fuzz_url(server, "--wsrpc-include=get", **given)
        trusted = fuzz_url(server, "--wsrpc-include=get", "--wsrpc-tls-ca=ca.pem", **given)
        suite(paste(trusted)).assert_outcomes(failed=1)
        ignored = fuzz_url(server, "--wsrpc-include=get", "--wsrpc-tls-no-verify", **given)
        suite(paste(ignored)).assert_outcomes(failed=1)
    refused.stdout.fnmatch_lines(
        ["*its certificate is not trusted: *; give --wsrpc-tls-ca FILE, or --wsrpc-tls-no-verify*"]
    )
    trusted.stdout.fnmatch_lines(["check: conforms", "again: *--wsrpc-tls-ca *"])
    ignored.stdout.fnmatch_lines(["check: conforms", "again: *--wsrpc-tls-no-verify *"])


def test_a_test_without_tls_imports_nothing_of_it() -> None:
    for tls in (Tls(), Tls(Path("ca.pem")), Tls(verifies=False)):
        assert "import ssl" not in imports(replace(target_at(1), tls=tls))


def test_events_that_come_late_are_waited_for(fuzz_url: Run) -> None:
    with foreign.Server(["slow"]).running() as server:
        result = fuzz_url(server, "--wsrpc-max-examples=2", phases=["pubsub"])
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("warning: *")


def test_hooks_and_own_checks_count_and_are_in_the_test(
    fuzz_url: Run,
    suite: Run,
    paste: Paste,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fuzz_item, "SHRINKING_TIME", 1.0)
    pytester.makeconftest(
        """
        from pytest_wsrpc import fuzz

        async def pytest_wsrpc_login(client):
            await client.call("greet", {"name": "ann"})

        @fuzz.check("small")
        def small(exchange):
            '''Sums are small.'''
            assert exchange.method != "add" or exchange.response["sum"] < 100

        @fuzz.check("few", of="record")
        def few(record):
            '''Few calls are made.'''
            assert len(record.calls) < 3
        """
    )
    with foreign.Server().running() as server:
        alone = fuzz_url(server, "--wsrpc-include=add", phases=["accepts"])
        several = fuzz_url(
            server, "--wsrpc-include=add", "--wsrpc-exclude-checks=small", phases=["sequence"]
        )
        for result, check in ((alone, "small"), (several, "few")):
            result.assert_outcomes(failed=1)
            result.stdout.fnmatch_lines([f"check: {check}"])
            pasted = paste(result)
            assert "await client.request('greet', {'name': 'ann'})" in pasted
            assert "described = fuzz.described('rooms.json', 'ws://127.0.0.1:" in pasted
            assert "/rooms.json" not in pasted
            again = suite(pasted)
            again.assert_outcomes(failed=1)
            again.stdout.fnmatch_lines([f">       fuzz.verify('{check}', *)"])


@pytest.mark.slow
def test_the_items_of_a_url_run_in_several_processes(fuzz_url: Run) -> None:
    with foreign.Server(["null"]).running() as server:
        result = fuzz_url(server, "-n2", "--wsrpc-include=get", "-k", "accepts or refuses")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["check: conforms", LEFT_OUT[0]])


def test_a_document_that_does_not_tell_of_a_url_is_a_value_error(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("rooms.json").write_text(json.dumps(foreign.document()))
    assert list(fuzz.described("rooms.json", "ws://localhost/rooms/1")) == ["/rooms/{room}"]
    with pytest.raises(ValueError, match=r"^rooms.json: no channel's address fits the path '/x'"):
        fuzz.described("rooms.json", "ws://localhost/x")


def test_without_the_methods_of_the_protocol_there_is_no_phase_pubsub(fuzz_url: Run) -> None:
    with foreign.Server().running() as server:
        result = fuzz_url(server, document=foreign.document(["add"]), phases=["pubsub"])
    result.stdout.fnmatch_lines(
        ["not run: pubsub of /rooms/{room}: there is no method subscribe of the protocol's"]
    )


def test_what_the_document_promises_and_the_server_refuses_is_a_warning(fuzz_url: Run) -> None:
    document = foreign.document(["put"])
    text = json.dumps(document).replace("put", "store")
    with foreign.Server().running() as server:
        result = fuzz_url(
            server, "--wsrpc-max-examples=20", document=json.loads(text), phases=["accepts"]
        )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["warning: /rooms/{room} store: never answered with success, mostly with -32601 *"]
    )
