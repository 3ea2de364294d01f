"""uvicorn as the collector needs it: signals left alone, and limits on slow and greedy clients.

uvicorn's own server re-raises SIGTERM when it ends, so that the rest of the process would never be
cleaned up; and it waits for ever for a request's head or body. Both are mended here, and only here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from meetlat_collector.counters import Counters
from meetlat_collector.http import Receive, Scope, Send

_TICKS_A_SECOND = 10  # how often uvicorn calls on_tick


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may ask of the server. Times in seconds."""

    head_bytes: int = 64 * 1024
    head_seconds: float = 10.0
    request_seconds: float = 60.0
    idle_seconds: int = 75
    connections: int = 10_000


class _OneWrite(asyncio.Transport):
    """A transport that sends what is written in one turn of the loop with one system call.

    uvicorn writes an answer's head and body apart; the call is the dearest part of an answer.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(bytes(data))

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            self._transport.write(b"".join(self._held))
            self._held.clear()


class Connection(HttpToolsProtocol):
    """One client's connection; knows since when it is sending a request, and how large its head is.

    `limits` and `counters` are set on a subclass by `Server`, since uvicorn makes the instances.
    """

    limits: Limits
    counters: Counters

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.receiving_since: float | None = None
        self.in_head = True
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse one connection too many, with a word on when to come back."""
        super().connection_made(_OneWrite(transport, self.loop))
        self.receiving_since = self.loop.time()
        if len(self.connections) > self.limits.connections:
            self.refuse(503, "Service Unavailable", "too many connections; send again")

    def data_received(self, data: bytes) -> None:
        """Refuse a head that grows beyond its limit."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if not self.in_head:
            self._head_bytes = 0
        elif (head := self._head_bytes + len(data)) > self.limits.head_bytes:
            self.refuse(431, "Request Header Fields Too Large", "the headers are too large")
        else:
            self._head_bytes = head

    def on_message_begin(self) -> None:
        """Start the clock of one request."""
        super().on_message_begin()
        self.receiving_since = self.loop.time()
        self.in_head = True

    def on_headers_complete(self) -> None:
        """The head is there."""
        self.in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is there, to its last byte."""
        self.receiving_since = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Count what is not HTTP, as every answer is counted."""
        self.counters.requests["other", "400"] += 1
        super().send_400_response(msg)

    def is_late(self, now: float) -> bool:
        """True when the client takes longer than allowed to send its request."""
        if self.receiving_since is None:
            return False
        limits = self.limits
        allowed = limits.head_seconds if self.in_head else limits.request_seconds
        return now - self.receiving_since > allowed

    def refuse(self, status: int, phrase: str, message: str) -> None:
        """Answer, unless an answer is under way, and close; its handler sees the client go."""
        if self.transport.is_closing():
            return
        if self.in_head:
            # No handler has this request, so it is counted here.
            self.counters.requests["other", str(status)] += 1
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            body = f'{{"accepted":0,"rejected":[],"error":"{message}"}}'
            self.transport.write(
                f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\nretry-after: 2\r\nconnection: close\r\n\r\n"
                f"{body}".encode()
            )
        self.transport.close()


class Server(uvicorn.Server):
    """A server on one socket. `ready` is set when it takes requests."""

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Any],
        counters: Counters,
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        connection = type(
            "BoundConnection", (Connection,), {"limits": self.limits, "counters": counters}
        )
        super().__init__(
            uvicorn.Config(
                app,
                http=connection,
                ws="none",
                lifespan="off",
                interface="asgi3",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=self.limits.idle_seconds,
            )
        )
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `meetlat.service.serve`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets=sockets)
        self.ready.set()

    async def on_tick(self, counter: int) -> bool:
        """Once a second, close connections whose request takes too long to come."""
        if counter % _TICKS_A_SECOND == 0:
            now = asyncio.get_running_loop().time()
            for connection in self._receiving():
                if connection.is_late(now):
                    connection.refuse(408, "Request Timeout", "the request took too long to come")
        return await super().on_tick(counter)

    async def finish(self, serving: asyncio.Task[None], deadline: float) -> None:
        """Take no more requests; finish those that are complete, within `deadline` seconds.

        A request still on its way in gets a third of that time. `serving` is the task of `serve`.
        """
        loop = asyncio.get_running_loop()
        self.config.timeout_graceful_shutdown = max(1, int(deadline))
        impatience = loop.call_later(deadline / 3, self._stop_receiving)
        self.should_exit = True
        await serving
        impatience.cancel()
        # uvicorn cancels what is left at the deadline, and does not wait for the answers to go out.
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=1)
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                connection.transport.close()

    def _stop_receiving(self) -> None:
        for connection in self._receiving():
            connection.refuse(503, "Service Unavailable", "the collector is stopping; send again")

    def _receiving(self) -> list[Connection]:
        return [
            connection
            for connection in self.server_state.connections
            if isinstance(connection, Connection) and connection.receiving_since is not None
        ]
