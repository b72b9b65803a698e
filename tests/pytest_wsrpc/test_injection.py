"""Faults of the fixture, of markers and of the command line, in a suite."""

import re

import pytest

CHAT = """
import asyncio
import pytest
from aiohttp import web
from wsrpc import SOCKETS_KEY, ApiPath, CannotPublish, LocalBroker, Publish, Subscribe, WsPathMixin


class Room(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_say(self, payload):
        await self.tell(payload["text"])
        return len(payload["text"])

    async def tell(self, text):
        await self.sockets.publish("chat", "said", text)


@pytest.fixture
def ws_app():
    app = web.Application()
    app.router.add_view("/stream", Room)
    LocalBroker.for_app(app)
    return app


@pytest.fixture
def broker(ws_app):
    return ws_app[SOCKETS_KEY]
"""

COPING = CHAT.replace(
    """        await self.sockets.publish("chat", "said", text)
""",
    """        while True:
            try:
                return await self.sockets.publish("chat", "said", text)
            except CannotPublish:
                continue
""",
)

EXISTING = """
async def test_say(ws_client):
    assert await ws_client.call("say", {"text": "hello"}) == 5


async def test_everybody_hears(ws_client, ws_connect):
    other = await ws_connect()
    await other.call("subscribe", {"channel": "chat"})
    for text in ("one", "two", "three", "four", "five", "six", "seven", "eight"):
        await ws_client.call("say", {"text": text})
        assert (await other.next_event("chat", "said")).data == text


async def test_nothing_is_published(ws_client, broker):
    await ws_client.call("subscribe", {"channel": broker.__class__.__name__.lower()})
    await ws_client.no_event()
"""

RULE = "publish:error=CannotPublish,probability=0.3"


def test_an_existing_suite_fails_under_faults_and_names_them(suite):
    result = suite(CHAT + EXISTING, "--wsrpc-faults", RULE, "--wsrpc-seed", "7")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            f"wsrpc faults: {RULE}, seed 7 (--wsrpc-seed)",
            "E       wsrpc.errors.CannotPublish: *",
            "*- Conversation of ws_client -*",
            f"* ~ {RULE} (channel 'chat', event 'said')",
            "*- Faults -*",
            f"{RULE}  matched 1, fired 1  (--wsrpc-faults)",
            "the same faults again: --wsrpc-seed 7",
        ]
    )


def test_the_same_suite_passes_under_faults_once_the_handler_copes(suite):
    suite(CHAT + EXISTING).assert_outcomes(passed=3)
    result = suite(COPING + EXISTING, "--wsrpc-faults", RULE, "--wsrpc-seed", "7")
    result.assert_outcomes(passed=3)


def test_the_same_seed_gives_the_same_failures(suite):
    def run(seed):
        result = suite(CHAT + EXISTING, "--wsrpc-faults", RULE, "--wsrpc-seed", seed)
        fired = [line for line in result.outlines if "  ~ " in line]
        return [re.sub(r"\+\d+\.\d+ s", "", line) for line in fired]

    assert run("7") == run("7")


def test_a_random_seed_is_shown_and_reproduces(suite):
    first = suite(CHAT + EXISTING, "--wsrpc-faults", RULE.replace("0.3", "0.9"))
    [seed] = re.findall(r"seed (\d+) \(random\)", first.stdout.str())
    again = suite(
        CHAT + EXISTING, "--wsrpc-faults", RULE.replace("0.3", "0.9"), "--hypothesis-seed", seed
    )
    assert f"seed {seed} (--hypothesis-seed)" in again.stdout.str()
    assert first.parseoutcomes() == again.parseoutcomes()


def test_a_seed_that_is_no_number_is_the_same_everywhere(suite):
    options = ["--wsrpc-faults", RULE, "--hypothesis-seed=spam"]
    first, again = (suite(CHAT, *options).stdout.str() for _ in range(2))
    [seed] = re.findall(r"seed (\d+) \(--hypothesis-seed\)", first)
    assert f"seed {seed} (" in again


def test_the_ini_file_has_faults_and_a_seed(suite):
    result = suite(
        CHAT + EXISTING,
        ini=f"""
        asyncio_mode = auto
        wsrpc_faults =
            {RULE}
            deliver:latency=1ms
        wsrpc_seed = 7
        """,
    )
    result.stdout.fnmatch_lines(
        [f"wsrpc faults: {RULE}; deliver:latency=1ms, seed 7 (ini setting wsrpc_seed)"]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_rule_of_the_command_line_that_matches_nothing_is_told_at_the_end(suite):
    result = suite(
        CHAT + EXISTING, "--wsrpc-faults", "publish:drop,channel=chatt; deliver:latency=1ms"
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "*= wsrpc faults =*",
            "--wsrpc-faults: publish:drop,channel=chatt matched nothing in the whole run: *",
        ]
    )
    assert "latency=1ms matched nothing" not in result.stdout.str()


