"""Sends the rows of a file: each checked, at the pace of its times, and resent until it is safe.

Events keep id, source and time, so that what was counted before does not count again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from meetlat._encode import Encoded
from meetlat._transports.base import Transport
from meetlat.commands.replay_rows import Row
from meetlat.contract.envelope import HISTORY, RefusedError, partition_key, read_event
from meetlat.contract.pseudonym import is_pseudonym, pseudonym
from meetlat.errors import MeetlatError

BATCH = 500
BATCH_BYTES = 1_000_000
HISTORY_AGE = timedelta(days=1)
PATIENCE_SECONDS = 60.0
_SEND_SECONDS = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class Clock(Protocol):
    """Where time comes from, and how to wait."""

    def now(self) -> datetime:
        """UTC: how old an event is."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class WallClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(slots=True)
class Outcome:
    """What became of the rows. `refused` has line and reason of each."""

    sent: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Replay:
    """One replay. `speed` is seconds of event time per second; None: as fast as it goes.

    `key` and `key_id` make pseudonyms of plain users; without a key such a row is refused. `word`
    is what a row is called, `verb` what is done with the file.
    """

    transport: Transport
    speed: float | None = None
    key: str = ""
    key_id: str | None = None
    clock: Clock = field(default_factory=WallClock)
    progress: Callable[[int], None] = lambda _: None
    word: str = "line"
    verb: str = "replay"
    outcome: Outcome = field(default_factory=Outcome)
    _batch: list[tuple[int, Encoded]] = field(default_factory=list)
    _bytes: int = 0
    _began: tuple[datetime, float] | None = None

    def run(self, rows: Iterator[Row]) -> Outcome:
        """Send every row. Raises MeetlatError when the destination stays away for a minute."""
        position = 0
        for row in rows:
            try:
                event, moment = self._prepare(row.value)
            except RefusedError as error:
                self.outcome.refused.append((row.number, str(error)))
                continue
            finally:
                position = row.position
            self._pace(moment)
            self._batch.append((row.number, event))
            self._bytes += len(event.value)
            if len(self._batch) >= BATCH or self._bytes >= BATCH_BYTES:
                self._send()
                self.progress(position)
        self._send()
        self.progress(position)
        return self.outcome

    def _prepare(self, value: bytes | RefusedError) -> tuple[Encoded, datetime]:
        """The event ready to send, and when it happened. Raises RefusedError."""
        if isinstance(value, RefusedError):
            raise value
        value = self._protect(value)
        event = read_event(value)
        head = event.attributes
        if event.data is None:
            self.outcome.unknown[head.type] += 1
        if not head.meetlathistory and self.clock.now() - head.time > HISTORY_AGE:
            value = _as_history(value)
        session = None if event.data is None else event.data.session
        case = None if event.data is None else event.data.case
        return Encoded(partition_key(head.id, session, case), value), head.time

    def _protect(self, value: bytes) -> bytes:
        """Make a pseudonym of a plain user; everything else stays as it is, byte for byte."""
        if b'"user"' not in value:
            return value
        try:
            event = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
            data = msgspec.json.decode(event["data"], type=dict[str, msgspec.Raw])
            user = msgspec.json.decode(data["user"], type=str)
        except (msgspec.DecodeError, KeyError, RecursionError):
            return value  # `read_event` says what is wrong, if anything is
        if is_pseudonym(user):
            return value
        if not self.key:
            raise RefusedError(
                "data.user", "is no pseudonym; set MEETLAT_PSEUDONYM_KEY to have it made"
            )
        try:
            made = pseudonym(user, self.key, self.key_id)
        except ValueError as error:
            raise RefusedError("data.user", str(error)) from None
        data["user"] = msgspec.Raw(msgspec.json.encode(made))
        event["data"] = msgspec.Raw(msgspec.json.encode(data))
        return msgspec.json.encode(event)

    def _pace(self, moment: datetime) -> None:
        """Wait until it is the event's turn; what is ready is sent first."""
        if self.speed is None:
            return
        if self._began is None:
            self._began = moment, self.clock.monotonic()
        first, began = self._began
        due = began + (moment - first).total_seconds() / self.speed
        if due > self.clock.monotonic():
            self._send()
        while (left := due - self.clock.monotonic()) > 0:
            self.clock.sleep(min(left, 1.0))

    def _send(self) -> None:
        """Send the batch; what did not arrive is sent again, for at most PATIENCE_SECONDS."""
        batch, self._batch, self._bytes = self._batch, [], 0
        pause = _FIRST_PAUSE
        give_up = self.clock.monotonic() + PATIENCE_SECONDS
        while batch:
            sent = self.transport.send([event for _, event in batch], _SEND_SECONDS)
            for index, reason in sent.refused:
                self.outcome.refused.append((batch[index][0], f"{reason}: refused there"))
            self.outcome.sent += len(batch) - len(sent.retry) - len(sent.refused)
            if not sent.retry:
                return
            wait = max(pause, sent.retry_after)
            if self.clock.monotonic() + wait > give_up:
                at = f"{self.word} {batch[sent.retry[0]][0]}"
                raise MeetlatError(
                    f"stopped before {at}, after {self.outcome.sent} events were sent: "
                    f"{sent.problem}",
                    remedy=f"{self.verb} the file again then; what was sent counts once",
                    retry=True,
                )
            self.clock.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)
            batch = [batch[index] for index in sorted(sent.retry)]


def _as_history(value: bytes) -> bytes:
    """Mark a valid event as history; all else stays byte for byte."""
    if HISTORY.encode() not in value:
        return b'{"' + HISTORY.encode() + b'":true,' + value[1:]
    event = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    event[HISTORY] = msgspec.Raw(b"true")
    return msgspec.json.encode(event)
