"""A read puts the next ping off by setting a time, without a callback of the loop for it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from benchmarks.servers.steps import naive, past_transport


class Socket(web.WebSocketResponse[Any]):
    """aiohttp's websocket, which schedules a callback at each read to put its ping off."""

    def _on_data_received(self) -> None:
        if self._loop is None or self._heartbeat_cb is None or self._pong_response_cb is not None:
            super()._on_data_received()
        else:
            # the timer that runs looks at it, and waits for the rest of the time
            self._heartbeat_when = self._loop.time() + naive.HEARTBEAT


class Stream(past_transport.Stream):
    """Has a timer for its heartbeat, and nothing else."""

    def open(self) -> web.WebSocketResponse[Any]:
        """Return the websocket."""
        return Socket(heartbeat=naive.HEARTBEAT, decode_text=False)


if __name__ == "__main__":
    naive.main(Stream)
