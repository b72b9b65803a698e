"""What the fuzzer found shows again: as a test, by its command, with its seed."""

from __future__ import annotations

import shlex

import pytest

from .dividing import DIVIDE, Paste, Run, WriteApp

BUGS = {
    "no-internal-error": (DIVIDE, "-32603"),
    "conforms": (
        """
        async def ws_rpc_buggy(self, payload: Numbers) -> Number:
            return Number("many" if payload.a > 5 else 1)
        """,
        "-32603",
    ),
    "no-leak": (
        """
        async def ws_rpc_buggy(self, payload: Numbers) -> Number:
            raise RpcError(7, f"cannot add {object()}")
        """,
        "<object object",
    ),
    "no-leak ": (
        """
        async def ws_rpc_buggy(self, payload: Numbers) -> Number:
            raise InvalidParams({"a": "see /srv/app/tables.py"})
        """,
        "tables.py",
    ),
    "stays-open": (
        """
        async def ws_rpc_buggy(self, payload: Numbers) -> Number:
            await self.close(4000)
            return Number(1)
        """,
        "4000",
    ),
    "one-reply-in-time": (
        """
        async def ws_rpc_buggy(self, payload: Numbers) -> Number:
            if payload.a > 5:
                await __import__("asyncio").sleep(30)
            return Number(1)
        """,
        "TimeoutError",
    ),
}


@pytest.mark.parametrize("check", BUGS)
def test_a_pasted_test_fails_in_the_same_way(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester, paste: Paste, check: str
) -> None:
    methods, says = BUGS[check]
    write_app(methods)
    result = fuzz("-k", "accepts and not add", "--wsrpc-case-timeout=0.3")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines([f"check: {check.strip()}"])
    source = paste(result)
    pytester.makepyfile(test_pasted=source)
    again = pytester.runpytest_inprocess("-p", "no:randomly", "test_pasted.py")
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines([f"E *{says}*"])


@pytest.mark.slow
def test_the_failure_is_replayed_first(write_app: WriteApp, fuzz: Run) -> None:
    write_app(DIVIDE)
    fuzz("-k", "divide and accepts", "--wsrpc-seed=1")
    result = fuzz("-k", "divide and accepts", "--wsrpc-seed=2")
    result.stdout.fnmatch_lines(["/stream divide      1 *"])


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{}, {"CI": "1"}])
def test_the_same_seed_gives_the_same_cases_also_in_ci(
    write_app: WriteApp, pytester: pytest.Pytester, environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("CI", "GITHUB_ACTIONS", "TF_BUILD"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    write_app(
        """
        async def ws_rpc_log(self, payload: Numbers) -> Number:
            with open("log.txt", "a") as log:
                print(payload, file=log)
            return Number(1)
        """
    )

    def cases(seed: int) -> str:
        log = pytester.path / "log.txt"
        log.unlink(missing_ok=True)
        result = pytester.runpytest_subprocess(
            "-p", "no:randomly", "--wsrpc-fuzz=myapp:create_app", "--wsrpc-max-examples=20",
            f"--wsrpc-seed={seed}", "-k", "log and accepts",
        )  # fmt: skip
        assert result.parseoutcomes()["passed"] == 1
        return log.read_text()

    first = cases(1)
    assert cases(1) == first
    assert cases(2) != first


@pytest.mark.slow
def test_options_that_matter_stand_in_the_command_that_repeats_a_failure(
    write_app: WriteApp, fuzz: Run
) -> None:
    end = """
    def make():
        app = create_app()
        app.router.add_view("/rooms/{id}", Stream)
        return app
    """
    write_app(DIVIDE, end=end)
    result = fuzz(
        "-k", "rooms and divide and accepts", "--wsrpc-header=X-User: ann b",
        "--wsrpc-header=Cookie: s3cr3t", "--wsrpc-param=id=1 2", "--wsrpc-case-timeout=2.5",
        "--wsrpc-max-examples=60", "--wsrpc-exclude-checks=no-leak,conforms",
        "--wsrpc-include=divide", "--wsrpc-max-time=60", target="myapp:make",
    )  # fmt: skip
    result.assert_outcomes(failed=1, deselected=5)
    (line,) = (line for line in result.outlines if line.startswith("again: "))
    assert line == (
        "again: pytest --wsrpc-fuzz myapp:make --wsrpc-seed 1 --wsrpc-header 'X-User: ann b' "
        "--wsrpc-header 'Cookie: ...' --wsrpc-param 'id=1 2' --wsrpc-case-timeout 2.5 "
        "--wsrpc-max-examples 60 --wsrpc-exclude-checks no-leak,conforms "
        "'myapp.py::make::/rooms/{id}::divide::accepts'  # fill in Cookie"
    )
    words = shlex.split(line.removeprefix("again: pytest "), comments=True)
    again = fuzz(*words, target=None)
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines([line])


def test_what_the_ini_file_says_is_not_repeated(write_app: WriteApp, fuzz: Run) -> None:
    write_app(DIVIDE)
    result = fuzz("-k", "divide and accepts", "-o", "wsrpc_header=Cookie: s3cr3t")
    result.stdout.fnmatch_lines(
        ["again: * --wsrpc-max-examples 25 myapp.py::create_app::/stream::divide::accepts"]
    )


def test_an_async_factory_and_a_login_stand_in_the_pasted_test(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester, paste: Paste
) -> None:
    write_app(
        """
        async def on_connect(self):
            if self.request.headers.get("X-User") != "ann":
                raise web.HTTPUnauthorized

        async def ws_rpc_fail(self, payload: Numbers) -> Number:
            raise LookupError
        """,
        end="""
        class Apps:
            @staticmethod
            async def create():
                return create_app()
        """,
    )
    result = fuzz(
        "-k", "fail and accepts", "--wsrpc-header", "X-User: ann",
        "--wsrpc-header", "Authorization: Bearer s3cr3t", target="myapp:Apps.create",
    )  # fmt: skip
    result.assert_outcomes(failed=1, deselected=4)
    source = paste(result)
    assert "from myapp import Apps\n" in source
    assert "async def ws_app():\n    return await Apps.create()\n" in source
    masked = "headers={'X-User': 'ann', 'Authorization': '...'})  # fill in Authorization"
    assert masked in source
    assert "s3cr3t" not in result.stdout.str()
    pytester.makepyfile(test_pasted=source)
    again = pytester.runpytest_inprocess("-p", "no:randomly", "test_pasted.py")
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["E *-32603*"])


def test_long_payloads_get_a_name_in_the_pasted_test(
    write_app: WriteApp, fuzz: Run, paste: Paste
) -> None:
    write_app(
        """
        async def ws_rpc_long(self, payload: "Long") -> Number:
            raise LookupError
        """,
        end="""
        from dataclasses import make_dataclass

        Long = make_dataclass("Long", [(f"a_number_with_a_long_name_{n}", int) for n in range(4)])
        """,
    )
    source = paste(fuzz("-k", "long and accepts"))
    assert "payload = {'a_number_with_a_long_name_0': 0,\n" in source
    assert "reply = await client.request('long', payload, timeout=5)\n" in source
    assert max(map(len, source.splitlines())) < 100
