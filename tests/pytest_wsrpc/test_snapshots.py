"""Whole terminal outputs: is it clear within ten seconds what happened, and what to do?

``WSRPC_SNAPSHOTS=write pytest tests/pytest_wsrpc/test_snapshots.py`` writes them anew, to be read.
"""

import os
import re
from pathlib import Path

import pytest

# An inner run that finds them forgotten would make their classes anew.
from pytest_wsrpc.clock import waiting  # noqa: F401

SNAPSHOTS = Path(__file__).with_name("snapshots")

APP = """
    import asyncio
    import pytest
    from aiohttp import web
    from wsrpc import ApiPath, CannotPublish, Limits, LocalBroker, Publish, Subscribe, WsPathMixin


    class Orders(ApiPath, WsPathMixin, Subscribe, Publish):
        limits = Limits(heartbeat=None)

        async def ws_rpc_total(self, payload):
            return sum(payload["prices"]) / len(payload["prices"])

        async def ws_rpc_watch(self, payload):
            self.watcher = asyncio.create_task(self.watch_prices(), name="watcher")
            return "watching"

        async def watch_prices(self):
            while True:
                await asyncio.sleep(10)
                await self.send_event("prices", "tick", 1)

        async def ws_rpc_wait(self, payload):
            await asyncio.Event().wait()


    @pytest.fixture
    def ws_app():
        app = web.Application()
        app.router.add_view("/stream", Orders)
        LocalBroker.for_app(app)
        return app

"""

TESTS = {
    "failed assertion": """
    async def test_total(ws_client):
        assert await ws_client.call("total", {"prices": [1, 2, 6]}) == 9
    """,
    "server exception": """
    async def test_total(ws_client):
        await ws_client.send_json({"id": "a", "method": "total", "payload": {"prices": []}})
        assert await ws_client.call("total", {"prices": [4]}) == 4
    """,
    "deadlock": """
    @pytest.mark.wsrpc(clock="virtual")
    async def test_ticks(ws_client):
        await ws_client.call("subscribe", {"channel": "prices"})
        await ws_client.next_event("prices", timeout=None)
    """,
    "never answered": """
    @pytest.mark.wsrpc(clock="virtual")
    async def test_wait(ws_client):
        await ws_client.call("wait", timeout=30)
    """,
    "unused fault rule": """
    async def test_a_refused_order(ws_client, ws_faults):
        ws_faults.error("publish", CannotPublish, channel="ordr*")
        await ws_client.publish("orders", "new", {"id": 7})
    """,
    "fault": """
    async def test_a_refused_order(ws_client, ws_faults):
        ws_faults.error("publish", CannotPublish, channel="order*", times=1)
        await ws_client.publish("orders", "new", {"id": 7})
    """,
    "leaked task": """
    async def test_watch(ws_client):
        assert await ws_client.call("watch") == "watching"
    """,
    "unread error": """
    async def test_total(ws_client):
        await ws_client.send_json({"id": "a", "method": "totl"})
        assert await ws_client.call("total", {"prices": [4]}) == 4
    """,
    "left subscription": """
    @pytest.fixture(scope="session")
    def broker():
        return LocalBroker()

    @pytest.fixture
    def ws_app(broker):
        def log(channel, event, data):
            print(channel, event, data)

        async def start(app):
            await broker.channels.register("orders", "*", log)

        app = web.Application()
        app["web_sockets"] = broker
        app.router.add_view("/stream", Orders)
        app.on_startup.append(start)
        return app

    @pytest.mark.filterwarnings("ignore::aiohttp.web.NotAppKeyWarning")
    async def test_orders(ws_client):
        await ws_client.publish("orders", "new", {"id": 7})
    """,
    "typo in a rule": """
    @pytest.mark.wsrpc(faults="publish:error=CannotPublish; deliver:latncy=50ms")
    async def test_a_slow_broker(ws_client):
        pass
    """,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TESTS)
def test_the_whole_output_is_as_it_was_read(suite, name):
    compare(name, suite(APP + TESTS[name], "-p", "no:logging", "--wsrpc-seed", "7"))


def test_a_typo_on_the_command_line_is_one_short_error(suite):
    result = suite(APP + TESTS["leaked task"], "--wsrpc-faults", "publish:error=CanotPublish")
    compare("typo on the command line", result)


def compare(name: str, result: pytest.RunResult) -> None:
    path = SNAPSHOTS / f"{name.replace(' ', '_')}.txt"
    text = stable("\n".join([*result.outlines, *result.errlines]))
    if os.environ.get("WSRPC_SNAPSHOTS") == "write":
        SNAPSHOTS.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def stable(text: str) -> str:
    """Leave out what differs from machine to machine, and from run to run."""
    lines = [line.rstrip() for line in text.splitlines()]
    # Python 3.11 and 3.13 point at different parts of a line.
    lines = [line for line in lines if not re.match(r"(E\s)?\s*[~^]*\^[~^]*$", line)]
    lines = [line for line in lines if not re.match("(platform|rootdir|plugins|asyncio): ?", line)]
    text = "\n".join(lines).strip("\n") + "\n"
    text = re.sub(r"(?m)^platform .*\n", "", text)
    text = re.sub(r"ws://127\.0\.0\.1:\d+", "ws://localhost", text)
    text = re.sub(r'File ".*?([^"/\\]+)"', r'File "\1"', text)
    text = re.sub(r"(?m)^\S*?((py)?wsrpc/\w+\.py:)\d+", r"\g<1>0", text)
    text = re.sub(r"\+\d+\.\d+ s", "+0.000 s", text)
    text = re.sub(r"in \d+\.\d+s", "in 0.00s", text)
    text = re.sub(r"([-_=]{3})\1+[-_=]*", r"\1", text)
    text = re.sub(r"'Task-\d+'", "'Task-1'", text)
    return re.sub(r"0x[0-9a-f]+", "0x0", text)
