"""Redis behind TLS, with a password: what the url and the options of a connection are for."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from typing import NamedTuple

import pytest
import redis
import trustme
from aiohttp import web

from pytest_wsrpc import FaultProxy, RedisServer
from pytest_wsrpc.redis_server import find_server, find_servers
from wsrpc import BrokerUnavailable, Publisher, RedisBroker

PASSWORD = "s%cret/with:signs"
QUOTED = "s%25cret%2Fwith%3Asigns"

PATIENCE = 20.0
"""Seconds that a handshake may take on a busy machine."""

WITHOUT_TLS: set[str] = set()
"""Programs of which it is known that they were built without TLS."""


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority, tmp_path_factory):
    """The certificate to trust, as a file."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture(scope="module")
def issued(authority):
    return authority.issue_cert("localhost")


class Reached(NamedTuple):
    """A Redis that is reached through TLS alone, but for its unix socket."""

    server: RedisServer
    port: int

    @property
    def url(self):
        return f"rediss://:{QUOTED}@localhost:{self.port}"

    def inside(self, **options):
        """Connect without TLS."""
        return redis.Redis(unix_socket_path=self.server.path, password=PASSWORD, **options)


@contextmanager
def serving_tls(trusted, issued, directory, asks):
    """Start the first of the installed servers that was built with TLS."""
    issued.private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        *("--requirepass", PASSWORD),
        *("--tls-port", str(port)),
        *("--tls-cert-file", str(directory / "server.pem")),
        *("--tls-key-file", str(directory / "server.pem")),
        *("--tls-ca-cert-file", trusted),
        *("--tls-auth-clients", "yes" if asks else "no"),
    ]
    for program in find_servers():
        if program in WITHOUT_TLS:
            continue
        with ExitStack() as stack:
            try:
                server = stack.enter_context(RedisServer(program, *options))
            except RuntimeError:
                WITHOUT_TLS.add(program)
                continue
            yield Reached(server, port)
            return
    pytest.skip("no Redis that was built with TLS is installed")


@asynccontextmanager
async def behind_a_proxy(authority, issued, asks):
    """Start a Redis behind a proxy that ends TLS, as clouds have it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    if asks:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    tasks = set()

    async def pump(reader, writer):
        with closing(writer):
            while data := await reader.read(2**16):
                writer.write(data)

    async def accept(reader, writer):
        tasks.add(asyncio.current_task())
        far_reader, far_writer = await asyncio.open_unix_connection(server.path)
        ways = pump(reader, far_writer), pump(far_reader, writer)
        await asyncio.gather(*ways, return_exceptions=True)

    with RedisServer(find_server(), "--requirepass", PASSWORD) as server:
        listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
        yield Reached(server, listener.sockets[0].getsockname()[1])
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(params=["the server's own", "a proxy's"])
async def reach(request, authority, trusted, issued, tmp_path):
    """Start a Redis behind TLS: ``await reach(asks=False)``; `asks` for clients' certificates."""
    async with AsyncExitStack() as stack:

        async def start(asks=False):
            if request.param == "a proxy's":
                return await stack.enter_async_context(behind_a_proxy(authority, issued, asks))
            return stack.enter_context(serving_tls(trusted, issued, tmp_path, asks))

        yield start


@pytest.fixture
async def reached(reach):
    return await reach()


async def test_an_application_reaches_redis_through_tls_with_a_password(
    reached, trusted, listen, until
):
    app = web.Application()
    broker = RedisBroker.for_app(app, reached.url, history=10, ssl_ca_certs=trusted)
    runner = web.AppRunner(app)
    await runner.setup()
    assert broker.healthy
    heard = await listen(broker, "x")
    await broker.publish("x", "e", 1)
    async with Publisher(reached.url, history=10, ssl_ca_certs=trusted) as publisher:
        await publisher.publish("x", "e", "ü" * 100_000)
    await until(lambda: heard == [("e", 1), ("e", "ü" * 100_000)])
    assert (await broker.read_history("x", None)).position.offset == 2
    await runner.cleanup()
    assert not broker.healthy


async def test_the_certificate_to_trust_may_stand_in_the_url(reached, trusted):
    async with Publisher(f"{reached.url}?ssl_ca_certs={trusted}") as publisher:
        await publisher.publish("x")


async def test_a_lost_connection_through_tls_loses_no_event(reached, trusted, listen, until):
    async with FaultProxy(("127.0.0.1", reached.port)) as network:
        url = f"rediss://:{QUOTED}@localhost:{network.port}"
        options = {"history": 100, "ssl_ca_certs": trusted}
        broker = RedisBroker(url, probe=0.5, **options)
        await broker.start()
        heard = await listen(broker, "x")
        async with Publisher(reached.url, **options) as publisher:
            for number in range(30):
                if number % 10 == 5:
                    network.cut()
                await publisher.publish("x", "e", number)
        await until(lambda: len(heard) >= 30)
        assert heard == [("e", number) for number in range(30)]
        assert broker.server_info()["redis"]["losses"] >= 1
        await broker.close()


@pytest.mark.parametrize("fault", ["authority", "name"])
async def test_a_server_that_cannot_prove_who_it_is_gets_nothing(reached, trusted, fault, tmp_path):
    url = reached.url
    if fault == "authority":
        trusted = str(tmp_path / "ca.pem")
        trustme.CA().cert_pem.write_to_path(trusted)
    else:
        url = f"rediss://:{QUOTED}@127.0.0.1:{reached.port}"
    async with Publisher(url, timeout=PATIENCE, ssl_ca_certs=trusted) as publisher:
        with pytest.raises(BrokerUnavailable, match="certificate verify failed"):
            await publisher.publish("x", "e", 1)
    with reached.inside() as client:
        assert client.dbsize() == 0


async def test_an_application_does_not_count_as_healthy_without_trust(reached):
    broker = RedisBroker(reached.url, timeout=0.2)
    await broker.start()
    assert not broker.healthy
    await broker.close()


async def test_a_server_may_ask_for_the_certificate_of_its_client(
    reach, authority, trusted, tmp_path
):
    reached = await reach(asks=True)
    mine = str(tmp_path / "client.pem")
    authority.issue_cert("broker").private_key_and_cert_chain_pem.write_to_path(mine)
    async with Publisher(reached.url, timeout=PATIENCE, ssl_ca_certs=trusted) as publisher:
        with pytest.raises(BrokerUnavailable):
            await publisher.publish("x")
    options = {"ssl_ca_certs": trusted, "ssl_certfile": mine, "ssl_keyfile": mine}
    async with Publisher(reached.url, **options) as publisher:
        await publisher.publish("x")


async def test_without_tls_a_server_that_speaks_it_is_not_reached(reached):
    async with Publisher(f"redis://:{QUOTED}@localhost:{reached.port}", timeout=0.5) as publisher:
        with pytest.raises(BrokerUnavailable):
            await publisher.publish("x")


async def test_a_user_and_a_database_stand_in_the_url(reached, trusted):
    with reached.inside(db=3) as client:
        client.execute_command("ACL", "SETUSER", "worker", "on", ">pass", "~*", "&*", "+@all")
    url = f"rediss://worker:pass@localhost:{reached.port}/3"
    async with Publisher(url, ssl_ca_certs=trusted) as publisher:
        await publisher.publish("x")
        assert client.dbsize() == 1
