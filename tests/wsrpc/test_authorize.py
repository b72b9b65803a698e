"""Who may subscribe and publish."""

from __future__ import annotations

from typing import Any

from wsrpc import ApiPath, Publish, Subscribe, WsPathMixin


class Guarded(ApiPath, WsPathMixin, Subscribe, Publish):
    """A view that notes what its client asks for, and refuses what is forbidden."""

    asked: list[Any] = []

    async def ws_rpc_join(self, payload: dict[str, Any]) -> list[str]:
        """Subscribe from a handler."""
        return await self.subscribe(payload["channel"])

    async def authorize(self, action: Any, channel: str, event: str) -> bool:
        self.asked.append((action, channel, event, self.request.query.get("who")))
        return "forbidden" not in (channel, event) or self.request.query.get("who") == "admin"


async def test_every_subscribe_and_publish_is_authorized_with_its_connection(
    serve: Any,
) -> None:
    Guarded.asked.clear()
    server = await serve(Guarded)
    guest = await server.connect(url=server.url + "?who=guest")
    admin = await server.connect(url=server.url + "?who=admin")
    subscribe = {"channel": "forbidden"}
    publish = {"channel": "x", "event": "forbidden", "data": 1}
    forbidden = {"code": -32003, "message": "Forbidden"}
    for _ in range(2):
        assert (await guest.call("subscribe", subscribe))["error"] == forbidden
        assert (await admin.call("subscribe", subscribe))["response"]
        assert (await guest.call("publish", publish))["error"] == forbidden
        assert (await admin.call("publish", publish))["response"]
    both = {"channel": "x", "event": ["a", "forbidden"]}
    assert (await guest.call("subscribe", both))["error"] == forbidden
    assert (await guest.call("join", subscribe))["error"] == forbidden
    await guest.call("publish", {"channel": "x", "data": 1})
    await guest.call("unsubscribe", {"channel": "forbidden"})
    assert server.broker.server_info()["channels"] == {"forbidden": {"*": 1}}
    once = [
        ("subscribe", "forbidden", "*", "guest"),
        ("subscribe", "forbidden", "*", "admin"),
        ("publish", "x", "forbidden", "guest"),
        ("publish", "x", "forbidden", "admin"),
    ]
    assert Guarded.asked == [
        *once,
        *once,
        ("subscribe", "x", "a", "guest"),
        ("subscribe", "x", "forbidden", "guest"),
        ("subscribe", "forbidden", "*", "guest"),
        ("publish", "x", "", "guest"),
    ]
