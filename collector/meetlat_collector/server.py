"""The server on one socket: its connections, their deadlines, and an end that loses no answer."""

from __future__ import annotations

import asyncio
import socket
from email.utils import formatdate

from meetlat_collector.connection import Application, Connection, Limits, Shared
from meetlat_collector.counters import Counters

__all__ = ["Limits", "Server"]

_BACKLOG = 2048
_TICK_SECONDS = 1.0


class Server:
    """Make it within the event loop; `start`, and in the end `finish`."""

    def __init__(self, app: Application, counters: Counters, limits: Limits | None = None) -> None:
        self._shared = Shared(app, counters, limits or Limits())
        self._loop = self._shared.loop
        self._listener: asyncio.Server | None = None
        self._ticking: asyncio.TimerHandle | None = None

    async def start(self, bound: socket.socket) -> None:
        """Take requests on a bound socket."""
        self._tick()
        self._listener = await self._loop.create_server(
            lambda: Connection(self._shared), sock=bound, backlog=_BACKLOG
        )

    async def finish(self, deadline: float) -> None:
        """Take no more requests; finish those that are complete, within `deadline` seconds.

        A request still on its way in gets a third of that time.
        """
        shared = self._shared
        end = self._loop.time() + deadline
        shared.stopping = True
        if self._listener is not None:
            self._listener.close()
        for connection in list(shared.connections):
            connection.stop()
        impatience = self._loop.call_later(deadline / 3, self._stop_receiving)
        while shared.tasks and (left := end - self._loop.time()) > 0:
            await asyncio.wait(list(shared.tasks), timeout=left)
        impatience.cancel()
        for task in shared.tasks:
            task.cancel()
        if shared.tasks:
            await asyncio.wait(list(shared.tasks), timeout=1)
        for connection in list(shared.connections):
            connection.close()
        if self._ticking is not None:
            self._ticking.cancel()

    def _stop_receiving(self) -> None:
        for connection in list(self._shared.connections):
            connection.stop_receiving()

    def _tick(self) -> None:
        """Once a second: the date of the answers, and clients that are over their time."""
        self._ticking = self._loop.call_later(_TICK_SECONDS, self._tick)
        self._shared.date = f"date: {formatdate(usegmt=True)}\r\n\r\n".encode()
        now = self._loop.time()
        for connection in list(self._shared.connections):
            if now > connection.deadline:
                connection.expire(now)
