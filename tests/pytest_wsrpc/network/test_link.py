"""What holds for all faults of a link: how they are set, healed and told."""

import asyncio

import pytest

from pytest_wsrpc.client import WsTestClient
from pytest_wsrpc.network import NetworkLink


def now():
    return asyncio.get_running_loop().time()


async def test_faults_are_told_in_words(memory_pair):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    told = []
    link.on_fault = told.append
    assert repr(link) == "<NetworkLink: no faults>"

    fault = link.latency(0.1, jitter=0.02)
    with link.stall(direction="received"):
        assert repr(link) == "<NetworkLink: latency 0.1 s ± 0.02 s, stalled (received)>"
    fault.heal()
    fault.heal()
    link.bandwidth(10_000)
    link.slice(7, direction="sent")
    link.half_open()
    link.heal()
    link.heal()
    link.close(1012, "restarting")
    assert repr(fault) == "<LinkFault latency 0.1 s ± 0.02 s>"

    assert told == [
        "latency 0.1 s ± 0.02 s",
        "stalled (received)",
        "healed: stalled (received)",
        "healed: latency 0.1 s ± 0.02 s",
        "bandwidth 10000 bytes/s",
        "slices of 7 bytes (sent)",
        "half-open",
        "healed",
        "closed 1012: restarting",
    ]


async def test_on_a_connection_that_has_ended_nothing_is_told(memory_pair):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    client.transport.close()
    await server.until_told("lost")
    told = []
    link.on_fault = told.append
    link.reset()
    link.close()
    assert not told
    link.latency(1)
    link.heal()


async def test_the_client_shows_faults_in_its_transcript(serve, rpc_client):
    client, _ = await rpc_client(serve)
    client.link.latency(0.01)
    assert "latency 0.01 s" in client.transcript.render()
    await client.close()


async def test_a_client_of_another_connector_has_no_link(serve, rpc_app):
    served = await serve(rpc_app())
    if served.url.host == "localhost":
        pytest.skip("cannot be reached by a connector of its own")
    async with WsTestClient.connect(served.url.with_path("/stream"), name="mine") as client:
        with pytest.raises(RuntimeError, match="mine has no link"):
            client.link.stall()


async def test_a_connector_heals_the_faults_of_all_its_connections(serve, make_peer):
    peer = make_peer()
    served = await serve(peer.app())
    pairs = [await served.linked() for _ in range(3)]
    for ws, link in pairs:
        link.stall()
        await ws.send_str("held back")
    served.connector.heal()
    await peer.until(lambda: len(peer.received) == 3)


async def test_a_session_that_closes_heals_its_links(serve, make_peer):
    peer = make_peer()
    served = await serve(peer.app())
    _, link = await served.linked()
    link.half_open()
    await served.session.close()
    await peer.until(lambda: peer.ends)


def test_a_fault_that_is_healed_lets_what_it_held_arrive_at_once(virtually, connected):
    async def test(serve):
        peer, ws, link = await connected(serve)
        latency = link.latency(3600)
        stalled = link.stall()
        start = now()
        await ws.send_str("one")
        latency.heal()
        await ws.send_str("two")
        await asyncio.sleep(1)
        assert not peer.received
        stalled.heal()
        await peer.until(lambda: len(peer.received) == 2)
        assert now() - start == 1
        assert peer.received == ["one", "two"]
        await ws.send_str("three")
        await peer.until(lambda: len(peer.received) == 3)
        assert now() - start == 1

    virtually(test)


def test_of_two_latencies_the_one_left_goes_on(virtually, connected):
    async def test(serve):
        peer, ws, link = await connected(serve)
        link.latency(2)
        with link.latency(5):
            start = now()
            await ws.send_str("slow")
        await ws.send_str("fast, but behind")
        await peer.until(lambda: len(peer.received) == 2)
        assert peer.received == ["slow", "fast, but behind"]
        assert peer.times == [start + 7, start + 7]

    virtually(test)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda link: link.latency(-1), r"link\.latency\(seconds\).* 0 or more, got -1"),
        (lambda link: link.latency("1s"), "got '1s'"),
        (lambda link: link.latency(True), "got True"),
        (lambda link: link.latency(float("nan")), "got nan"),
        (lambda link: link.latency(1, jitter=-1), r"link\.latency\(jitter\)"),
        (lambda link: link.bandwidth(0), r"link\.bandwidth\(bytes_per_second\).* more than 0"),
        (lambda link: link.bandwidth(float("inf")), "got inf"),
        (lambda link: link.slice(0), r"link\.slice\(size\): expected a whole number"),
        (lambda link: link.slice(1.5), "got 1.5"),
        (lambda link: link.stall(direction="up"), "'both', 'sent' or 'received'.* got 'up'"),
    ],
)
async def test_a_wrong_value_is_refused_with_what_is_expected(memory_pair, fault, message):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    link.on_fault = pytest.fail
    with pytest.raises(ValueError, match=message):
        fault(link)
    assert link.faults == ()
