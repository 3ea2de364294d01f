"""One client's connection: bytes in, requests to the application one after another, answers out.

A protocol on httptools (the HTTP parser of Node.js) rather than a web server's: a request costs
a third of the CPU, and a slow, greedy or rude client gets its answer in the order of its requests.

What is being received and what is being answered are apart: a request goes to the application as
soon as its head is there, and requests that follow it (pipelining) wait for their turn.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools
import msgspec

from meetlat_collector.counters import Counters
from meetlat_collector.http import Answer, Header, Request, retry_after

_log = logging.getLogger("meetlat.collector")

_PENDING_BYTES = 64 * 1024  # of a body that nobody has read yet; beyond it the client waits
_READ_BYTES = 256 * 1024
_LINGER_SECONDS = 2.0  # for a client to read its last answer before the connection goes
Application = Callable[[Request], Coroutine[Any, Any, Answer | None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may ask of the server. Times in seconds."""

    head_bytes: int = 64 * 1024
    head_seconds: float = 10.0
    request_seconds: float = 60.0
    idle_seconds: float = 75.0
    connections: int = 10_000


class Shared:
    """What all connections of a server have in common."""

    def __init__(self, app: Application, counters: Counters, limits: Limits) -> None:
        self.app = app
        self.counters = counters
        self.limits = limits
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.stopping = False
        # Of every read: one of its own would cost each read a mmap and a munmap.
        self.buffer = memoryview(bytearray(_READ_BYTES))
        self.date = b""  # the last header of every answer, and the empty line after it


