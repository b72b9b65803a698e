"""How a test module begins whose application is its own."""

OWN_APP = """
    import pytest
    import pytest_asyncio
    from aiohttp import web
    from application import Stream, create_app
    from wsrpc import SOCKETS_KEY, LocalBroker, SocketsManager

"""
