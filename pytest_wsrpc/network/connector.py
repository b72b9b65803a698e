"""What connects a client session to the application of one test."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

import aiohttp

from .. import internals
from . import NetworkLink
from .transport import MemoryTransport

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

LINK: Final = "wsrpc_link"
"""The name of a client transport's extra info that is its `NetworkLink`."""


class AppConnector(aiohttp.BaseConnector, ABC):
    """A connector that leads to one application, whatever host a URL names.

    Takes the keyword arguments of `aiohttp.BaseConnector`. Raises `pytest.UsageError` where aiohttp
    lacks what this rests on.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # In the order of connecting, so that every run heals them in the same one.
        self._links: WeakValueDictionary[int, NetworkLink] = WeakValueDictionary()
        self._numbers = count()
        self._new_protocol = internals.protocol_factory(self)

    def heal(self) -> None:
        """Take back the faults of all connections, that they can be closed; no client is told."""
        for link in tuple(self._links.values()):
            link.finish()

    def close(self, *, abort_ssl: bool = False) -> Awaitable[None]:
        """Heal all faults, then close all connections.

        Those on which the server has not read what was sent are aborted: it may never do so.
        """
        for link in tuple(self._links.values()):
            link.finish(abort=True)
        return super().close(abort_ssl=abort_ssl)

    def _add_link(self, client: MemoryTransport, server: MemoryTransport) -> None:
        """Lay faults in reach of a new connection, as the client's extra info ``wsrpc_link``."""
        link = NetworkLink(client, server)
        client.add_extra_info(LINK, link)
        self._links[next(self._numbers)] = link

    @abstractmethod
    async def _open(self, request: aiohttp.ClientRequest, timeout: Any) -> ResponseHandler:
        """Give the protocol of a new connection, after `_add_link`."""

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: Any, timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        if req.is_ssl():
            raise ValueError(
                f"{req.url}: the application under test is served without TLS; write "
                f"{'ws' if req.url.scheme == 'wss' else 'http'}:// for {req.url.scheme}://"
            )
        return await self._open(req, timeout)
