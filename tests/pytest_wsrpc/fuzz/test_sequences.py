"""The phase ``sequence``: what it finds, and the test to paste that comes with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

RunPytest = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]
Paste = Callable[[pytest.RunResult], str]

SHOP = """
async def on_connect(self):
    self.items, self.last = {}, None

async def ws_rpc_create_item(self, payload: Title) -> Item:
    self.last = f"i{id(payload)}-{len(self.items)}"
    self.items[self.last] = payload.title
    return Item(self.last, payload.title)

async def ws_rpc_delete_item(self, payload: Which) -> Item:
    if payload.item_id not in self.items:
        raise RpcError(7, "no such item")
    return Item(payload.item_id, self.items.pop(payload.item_id))

async def ws_rpc_last_item(self, payload: dict) -> Item:
    if self.last is None:
        raise RpcError(8, "nothing yet")
    return Item(self.last, self.items.get(self.last, 7))
"""

TYPES = """

@dataclass
class Title:
    title: str


@dataclass
class Item:
    id: str
    title: str


@dataclass
class Which:
    item_id: str
"""


@pytest.fixture
def fuzz(fuzz: RunPytest) -> RunPytest:
    """Try more cases than other tests do: what takes three calls is not in all of them."""
    return partial(fuzz, "--wsrpc-max-examples=25")


@pytest.fixture
def write_shop(write_app: WriteApp, pytester: pytest.Pytester) -> WriteApp:
    """Write an application where an item that was deleted is still the last one."""

    def write(methods: str = SHOP) -> None:
        write_app(methods)
        path = pytester.path / "myapp.py"
        text = path.read_text()
        path.write_text(text.replace("\n\nclass Stream", f"{TYPES}\n\nclass Stream"))

    return write


def again(pytester: pytest.Pytester, source: str) -> pytest.RunResult:
    pytester.makepyfile(test_pasted=source)
    return pytester.runpytest_inprocess("-p", "no:randomly", "test_pasted.py")


@pytest.mark.slow
def test_what_only_three_calls_show_is_found_and_told_by_just_these(
    write_shop: WriteApp, fuzz: RunPytest, pytester: pytest.Pytester, paste: Paste
) -> None:
    write_shop()
    result = fuzz(phases=["sequence"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "/stream: sequence",
            "check: conforms",
            "",
            '*> {"id":*,"method":"create_item","payload":{"title":*}}',
            "*<*",
            '*> {"id":*,"method":"delete_item","payload":{"item_id":"i*"}}',
            "*<*",
            '*> {"id":*,"method":"last_item","payload":{*}}',
            "*< *-32603*",
            "",
            "*",
        ],
        consecutive=True,
    )
    result.stdout.fnmatch_lines(
        [
            "    async def test_last_item_conforms(ws_connect):",
            "        client = await ws_connect('/stream')",
            "        reply_0 = await client.request('create_item', {'title': *}, timeout=5)",
            "        await client.request('delete_item', {'item_id': "
            "reply_0[[]\"response\"][[]'id']}, timeout=5)",
            "        reply_2 = await client.request('last_item', {*}, timeout=5)",
            '        assert reply_2.get("error", {}).get("code") != -32603, reply_2',
        ],
        consecutive=True,
    )
    pasted = again(pytester, paste(result))
    pasted.assert_outcomes(failed=1)
    pasted.stdout.fnmatch_lines(["E *-32603*"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_other_seeds_find_the_same(write_shop: WriteApp, fuzz: RunPytest, seed: int) -> None:
    write_shop()
    result = fuzz(f"--wsrpc-seed={seed}", phases=["sequence"])
    result.assert_outcomes(failed=1)
    assert result.outlines.count("check: conforms") == 1


@pytest.mark.slow
def test_what_one_call_shows_does_not_hide_what_several_show(
    write_shop: WriteApp, fuzz: RunPytest
) -> None:
    write_shop(f"{SHOP}\nasync def ws_rpc_broken(self, payload: Title) -> Item:\n    1 / 0\n")
    result = fuzz(phases=["accepts", "sequence"])
    result.assert_outcomes(failed=2, passed=4)
    text = result.stdout.str()
    assert text.count("check: conforms") == 1
    assert text.count("check: no-internal-error") == 1
    result.stdout.fnmatch_lines(["also in: /stream broken: sequence"])


@pytest.mark.slow
def test_time_passes_and_clients_come_back(
    write_shop: WriteApp, fuzz: RunPytest, pytester: pytest.Pytester, paste: Paste
) -> None:
    write_shop(
        """
        async def ws_rpc_open(self, payload: dict) -> int:
            asyncio.get_running_loop().call_later(30, vars(self).setdefault, "late", 1)
            return 1

        async def ws_rpc_look(self, payload: dict) -> int:
            return 1 // (1 - getattr(self, "late", 0))
        """
    )
    path = pytester.path / "myapp.py"
    path.write_text(f"import asyncio\n{path.read_text()}")
    result = fuzz(phases=["sequence"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*~ 61 s pass", "        await ws_clock.advance(61)"])
    again(pytester, paste(result)).assert_outcomes(failed=1)


@pytest.mark.slow
def test_a_method_that_waits_for_another_is_no_finding(
    write_shop: WriteApp, fuzz: RunPytest
) -> None:
    write_shop(
        """
        async def on_connect(self):
            self.jobs = asyncio.Queue()

        async def ws_rpc_put(self, payload: Title) -> None:
            self.jobs.put_nowait(payload.title)

        async def ws_rpc_take(self, payload: dict) -> str:
            return await self.jobs.get()
        """
    )
    path = Path("myapp.py")
    path.write_text(f"import asyncio\n{path.read_text()}")
    result = fuzz(phases=["sequence"])
    result.assert_outcomes(passed=1)
    assert "warning:" not in result.stdout.str()


def test_a_sound_application_passes(write_shop: WriteApp, fuzz: RunPytest) -> None:
    write_shop(SHOP.replace(".get(self.last, 7)", '.get(self.last, "gone")'))
    fuzz(phases=["sequence"]).assert_outcomes(passed=1)


def test_an_application_that_cannot_be_made_anew_is_not_run(
    write_app: WriteApp, fuzz: RunPytest
) -> None:
    write_app(end="\napp = create_app()\n")
    result = fuzz(target="myapp:app", phases=["protocol", "sequence"])
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "not run: sequence of /stream: it needs a fresh application for each case: give what "
            "makes one"
        ]
    )


def test_the_built_in_methods_alone_are_another_phases(
    write_app: WriteApp, fuzz: RunPytest
) -> None:
    write_app()
    result = fuzz("--wsrpc-exclude=add", phases=["protocol", "sequence"])
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["not run: sequence of /stream: there is no method but *"])