@pytest.mark.slow
def test_workers_have_the_seed_of_the_run_and_tell_what_matched(suite):
    result = suite(
        CHAT + EXISTING,
        "--wsrpc-faults",
        "publish:drop,channel=chatt; deliver:latency=1ms",
        "-n2",
        subprocess=True,
    )
    result.assert_outcomes(passed=3)
    text = result.stdout.str()
    assert text.count("matched nothing") == 1
    assert "chatt matched nothing" in text
    seeds = suite(
        CHAT
        + """
import pytest_wsrpc.seeds

@pytest.mark.parametrize("n", range(4))
def test_seed(request, n):
    print("SEED", pytest_wsrpc.seeds.seed_of(request.config).value)
    assert False
""",
        "-n2",
        "--wsrpc-faults=deliver:latency=1ms",
        subprocess=True,
    ).stdout.str()
    assert len(set(re.findall(r"SEED (\d+)", seeds))) == 1


def test_a_marker_and_the_fixture_inject_into_one_plan(suite):
    suite(
        CHAT
        + """
pytestmark = pytest.mark.wsrpc(faults="deliver:duplicate")

@pytest.mark.wsrpc(faults="publish:error=CannotPublish,nth=1")
async def test_faults(ws_client, ws_faults):
    ws_faults.latency("publish", 0.001)
    assert [rule.spec.effect for rule in ws_faults.rules] == ["duplicate", "error", "latency"]
    await ws_client.call("subscribe", {"channel": "chat"})
    with pytest.raises(CannotPublish):
        await ws_client.call("say", {"text": "hello"})
    await ws_client.call("say", {"text": "hello"})
    assert (await ws_client.next_event()).data == "hello"
    assert (await ws_client.next_event()).data == "hello"
"""
    ).assert_outcomes(passed=1)


def test_a_rule_that_never_matched_fails_the_test(suite):
    result = suite(
        CHAT
        + """
@pytest.mark.wsrpc(faults="publish:drop,channel=chatt")
async def test_marked(ws_client):
    await ws_client.call("say", {"text": "hello"})

async def test_fixture(ws_client, ws_faults):
    ws_faults.drop("subscribe")

@pytest.mark.wsrpc(strict="server-errors")
async def test_lax(ws_client, ws_faults):
    ws_faults.drop("subscribe")

async def test_optional(ws_client, ws_faults):
    ws_faults.drop("subscribe", optional=True)
"""
    )
    result.assert_outcomes(failed=2, passed=2)
    result.stdout.fnmatch_lines(["*publish:drop,channel=chatt*"])


def test_a_mistake_in_a_marker_fails_the_collection_with_the_place(suite):
    result = suite(
        CHAT
        + """
@pytest.mark.wsrpc(faults="publish:eror=CannotPublish")
async def test_marked(ws_client):
    pass
"""
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "*test_marked: @pytest.mark.wsrpc(faults=...): *eror*",
            "*publish:eror=CannotPublish*",
            "*^*",
        ]
    )


def test_a_mistake_on_the_command_line_is_a_usage_error(suite):
    result = suite(CHAT, "--wsrpc-faults", "publish:latency=5 parsecs")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --wsrpc-faults: *", "*parsecs*"])


def test_faults_reach_the_managers_of_sub_applications_and_string_keys(suite):
    suite(
        CHAT
        + """
@pytest.fixture
def ws_app():
    part = web.Application()
    part.router.add_view("/stream", Room)
    part[SOCKETS_KEY] = LocalBroker()
    app = web.Application()
    app.add_subapp("/part", part)
    return app

@pytest.mark.wsrpc(faults="publish:error=CannotPublish")
async def test_sub(ws_connect):
    client = await ws_connect("/part/stream")
    with pytest.raises(CannotPublish):
        await client.call("say", {"text": "hello"})
"""
    ).assert_outcomes(passed=1)


def test_no_rules_are_no_faults(suite):
    result = suite(CHAT + EXISTING, "--wsrpc-faults", " ; ")
    result.assert_outcomes(passed=3)
    assert "wsrpc faults" not in result.stdout.str()


def test_a_worker_sends_home_what_its_rules_matched(suite):
    result = suite(
        CHAT + EXISTING,
        "--wsrpc-faults",
        "deliver:latency=1ms; publish:drop,channel=a; publish:drop,channel=b",
        conftest="""
        from types import SimpleNamespace

        def pytest_configure(config):
            config.workeroutput = {}

        def pytest_sessionstart(session):
            plugin = session.config.pluginmanager.get_plugin("wsrpc-faults")
            plugin.pytest_testnodedown(SimpleNamespace())
            matched = {"wsrpc_faults_matched": {"publish:drop,channel=a": 1}}
            plugin.pytest_testnodedown(SimpleNamespace(workeroutput=matched))

        def pytest_unconfigure(config):
            print(config.workeroutput)
        """,
    )
    result.assert_outcomes(passed=3)
    assert "channel=b matched nothing" in result.stdout.str()
    assert "channel=a matched nothing" not in result.stdout.str()
    result.stdout.fnmatch_lines(["{'wsrpc_faults_matched': {*'deliver:latency=1ms': 9*}}"])


def test_what_is_no_function_is_left_alone(suite):
    suite(
        """
        def double(n):
            '''
            >>> double(2)
            4
            '''
            return 2 * n
        """,
        "--doctest-modules",
    ).assert_outcomes(passed=1)
