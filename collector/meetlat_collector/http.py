"""The little of HTTP that the endpoints need: answers, and bodies read within limits.

A body is held in memory from its first byte until the answer, so all bodies together have a cap:
beyond it a sender is told to wait (429) rather than the collector grow.
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = b"application/json"


class Answer(NamedTuple):
    """What a handler gives back."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()
    content_type: bytes = JSON


class HttpError(Exception):
    """A request that is answered with this status instead of being worked on."""

    def __init__(self, status: int, message: str, headers: tuple[Header, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


class CutOffError(Exception):
    """The sender went away before its request was complete: there is nobody to answer."""


def retry_after(seconds: int) -> Header:
    """The header that tells a sender when to come back."""
    return (b"retry-after", b"%d" % seconds)


def error_answer(status: int, message: str, headers: tuple[Header, ...] = ()) -> Answer:
    """A JSON answer with one sentence on what is wrong."""
    return Answer(status, msgspec.json.encode({"error": message}), headers)


async def send_answer(send: Send, answer: Answer) -> None:
    """Send an answer whole."""
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [
                (b"content-type", answer.content_type),
                (b"content-length", b"%d" % len(answer.body)),
                *answer.headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": answer.body})


class Waiting:
    """How many bytes of bodies are in memory, over all requests; at most `limit`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def take(self, size: int) -> None:
        """Reserve `size` bytes. Raises HttpError 429 when there is no room."""
        if self.held + size > self.limit:
            raise HttpError(
                429, "too many events are waiting; send again in a second", (retry_after(1),)
            )
        self.held += size


@dataclass(slots=True)
class Body:
    """One request's body and its share of the memory; `release` when answered."""

    waiting: Waiting
    limit: int
    size: int = 0

    async def read(self, receive: Receive, *, gzipped: bool = False) -> bytes:
        """The whole body, decompressed.

        Raises HttpError (400, 413, 429), or CutOffError when the sender went away.
        """
        message = await receive()
        whole = self._chunk(message)
        if message.get("more_body"):
            parts = [whole]
            while message.get("more_body"):
                message = await receive()
                parts.append(self._chunk(message))
            whole = b"".join(parts)
        return self._gunzip(whole) if gzipped else whole

    def release(self) -> None:
        """Give the memory back."""
        self.waiting.held -= self.size
        self.size = 0

    def _take(self, size: int) -> None:
        self.waiting.take(size)
        self.size += size

    def _chunk(self, message: MutableMapping[str, Any]) -> bytes:
        if message["type"] != "http.request":
            raise CutOffError
        chunk: bytes = message.get("body", b"")
        if self.size + len(chunk) > self.limit:
            raise self._too_large()
        self._take(len(chunk))
        return chunk

    def _gunzip(self, packed: bytes) -> bytes:
        parts: list[bytes] = []
        room = self.limit
        while packed:
            member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            try:
                # One byte more than allowed is enough to know that it is too much.
                part = member.decompress(packed, room + 1)
            except zlib.error as error:
                raise HttpError(400, f"body: is not gzip: {error}") from None
            room -= len(part)
            if room < 0:
                raise self._too_large()
            self._take(len(part))
            parts.append(part)
            if not member.eof:
                raise HttpError(400, "body: its gzip data are cut off")
            packed = member.unused_data
        if not parts:
            raise HttpError(400, "body: is empty, which is not gzip")
        return b"".join(parts)

    def _too_large(self) -> HttpError:
        return HttpError(413, f"body: is over {self.limit} bytes; split it into smaller batches")
