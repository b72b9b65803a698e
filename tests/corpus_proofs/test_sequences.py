"""Defects that several calls in a row show: the phase sequence, and what is left behind."""

import asyncio
import gc

import pytest

from wsrpc import Websocket

# What a defect leaves behind is told here already.
pytestmark = pytest.mark.wsrpc(strict=False)

INTERNAL_ERROR = -32603


async def test_todo(ws_client, code):
    task = await ws_client.call("add", {"text": "milk"})
    assert await ws_client.call("list") == [task]
    await ws_client.call("remove", {"task_id": task["task_id"]})
    assert await code(ws_client, "list") == INTERNAL_ERROR


async def test_notes(ws_client, code):
    assert (await ws_client.call("create", {"text": "a"}))["note_id"] == 2
    await ws_client.call("delete", {"note_id": 1})
    assert await code(ws_client, "create", text="b") == INTERNAL_ERROR


async def test_profiles(ws_client):
    await ws_client.call("change", {"name": "Ada"})
    assert (await ws_client.call("show"))["name"] == "Ada"
    await ws_client.call("change", {"motto": "onwards"})
    reply = await ws_client.request("show")
    assert reply["error"]["message"] == "Invalid response"


async def test_history(ws_client, code):
    page = await ws_client.call("page", {"limit": 2})
    assert page["before"] == 8
    assert await code(ws_client, "page", before=10) == 1001
    await ws_client.call("delete", {"message_id": 8})
    assert await code(ws_client, "page", before=8) == INTERNAL_ERROR


async def test_carts(ws_client, code):
    await ws_client.call("add", {"article": "pot", "quantity": 1})
    assert await ws_client.call("voucher", {"cents": 1000}) == {"total": 500}
    reply = await ws_client.request("voucher", {"cents": 1000})
    assert reply["error"]["message"] == "Invalid response"


async def test_sessions(ws_client, code):
    assert await code(ws_client, "desk") == 1001
    await ws_client.call("login", {"user": "ada"})
    await ws_client.call("desk")
    await ws_client.call("logout")
    assert await code(ws_client, "desk") == INTERNAL_ERROR


async def test_ratings(ws_client, code):
    assert await code(ws_client, "average", film="alien") == 1001
    await ws_client.call("rate", {"film": "alien", "stars": 5})
    assert (await ws_client.call("average", {"film": "alien"}))["stars"] == 5
    await ws_client.call("withdraw", {"film": "alien"})
    assert await code(ws_client, "average", film="alien") == INTERNAL_ERROR


async def test_folders(ws_client, interrupting):
    assert await ws_client.call("depth", {"folder_id": 3}) == 2
    await ws_client.call("move", {"folder_id": 2, "into": 3})
    reply = await ws_client.request("depth", {"folder_id": 3})
    assert reply["error"]["code"] == INTERNAL_ERROR
    [entry] = [entry for entry in ws_client.transcript.entries if entry.direction == "failed"]
    assert isinstance(entry.exception, interrupting)


async def test_stockroom(ws_client, code):
    assert await code(ws_client, "take", article="toner", quantity=3) is None
    assert await code(ws_client, "take", article="toner", quantity=1) == 1001
    with pytest.raises(TimeoutError):
        await ws_client.call("take", {"article": "paper", "quantity": 1}, timeout=0.2)


async def test_whiteboards(ws_client):
    await ws_client.call("draw", {"x": 1, "y": 1})
    await ws_client.call("archive")
    with pytest.raises(ConnectionError):
        await ws_client.call("draw", {"x": 1, "y": 1})
    assert ws_client.close_code == 4410


async def test_filestore(ws_client, code):
    await ws_client.call("write", {"name": "a"})
    assert await code(ws_client, "rename", old="b", new="a") == 1001
    assert await code(ws_client, "rename", old="a", new="b") is None
    assert await code(ws_client, "rename", old="b", new="b") == INTERNAL_ERROR
    assert await ws_client.call("names") == []


async def rounds(connect, settle, *calls):
    """Connect, call and disconnect 20 times; count what there is after 10 and after 20."""
    counts = []
    for number in range(1, 21):
        client = await connect()
        for method, payload in calls:
            await client.call(method, payload)
        await client.close()
        if number % 10 == 0:
            await settle()
            gc.collect()
            views = sum(isinstance(one, Websocket) for one in gc.get_objects())
            counts.append((views, len(asyncio.all_tasks())))
    (views, tasks), (later_views, later_tasks) = counts
    return later_views - views, later_tasks - tasks


async def test_audit(ws_connect, settle):
    views, tasks = await rounds(ws_connect, settle, ("report", {"branch": "north", "crates": 1}))
    assert (views, tasks) == (10, 0)


async def test_alerts(ws_connect, ws_client, settle, broker):
    views, tasks = await rounds(ws_connect, settle, ("watch", {}))
    assert (views, tasks) == (10, 0)
    assert broker.server_info()["channels"] == {"prices": {"changed": 20}}
    await ws_client.call("watch")
    await ws_client.call("change", {"cents": 7})
    await settle()
    assert await ws_client.call("highest") == {"cents": 7}


async def test_livestats(ws_connect, settle):
    views, tasks = await rounds(ws_connect, settle, ("watch", {"figure": "visits"}))
    assert (views, tasks) == (10, 10)


async def test_kennels(ws_connect, settle):
    calls = (
        ("sign_in", {"name": "Ada", "pin": "4912"}),
        ("take_in", {"name": "Rex", "kilograms": 20.0}),
        ("follow", {"dog_id": 1}),
    )
    views, tasks = await rounds(ws_connect, settle, *calls)
    assert (views, tasks) == (10, 0)