class Connection(asyncio.BufferedProtocol):
    """One client. `deadline`: when `expire` has to be called, in the loop's time."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._url = b""
        self._headers: list[Header] = []
        self._begun = shared.loop.time()
        self._in_head = True  # so is a client that has not said anything yet
        self._unframed = 0  # bytes since the last piece of a body
        self._receiving: Request | None = None  # its head is there, its body is not
        self._working: Request | None = None  # the application has it
        self._task: asyncio.Task[None]  # ... in this task
        self._waiting: deque[Request] = deque()
        self._paused = False
        self._deaf = False  # what still comes is thrown away
        self._closing = False
        self._ended = False  # by the client
        self._drained: asyncio.Future[None] | None = None
        self.deadline = self._begun + shared.limits.head_seconds

    # --- from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse one connection too many, with a word on when to come back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._shared.connections.add(self)
        if len(self._shared.connections) > self._shared.limits.connections:
            self.refuse(503, "too many connections; send again")

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Where the next read goes; `buffer_updated` follows at once."""
        return self._shared.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """The client has sent something."""
        if not self._deaf:
            self._parse(self._shared.buffer[:nbytes])

    def _parse(self, data: memoryview) -> None:
        """Feed the parser, which calls the methods `on_…` below."""
        self._unframed += data.nbytes
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._without_upgrade(bytes(data[upgrade.args[0] :]))
        except httptools.HttpParserCallbackError:
            _log.exception(
                "a connection failed by a fault of the collector's own; please report it"
            )
            self.refuse(500, "a fault of the collector's own; its log says more")
        except httptools.HttpParserError as error:
            self.refuse(400, f"this is not HTTP/1.1: {error}")
        else:
            if self._unframed > self._shared.limits.head_bytes:
                self._too_large()

    def eof_received(self) -> bool:
        """The client sends no more, but may still wait for answers."""
        self._deaf = self._ended = True
        self._in_head = False
        self._cut_off()
        return self._working is not None and not self._closing

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Let go; a request that the application has is finished, for nobody."""
        self._deaf = self._closing = True
        self._shared.connections.discard(self)
        self._cut_off()
        self._waiting.clear()
        self.resume_writing()
        del self._parser  # it holds this object, and this object it

    def pause_writing(self) -> None:
        """The client does not read its answers: it gets no more, and is not listened to."""
        self._drained = self._shared.loop.create_future()
        self._pause()
        self.deadline = self._shared.loop.time() + self._shared.limits.idle_seconds

    def resume_writing(self) -> None:
        """It has read them."""
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None
            self._resume()

    # --- from the parser

    def on_message_begin(self) -> None:
        """Start the clock of one request."""
        self._url = b""
        self._headers = []
        self._in_head = True
        self._begun = self._shared.loop.time()
        self.deadline = self._begun + self._shared.limits.head_seconds

    def on_url(self, url: bytes) -> None:
        """The target, or a piece of it."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; one that comes after the body is read by nobody."""
        if self._in_head:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is there: the application may have the request."""
        parser = self._parser
        if self._deaf or parser.should_upgrade():
            return
        limits = self._shared.limits
        if self._unframed > limits.head_bytes and self._head_size() > limits.head_bytes:
            self._too_large()
            return
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            self.refuse(505, "only HTTP/1.1 is spoken here")
            return
        request = Request(parser.get_method().decode(), _path(self._url), self._headers, self._want)
        request.last = version == "1.0" or not parser.should_keep_alive()
        for name, value in self._headers:
            if name == b"expect" and value.lower() == b"100-continue":
                request.expects_continue = True
            elif name == b"transfer-encoding" and value.lower() != b"chunked":
                self.refuse(501, "transfer-encoding: only chunked is taken")
                return
        self._in_head = False
        self.deadline = self._begun + limits.request_seconds
        self._receiving = request
        self._take(request)

    def on_body(self, piece: bytes) -> None:
        """A piece of a body; the client waits when nobody reads them."""
        self._unframed = 0
        if self._receiving is not None and self._receiving.feed(piece) > _PENDING_BYTES:
            self._pause()

    def on_message_complete(self) -> None:
        """The request is there, to its last byte."""
        request, self._receiving = self._receiving, None
        if request is None:
            return  # refused, or to be parsed again
        self._unframed = 0
        request.end()
        self._deaf = request.last
        if self._working is not None:
            self.deadline = math.inf
        else:  # answered early
            self._idle()

    # --- the server's side

    def expire(self, now: float) -> None:
        """The deadline is over."""
        if self._closing or self._drained is not None:
            self._transport.abort()
        elif self._paused:  # the client could not have been quicker
            self.deadline = now + self._shared.limits.request_seconds
        elif self._in_head or self._receiving is not None:
            self.refuse(408, "the request took too long to come")
        elif self._working is None:
            self._close(linger=False)
        else:
            self.deadline = math.inf

    def stop(self) -> None:
        """No more requests; those that the application has are finished."""
        if self._working is None:
            self._close(linger=False)

    def stop_receiving(self) -> None:
        """No more time for a request that has not come whole."""
        if self._receiving is not None:
            self.refuse(503, "the collector is stopping; send again")

    def close(self) -> None:
        """Send what was written, and close."""
        self._transport.close()

    def refuse(self, status: int, message: str) -> None:
        """Answer so what is being received, in its turn; then close."""
        if self._deaf:
            return
        self._deaf = True
        self._in_head = False
        self.deadline = math.inf
        body = msgspec.json.encode({"accepted": 0, "rejected": [], "error": message})
        refusal = Answer(status, body, (retry_after(2),) if status in (408, 503) else ())
        request = self._receiving
        if request is None:  # the application has not seen it, and cannot count it
            self._shared.counters.requests["other", str(status)] += 1
            request = Request("", "", [], self._want)
            request.refusal = refusal
            self._take(request)
            return
        request.refusal = refusal
        self._cut_off()
        if self._working is None:  # answered already
            self._close(linger=True)

    # --- answering

    def _take(self, request: Request) -> None:
        if self._working is not None:
            self._waiting.append(request)
            self._pause()
            return
        self._working = request
        self._task = self._shared.loop.create_task(self._work(request))
        self._shared.tasks.add(self._task)

    async def _work(self, request: Request) -> None:
        """Have requests answered until none is waiting."""
        app = self._shared.app
        try:
            while True:
                answer = await app(request) if request.path else None
                if self._drained is not None:
                    await self._drained
                self._answer(request, answer or request.refusal)
                if not self._waiting:
                    break
                request = self._working = self._waiting.popleft()
        finally:
            self._working = None
            # Not by a callback, which would take one more turn of the loop for every request.
            self._shared.tasks.discard(self._task)
        if not self._closing:
            self._resume()
            if self._receiving is None and not self._in_head:
                self._idle()

    def _answer(self, request: Request, answer: Answer | None) -> None:
        request.answered()
        if self._closing:
            return
        last = (
            request.last
            or request.refusal is not None
            or self._shared.stopping
            # It may have sent the body or not: what comes next could be taken for either.
            or (request.expects_continue and not request.complete)
        )
        if answer is not None:
            status, body, headers, content_type = answer
            head = _head(status, content_type, headers, len(body), last)
            content = b"" if request.method == "HEAD" else body
            self._transport.write(b"".join((head, self._shared.date, content)))
        if last or answer is None:
            self._close(linger=not request.complete)

    def _idle(self) -> None:
        if self._deaf:
            self._close(linger=False)
        self.deadline = self._shared.loop.time() + self._shared.limits.idle_seconds

    def _close(self, *, linger: bool) -> None:
        """Close. `linger`: the client is still sending, and would lose its answer otherwise."""
        if self._closing:
            return
        self._deaf = self._closing = True
        self._waiting.clear()
        if linger and not self._ended:
            self._transport.write_eof()
            self._transport.resume_reading()
        else:
            self._transport.close()
        self.deadline = self._shared.loop.time() + _LINGER_SECONDS

    # --- receiving

    def _want(self) -> None:
        """A request's body is wanted now."""
        request = self._working
        if request is not None and request.expects_continue and not request.complete:
            request.expects_continue = False
            if not self._closing:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._resume()

    def _cut_off(self) -> None:
        if self._receiving is not None:
            self._receiving.cut_off()
            self._receiving = None

    def _pause(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self._waiting and self._drained is None and not self._closing:
            self._paused = False
            self._transport.resume_reading()

    def _head_size(self) -> int:
        lines = sum(len(name) + len(value) + 4 for name, value in self._headers)
        return len(self._url) + 16 + lines

    def _too_large(self) -> None:
        self.refuse(431, "the headers are too large")

    def _without_upgrade(self, rest: bytes) -> None:
        """Parse a request once more without its wish for another protocol, which is not granted.

        The parser takes what follows such a head for that protocol, even a body that is announced;
        Java's own client asks so for HTTP/2 with its first request.
        """
        method = self._parser.get_method()
        if method == b"CONNECT":
            self.refuse(405, "CONNECT: this is no proxy")
            return
        lines = [b"%s %s HTTP/1.1" % (method, self._url)]
        lines += [b"%s: %s" % header for header in self._headers if header[0] != b"upgrade"]
        self._parser = httptools.HttpRequestParser(self)
        self._unframed = 0
        self._parse(memoryview(b"\r\n".join([*lines, b"", rest])))


@lru_cache(maxsize=64)
def _path(target: bytes) -> str:
    """The path that a request is for."""
    try:
        path = httptools.parse_url(target).path
    except httptools.HttpParserInvalidURLError:
        return "/"
    return unquote((path or b"/").decode("latin-1"))


@lru_cache(maxsize=256)
def _head(
    status: int, content_type: bytes, headers: tuple[Header, ...], length: int, last: bool
) -> bytes:
    """An answer's head, but for its date."""
    lines = [
        b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode()),
        b"content-type: " + content_type,
        b"content-length: %d" % length,
        *(name + b": " + value for name, value in headers),
    ]
    if last:
        lines.append(b"connection: close")
    return b"\r\n".join(lines) + b"\r\n"
