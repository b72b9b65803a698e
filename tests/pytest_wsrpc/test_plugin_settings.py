"""Ini settings and the marker of the fixtures."""

import pytest

EXIT_USAGE = pytest.ExitCode.USAGE_ERROR

FAILING_SERVER = """
import pytest
from application import create_app

@pytest.fixture
def ws_app():
    return create_app()

async def test_silent(ws_client):
    await ws_client.send_json({"id": "x", "method": "fail"})
    await ws_client.call("greet", {"name": "you"})
"""


def test_settings_and_marker_are_listed(suite):
    result = suite("", "--help")
    result.stdout.fnmatch_lines(
        ["*wsrpc_path (string):*", "*wsrpc_strict (string):*"], consecutive=False
    )
    for option in ("--wsrpc-transport=*", "--wsrpc-faults=RULES", "--wsrpc-seed=N"):
        result.stdout.fnmatch_lines([f"  {option}*"])
    for setting in ("transport", "clock", "clock_limit", "faults"):
        result.stdout.fnmatch_lines([f"  wsrpc_{setting} (string):*"])
    markers = suite("", "--markers")
    markers.stdout.fnmatch_lines(["@pytest.mark.wsrpc([*], strict=True, transport=*): *"])


def test_an_application_to_fuzz_brings_the_fuzzer_in(suite):
    conftest = """
    def pytest_collection(session):
        print("fuzzing:", session.config.pluginmanager.has_plugin("wsrpc-fuzz"))
    """
    result = suite("", "--collect-only", "-s", conftest=conftest)
    result.stdout.fnmatch_lines(["*fuzzing: False"])
    result = suite(
        "", "--collect-only", "-s", "--wsrpc-fuzz", "application:create_app", conftest=conftest
    )
    result.stdout.fnmatch_lines(["*fuzzing: True"])


def test_the_client_connects_to_the_path_of_the_ini_file(suite):
    suite(
        """
        import pytest
        from application import create_app

        @pytest.fixture
        def ws_app():
            return create_app("/ws/{room}")

        async def test_greet(ws_client):
            assert await ws_client.call("greet", {"name": "you"}) == "hello you"
        """,
        ini="asyncio_mode = auto\nwsrpc_path = /ws/lobby?token=1",
    ).assert_outcomes(passed=1)


def test_a_path_without_a_slash_is_a_usage_error(suite):
    result = suite("", ini="wsrpc_path = stream")
    assert result.ret == EXIT_USAGE
    result.stderr.fnmatch_lines(
        ["ERROR: wsrpc_path = stream: a path begins with '/', such as /stream"]
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("wsrpc_transport = udp", "wsrpc_transport = udp: it takes memory or tcp"),
        ("wsrpc_clock = fake", "wsrpc_clock = fake: it takes real or virtual"),
        (
            "wsrpc_clock_limit = 5 parsecs",
            "wsrpc_clock_limit: expected a duration such as 50ms, *, got '5 parsecs'*",
        ),
        (
            "wsrpc_clock_limit = 0s",
            "wsrpc_clock_limit: expected a duration above 0, such as 24h, got '0s'",
        ),
        ("wsrpc_faults = publis:drop", "ini setting wsrpc_faults: *"),
        ("wsrpc_seed = x", "ini setting wsrpc_seed: expected an integer, got *x*"),
    ],
)
def test_a_setting_without_meaning_is_a_usage_error(suite, setting, message):
    # The seed is read by whoever needs one, such as the fuzzer.
    result = suite("", "--wsrpc-fuzz=application:create_app", ini=setting)
    assert result.ret == EXIT_USAGE
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


@pytest.mark.parametrize(
    ("value", "failed"),
    [("true", 1), ("server-errors", 1), ("false", 0)],
)
def test_the_ini_file_says_what_fails_a_test(suite, value, failed):
    result = suite(FAILING_SERVER, ini=f"asyncio_mode = auto\nwsrpc_strict = {value}")
    result.assert_outcomes(failed=failed, passed=1 - failed)


@pytest.mark.parametrize(
    ("marker", "failed"),
    [
        ("strict=False", 0),
        ("strict='false'", 0),
        ("strict=True", 1),
        ("strict='server-errors'", 1),
        ("strict=['server-errors']", 1),
        ("", 0),
    ],
)
def test_the_marker_goes_before_the_ini_file(suite, marker, failed):
    result = suite(
        FAILING_SERVER.replace("async def", f"@pytest.mark.wsrpc({marker})\nasync def"),
        ini="asyncio_mode = auto\nwsrpc_strict = false",
    )
    result.assert_outcomes(failed=failed, passed=1 - failed)


def test_the_closest_marker_that_says_so_decides(suite):
    suite(
        """
        import pytest
        from application import create_app

        pytestmark = pytest.mark.wsrpc(strict=True)

        @pytest.fixture
        def ws_app():
            return create_app()

        @pytest.mark.wsrpc(strict=False)
        class TestLax:
            @pytest.mark.wsrpc()
            async def test_silent(self, ws_client):
                await ws_client.send_json({"id": "x", "method": "fail"})
                await ws_client.call("greet", {"name": "you"})
        """
    ).assert_outcomes(passed=1)


@pytest.mark.parametrize("value", ["taks", "server-errors, taks"])
def test_an_unknown_kind_in_the_ini_file_is_a_usage_error(suite, value):
    result = suite("", ini=f"wsrpc_strict = {value}")
    assert result.ret == EXIT_USAGE
    result.stderr.fnmatch_lines(
        ["ERROR: wsrpc_strict = taks: it takes true, false, or names: server-errors, *"]
    )


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("strict='taks'", "(strict=...): taks: it takes true, false, or names: server-errors"),
        ("strict=()", "(strict=...): nothing: it takes true, false, or names: server-errors"),
        ("strict=1", "(strict=...): 1: it takes true, false, or names: server-errors"),
        ("strikt=True", " does not take strikt=True; it takes strict=..., transport=..., "),
        ("'x', tempo='virtual'", " does not take 'x', tempo='virtual'; it takes strict=..."),
        ("clock='fake'", "(clock=...): fake: it takes real or virtual"),
        ("transport='udp'", "(transport=...): udp: it takes memory or tcp"),
        ("transport=4", "(transport=...): 4: it takes memory or tcp"),
        ("faults=4", "(faults=...): expected rules in a string, such as 'publish:error=Cannot"),
    ],
)
def test_a_wrong_marker_fails_the_collection(suite, marker, message):
    result = suite(
        f"""
        import pytest

        @pytest.mark.wsrpc({marker})
        def test_marked():
            pass
        """
    )
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert f"test_it.py::test_marked: @pytest.mark.wsrpc{message}" in result.stdout.str()


def test_a_wrong_marker_of_a_parameter_fails_its_test(suite):
    result = suite(
        """
        import pytest

        @pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.wsrpc(strict="no"))])
        def test_marked(n):
            pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["test_it.py::test_marked[[]2[]]: @pytest.mark.wsrpc(strict=...): no: *"]
    )
