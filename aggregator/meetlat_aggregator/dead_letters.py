"""Reads the dead-letter topic, and sends letters back through the real path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from meetlat.contract.envelope import RefusedError, partition_key, read_event
from meetlat.errors import MeetlatError
from meetlat.logs.address import open_reader, open_writer
from meetlat.logs.base import LogReader, Message
from meetlat.settings import DEAD_TOPIC, EVENTS_TOPIC, Settings

READ_RECORDS = 1000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter: where the record came from, what was wrong, and its bytes."""

    origin: str
    error: str
    at: datetime
    value: bytes
    cut: bool


class _StartAt:
    """A listener that starts at given offsets, else at the earliest."""

    def __init__(self, offsets: Mapping[int, int]) -> None:
        self._offsets = offsets

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        return {p: self._offsets[p] for p in partitions if p in self._offsets}

    async def revoked(self, partitions: Sequence[int]) -> None:
        """Nothing is kept between reads."""


async def read_letters(settings: Settings) -> AsyncIterator[DeadLetter]:
    """Every dead letter that its topic still holds, each origin once, in order per partition."""
    seen: set[str] = set()
    async with reading(settings, settings[DEAD_TOPIC]) as reader:
        ends = {p: end for p, end in (await reader.end_offsets()).items() if end > 0}
        starts = await reader.earliest_offsets()
        left = {p for p, end in ends.items() if starts.get(p, 0) < end}
        while left:
            for record in await reader.read(READ_RECORDS, 2.0):
                if record.offset + 1 >= ends.get(record.partition, 0):
                    left.discard(record.partition)
                headers = dict(record.headers)
                origin = headers.get("meetlat-origin", b"").decode("utf-8", "replace")
                if origin in seen:
                    continue
                seen.add(origin)
                yield DeadLetter(
                    origin,
                    headers.get("meetlat-error", b"").decode("utf-8", "replace"),
                    datetime.fromtimestamp(record.append_time / 1e6, UTC),
                    record.value,
                    headers.get("meetlat-cut") == b"true",
                )


async def send_again(settings: Settings, letters: Sequence[DeadLetter]) -> None:
    """Append the letters' records to the events topic once more, byte for byte.

    Raises MeetlatError for one that was cut: its end is gone.
    """
    messages = []
    for letter in letters:
        if letter.cut:
            raise MeetlatError(
                f"the record of {letter.origin} was cut at 900 KiB and cannot be sent again",
                remedy="send it from its source",
            )
        messages.append(Message(_key(letter.value), letter.value))
    writer = open_writer(settings, settings[EVENTS_TOPIC])
    await writer.start()
    try:
        await writer.append(messages)
    finally:
        await writer.close(10.0)


def _key(value: bytes) -> bytes | None:
    try:
        event = read_event(value)
    except RefusedError:
        return None
    data = event.data
    return partition_key(
        event.attributes.id, data.session if data else None, data.case if data else None
    )


@asynccontextmanager
async def reading(
    settings: Settings, topic: str, offsets: Mapping[int, int] | None = None
) -> AsyncIterator[LogReader]:
    """A reader of a whole topic, outside any group, that is closed at the end."""
    reader = open_reader(settings, topic)
    try:
        await reader.start(_StartAt(offsets or {}))
        yield reader
    finally:
        await reader.close(5.0)
