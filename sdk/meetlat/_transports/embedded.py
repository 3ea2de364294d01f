"""Writes to the embedded log of this machine: no server in between."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from meetlat._encode import Encoded
from meetlat._transports.base import Sent
from meetlat.errors import MeetlatError
from meetlat.logs.base import Message
from meetlat.logs.embedded import EmbeddedAppender
from meetlat.settings import ENDPOINT, EVENTS_TOPIC, SEND_TIMEOUT_SECONDS, Settings

_HEADERS = (("content-type", b"application/cloudevents+json"),)


class EmbeddedTransport:
    """Appends to the topic's file; safe when `send` returns."""

    def __init__(self, settings: Settings) -> None:
        self._directory = Path(settings[ENDPOINT].removeprefix("embedded:"))
        self._topic = settings[EVENTS_TOPIC]
        # Two locks may be waited for, one after the other: the writers', and SQLite's own.
        self._lock_timeout = settings[SEND_TIMEOUT_SECONDS] / 2
        self._appender: EmbeddedAppender | None = None

    def open(self, timeout: float) -> None:
        """Nothing takes time here."""

    def send(self, events: Sequence[Encoded], timeout: float, *, connect: bool = True) -> Sent:  # noqa: ARG002 - a file needs no connection; the wait for its locks is set at its opening
        """Append all in one transaction."""
        try:
            if self._appender is None:
                self._appender = EmbeddedAppender(
                    self._directory, self._topic, lock_timeout=self._lock_timeout
                )
            self._appender.append([Message(event.key, event.value, _HEADERS) for event in events])
        except (MeetlatError, OSError) as error:
            return Sent.failed(events, str(error))
        return Sent()

    def close(self, timeout: float) -> None:  # noqa: ARG002 - see `send`
        """Close the file; one that others keep locked is left to them."""
        appender, self._appender = self._appender, None
        if appender is not None:
            with suppress(MeetlatError, OSError):
                appender.close()
