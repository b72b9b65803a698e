"""A hand-written listener on picows, a Cython library, and the standard library's JSON."""

from __future__ import annotations

import asyncio
import json
import socket

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from benchmarks.servers.serving import serve

TEXT = WSMsgType.TEXT
subscribers: set[WSTransport] = set()


class Stream(WSListener):
    """Answers calls, one after the other."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Answer one call."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
            return
        call = json.loads(frame.get_payload_as_utf8_text())
        method, payload = call["method"], call["payload"]
        if method == "echo":
            response = payload
        elif method == "subscribe":
            subscribers.add(transport)
            response = {"subscribed": payload["channel"]}
        elif method == "publish":
            event = json.dumps(payload).encode()
            for subscriber in subscribers:
                subscriber.send(TEXT, event)
            response = {"published": payload["channel"]}
        else:
            raise ValueError(f"unknown method {method!r}")
        reply = {"id": call["id"], "method": method, "response": response}
        transport.send(TEXT, json.dumps(reply).encode())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Forget the subscriber."""
        subscribers.discard(transport)


def listener_of(request: WSUpgradeRequest) -> Stream:
    """Make the listener of one connection."""
    return Stream()


async def start(listener: socket.socket) -> asyncio.Server:
    """Start the server."""
    return await ws_create_server(listener_of, sock=listener, backlog=1024)


if __name__ == "__main__":
    serve(start, "picows", "aiofastnet")
