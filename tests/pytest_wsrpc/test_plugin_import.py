"""A run that does not use the plugin does not pay for it."""

import subprocess
import sys

HEAVY = "('aiohttp', 'hypothesis', 'msgspec', 'jsonschema_rs', 'wsrpc', 'yarl', 'asyncio')"

ONLY_ENTRY_POINT = f"""
import sys
import pytest
before = set(sys.modules)
from importlib.metadata import entry_points
[entry_point] = entry_points(group="pytest11", name="wsrpc")
plugin = entry_point.load()
assert plugin.__name__ == "pytest_wsrpc.plugin"
new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(sorted(new.intersection({HEAVY})))
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True, timeout=60
    )


def test_the_entry_point_imports_nothing_heavy():
    assert python("-c", ONLY_ENTRY_POINT).stdout == "[]\n"


def test_importtime_of_the_plugin_shows_nothing_heavy():
    lines = python("-X", "importtime", "-c", "import pytest_wsrpc.plugin").stderr.splitlines()
    packages = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "pytest_wsrpc" in packages
    assert not packages & {"aiohttp", "hypothesis", "msgspec", "jsonschema_rs", "wsrpc"}


def test_a_run_without_the_fixtures_imports_nothing_of_the_harness(suite):
    suite(
        """
        import sys

        def test_modules():
            loaded = {name for name in sys.modules if name.startswith(("wsrpc", "pytest_wsrpc"))}
            assert loaded == {
                "pytest_wsrpc",
                "pytest_wsrpc.durations",
                "pytest_wsrpc.fixtures",
                "pytest_wsrpc.fuzz",
                "pytest_wsrpc.fuzz.binding",
                "pytest_wsrpc.fuzz.hooks",
                "pytest_wsrpc.fuzz.options",
                "pytest_wsrpc.fuzz.profiles",
                "pytest_wsrpc.plugin",
                "pytest_wsrpc.report",
                "pytest_wsrpc.report.options",
                "pytest_wsrpc.settings",
            }
            assert not {"hypothesis", "msgspec", "jsonschema_rs"} & set(sys.modules)
        """,
        subprocess=True,
    ).assert_outcomes(passed=1)


def test_the_package_gives_its_types_when_asked(suite):
    suite(
        """
        import pytest
        import pytest_wsrpc

        def test_types():
            for name in pytest_wsrpc.__all__:
                assert getattr(pytest_wsrpc, name).__name__ == name
            from pytest_wsrpc import WsTestClient, serve

            assert WsTestClient.__module__ == "pytest_wsrpc.client"
            assert serve.__module__ == "pytest_wsrpc.serving"

        def test_unknown():
            with pytest.raises(AttributeError, match="'pytest_wsrpc' has no attribute 'Nothing'"):
                pytest_wsrpc.Nothing
        """
    ).assert_outcomes(passed=2)
