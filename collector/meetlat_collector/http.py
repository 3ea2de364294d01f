"""The little of HTTP that the endpoints need: requests, answers, and bodies read within limits.

A body is held in memory from its first byte until the answer, so all bodies together have a cap:
beyond it a sender is told to wait (429) rather than the collector grow.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

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


class Request:
    """One request, from the end of its head on. Its body comes in pieces, and is read in pieces.

    Header names are in lower case. `want` is called when the body is waited for.
    """

    __slots__ = (
        "_cut_off", "_dropped", "_more", "_pending", "_pieces", "_want",
        "complete", "expects_continue", "headers", "last", "method", "path", "refusal",
    )  # fmt: skip

    def __init__(
        self, method: str, path: str, headers: Sequence[Header], want: Callable[[], None]
    ) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.complete = False
        self.expects_continue = False
        self.last = False  # the connection closes after it
        self.refusal: Answer | None = None  # the server's own answer, for one that was cut off
        self._want = want
        self._pieces: list[bytes] = []
        self._pending = 0
        self._cut_off = False
        self._dropped = False
        self._more: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        """What has come of the body since the last call; waits for it; empty at its end.

        Raises CutOffError when the rest will not come.
        """
        while not self._pieces:
            if self.complete:
                return b""
            if self._cut_off:
                raise CutOffError
            self._more = asyncio.get_running_loop().create_future()
            self._want()
            await self._more
        pieces, self._pieces = self._pieces, []
        self._pending = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def feed(self, piece: bytes) -> int:
        """A piece has come; how many bytes now wait to be read."""
        if not self._dropped:
            self._pieces.append(piece)
            self._pending += len(piece)
            self._wake()
        return self._pending

    def end(self) -> None:
        """The last piece has come."""
        self.complete = True
        self._wake()

    def cut_off(self) -> None:
        """No more will come."""
        self._cut_off = True
        self._wake()

    def answered(self) -> None:
        """Nobody will read the rest."""
        self._dropped = True
        self._pieces.clear()
        self._pending = 0

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)


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

    async def read(self, request: Request, *, gzipped: bool = False) -> bytes:
        """The whole body, decompressed.

        Raises HttpError (400, 413, 429), or CutOffError when the sender went away.
        """
        parts: list[bytes] = []
        while part := await request.read():
            if self.size + len(part) > self.limit:
                raise self._too_large()
            self._take(len(part))
            parts.append(part)
        whole = parts[0] if len(parts) == 1 else b"".join(parts)
        return self._gunzip(whole) if gzipped else whole

    def release(self) -> None:
        """Give the memory back."""
        self.waiting.held -= self.size
        self.size = 0

    def _take(self, size: int) -> None:
        self.waiting.take(size)
        self.size += size

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
