"""What the library touches of aiohttp beyond its public interface."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from wsrpc.internals import keep_reading


async def test_aiohttp_still_has_what_makes_a_connection_deaf():
    handler = RequestHandler(web.Server(None), loop=asyncio.get_running_loop())
    handler.close()

    assert handler._close is True
    keep_reading(handler)
    assert handler._close is False


def test_an_aiohttp_without_it_is_left_alone():
    class Other:
        __slots__ = ()

    keep_reading(Other())
