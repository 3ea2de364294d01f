"""Sends batches of CloudEvents to a collector over one kept connection, with the standard library.

202 says per event what was not taken; 429 and 503 say when to come again; 413 is met by halves.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - else loaded by a look-up, and a fork amid that import hangs
import http.client
import json
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from meetlat._encode import Encoded
from meetlat._transports.base import Sent
from meetlat.errors import SettingError
from meetlat.settings import API_KEY, ENDPOINT, Settings

_BATCHED = "application/cloudevents-batch+json"
_LARGEST_ANSWER = 16_000_000
_TOO_LARGE = 413
_HINTS = {
    401: "set MEETLAT_API_KEY to a valid key",
    403: "set MEETLAT_API_KEY to a key that may send events",
    404: "is MEETLAT_ENDPOINT a Meetlat collector",
    405: "is MEETLAT_ENDPOINT a Meetlat collector",
    415: "is the collector older than this SDK",
}


class HttpTransport:
    """POST to `ENDPOINT/v1/events`."""

    def __init__(self, settings: Settings) -> None:
        self._address = settings[ENDPOINT]
        parts = urlsplit(self._address)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if not parts.hostname or port == 0 or parts.username is not None:
            raise SettingError(
                "MEETLAT_ENDPOINT: is not a usable http address",
                remedy="use http://host:4318, without user or password",
            )
        self._host, self._port, self._secure = parts.hostname, port, parts.scheme == "https"
        self._path = parts.path.rstrip("/") + "/v1/events"
        self._headers = {"Content-Type": _BATCHED, "User-Agent": "meetlat-sdk"}
        if settings[API_KEY]:
            self._headers["Authorization"] = f"Bearer {settings[API_KEY].reveal()}"
        self._connection: http.client.HTTPConnection | None = None

    def open(self, timeout: float) -> None:
        """Connect; a failure is left to `send`, which says it."""
        try:
            self._connect(timeout)
        except OSError:
            self._hang_up()

    def send(self, events: Sequence[Encoded], timeout: float, *, connect: bool = True) -> Sent:
        """One request; two or more when the collector finds it too large."""
        if self._connection is None and not connect:
            return Sent.failed(events, "")
        deadline = time.monotonic() + timeout
        body = b"[" + b",".join([event.value for event in events]) + b"]"
        try:
            status, headers, answer = self._post(body, deadline, connect=connect)
        except (OSError, http.client.HTTPException) as error:
            self._hang_up()
            return Sent.failed(events, f"cannot reach {self._address}: {_reason(error)}")
        refused = _rejected(answer, len(events)) if status in (200, 202, 400) else []
        if 200 <= status < 300:
            return Sent(refused=refused)
        if status == 400 and len(refused) == len(events):
            return Sent(refused=refused)
        if status in (400, _TOO_LARGE):
            return self._halves(events, deadline, status, connect=connect)
        hint = _HINTS.get(status, "look at the collector's log")
        problem = f"{self._address} answers {status}; {hint}"
        return Sent.failed(events, problem, _retry_after(headers.get("Retry-After")))

    def close(self, timeout: float) -> None:  # noqa: ARG002 - closing a socket does not wait
        """Hang up."""
        self._hang_up()

    def _halves(
        self, events: Sequence[Encoded], deadline: float, status: int, *, connect: bool
    ) -> Sent:
        if len(events) == 1:
            return Sent(refused=[(0, "too_large" if status == _TOO_LARGE else "collector")])
        middle = len(events) // 2
        whole = Sent()
        for start, half in ((0, events[:middle]), (middle, events[middle:])):
            left = deadline - time.monotonic()
            if left <= 0:
                part = Sent.failed(half, "no time left to send the rest")
            else:
                part = self.send(half, left, connect=connect)
            whole.retry += [start + index for index in part.retry]
            whole.refused += [(start + index, reason) for index, reason in part.refused]
            whole.retry_after = max(whole.retry_after, part.retry_after)
            whole.problem = whole.problem or part.problem
        return whole

    def _post(
        self, body: bytes, deadline: float, *, connect: bool
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        kept = self._connection is not None
        try:
            return self._exchange(body, deadline, connect=connect)
        except (http.client.RemoteDisconnected, ConnectionError):
            # A kept connection that the server has closed meanwhile: once more on a new one.
            self._hang_up()
            if not kept or not connect:
                raise
            return self._exchange(body, deadline, connect=connect)

    def _exchange(
        self, body: bytes, deadline: float, *, connect: bool
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        if self._connection is None and not connect:
            raise ConnectionError("not connected when the program ended")
        connection = self._connect(_left(deadline))
        connection.sock.settimeout(_left(deadline))
        connection.request("POST", self._path, body, self._headers)
        connection.sock.settimeout(_left(deadline))
        sock = connection.sock
        response = connection.getresponse()
        answer = bytearray()
        while chunk := response.read1(65536):
            answer += chunk
            if len(answer) > _LARGEST_ANSWER:
                raise http.client.HTTPException("the answer is too long to be a collector's")
            # Each read has its own timeout; a server that drips must not get more than ours.
            sock.settimeout(_left(deadline))
        if response.length:
            raise http.client.IncompleteRead(bytes(answer), response.length)
        response.close()  # `read1` leaves it open, and the connection would take no more requests
        if response.will_close:
            self._hang_up()
        return response.status, response.headers, bytes(answer)

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            connection = kind(self._host, self._port, timeout=timeout)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection = connection
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _rejected(answer: bytes, number: int) -> list[tuple[int, str]]:
    """The events that the collector names as refused, by index; their reason is the field."""
    try:
        listed = json.loads(answer).get("rejected", [])
        found = {entry["index"]: str(entry.get("error", "")) for entry in listed}
    except (ValueError, AttributeError, KeyError, TypeError):
        return []
    return [
        (index, error.partition(":")[0][:60] if ":" in error else "collector")
        for index, error in found.items()
        if isinstance(index, int) and 0 <= index < number
    ]


def _retry_after(text: str | None) -> float:
    """Seconds, from a number or a date (RFC 9110); at most ten minutes."""
    if not text:
        return 0.0
    try:
        seconds = float(text)
    except ValueError:
        try:
            when = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        zoned = when if when.tzinfo else when.replace(tzinfo=UTC)
        seconds = (zoned - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), 600.0) if seconds == seconds else 0.0
