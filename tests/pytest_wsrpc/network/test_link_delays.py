"""Latency, bandwidth and slices of a link, as the client and the server see them."""

import asyncio

import pytest

from pytest_wsrpc.network import NetworkLink

CALM = 30
"""Seconds in which whatever is awaited has happened, on a machine that does other things too."""

SHORT = 0.05
"""Seconds of a delay that is waited for in real time."""


def now():
    return asyncio.get_running_loop().time()


def arrivals_with_jitter(virtually, connected, seed):
    arrived = []

    async def test(serve):
        peer, ws, link = await connected(serve)
        link.seed(seed)
        link.latency(1, jitter=0.9)
        start = now()
        for number in range(30):
            await ws.send_str(str(number))
            await asyncio.sleep(0.05)
        await peer.until(lambda: len(peer.received) == 30)
        assert peer.received == [str(number) for number in range(30)]
        arrived.extend(time - start for time in peer.times)

    virtually(test)
    return arrived


async def test_latency_delays_what_each_side_receives(serve, connected):
    peer, ws, link = await connected(serve)
    link.latency(SHORT)
    start = now()

    await ws.send_str("there")
    await peer.until(lambda: peer.received)
    assert now() - start >= SHORT * 0.99

    await peer.sockets[0].send_str("back")
    assert (await ws.receive(CALM)).data == "back"
    assert now() - start >= 2 * SHORT * 0.99


@pytest.mark.parametrize(("direction", "trips"), [("both", 2), ("sent", 1), ("received", 1)])
def test_latency_is_exact_on_virtual_time_in_its_direction(virtually, direction, trips, rpc_client):
    async def test(serve):
        client, _ = await rpc_client(serve)
        client.link.latency(0.25, direction=direction)
        start = now()
        assert await client.call("echo", {"a": 1}) == {"a": 1}
        assert now() - start == pytest.approx(trips * 0.25, abs=1e-9)

    virtually(test)


def test_latencies_add_up_and_several_messages_travel_at_once(virtually, connected):
    async def test(serve):
        peer, ws, link = await connected(serve)
        link.latency(1)
        link.latency(0.5)
        start = now()
        for number in range(10):
            await ws.send_str(str(number))
            await asyncio.sleep(0.1)
        await peer.until(lambda: len(peer.received) == 10)
        assert peer.received == [str(number) for number in range(10)]
        assert [time - start for time in peer.times] == pytest.approx(
            [1.5 + number / 10 for number in range(10)]
        )

    virtually(test)


def test_jitter_never_changes_the_order_and_repeats_with_its_seed(virtually, connected):
    first = arrivals_with_jitter(virtually, connected, 7)
    assert first == sorted(first)
    assert len({round(time, 3) for time in first}) > 5
    assert all(time - number * 0.05 >= 0.1 for number, time in enumerate(first))
    assert all(time <= 29 * 0.05 + 1.9 for time in first)
    for _ in range(100):
        assert arrivals_with_jitter(virtually, connected, 7) == first
    assert arrivals_with_jitter(virtually, connected, 8) != first


def test_jitter_larger_than_the_latency_is_never_before_the_write(virtually, connected):
    async def test(serve):
        peer, ws, link = await connected(serve)
        link.latency(0, jitter=1)
        for number in range(20):
            await ws.send_str(str(number))
        await peer.until(lambda: len(peer.received) == 20)

    virtually(test)


async def test_bandwidth_slows_both_directions_down(serve, connected):
    peer, ws, link = await connected(serve)
    link.bandwidth(1_000_000)
    start = now()

    await ws.send_bytes(bytes(100_000))
    await peer.until(lambda: peer.received)
    assert now() - start >= 0.099

    await peer.sockets[0].send_bytes(bytes(100_000))
    assert len((await ws.receive(CALM)).data) == 100_000
    assert now() - start >= 0.198


def test_bandwidth_is_exact_on_virtual_time(virtually, connected):
    async def test(serve):
        peer, ws, link = await connected(serve)
        link.bandwidth(1000, direction="sent")
        link.bandwidth(5000)
        start = now()
        # a frame of 86 and one of 94 bytes: 6 of header and mask
        await ws.send_bytes(bytes(80))
        await ws.send_bytes(bytes(88))
        await peer.until(lambda: len(peer.received) == 2)
        assert [time - start for time in peer.times] == pytest.approx([0.086, 0.18])

        start = now()
        await peer.sockets[0].send_bytes(bytes(98))
        await ws.receive()
        assert now() - start == pytest.approx(100 / 5000)

    virtually(test)


def test_a_small_bandwidth_lets_single_bytes_pass(virtually, connected):
    async def test(serve):
        peer, ws, link = await connected(serve)
        link.bandwidth(2)
        start = now()
        await ws.send_bytes(b"abcd")
        await peer.until(lambda: peer.received)
        assert now() - start == pytest.approx(5)

    virtually(test)


def test_bandwidth_and_latency_compose(virtually, connected):
    async def test(serve):
        peer, ws, link = await connected(serve)
        link.bandwidth(100)
        link.latency(10)
        start = now()
        await ws.send_bytes(bytes(94))
        await ws.send_bytes(bytes(94))
        await peer.until(lambda: len(peer.received) == 2)
        assert [time - start for time in peer.times] == pytest.approx([11, 12])

    virtually(test)


def test_whoever_writes_faster_than_the_bandwidth_is_paused(virtually, connected):
    async def test(serve):
        peer, ws, link = await connected(serve)
        link.bandwidth(100_000)
        start = now()
        for _ in range(100):
            await ws.send_bytes(bytes(10_000))
        # 128 KiB are on their way when the writer is paused, which aiohttp sees a bit later
        assert now() - start > 6
        await peer.until(lambda: len(peer.received) == 100)
        assert now() - start == pytest.approx(10, rel=0.01)

    virtually(test)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_slices_arrive_whole_on_both_sides(serve, size, connected):
    peer, ws, link = await connected(serve)
    link.slice(size)
    for text in ("short", "x" * 20_000):
        await ws.send_str(text)
        await peer.until(lambda text=text: peer.received == [text])
        await peer.sockets[0].send_str(peer.received.pop())
        assert (await ws.receive(CALM)).data == text


async def test_a_slice_is_all_that_a_reader_gets_at_once(memory_pair):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    with link.slice(7, direction="sent"), link.slice(9):
        client.transport.write(b"x" * 20)
        server.transport.write(b"x" * 20)
        await server.until_received(20)
        await client.until_received(20)
    client.transport.write(b"x" * 20)
    await server.until_received(40)
    assert server.told == [7, 7, 6, 20]
    assert client.told == [9, 9, 2]
