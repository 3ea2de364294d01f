"""What a log is. The docstrings are the specification; one contract test suite holds both
implementations to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

MAX_MESSAGE_BYTES = 1_000_000
"""Largest message: key, value and headers together. A larger one raises LogError."""


class Message(NamedTuple):
    """What is appended. Equal keys keep their order (Kafka: share a partition)."""

    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Record(NamedTuple):
    """What is read back. `append_time` is when the log took it, in microseconds since 1970, UTC."""

    partition: int
    offset: int
    append_time: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Start(NamedTuple):
    """Where to start, and what proves that the log is still the one that was read so far.

    `before` is the append time, in microseconds, that the log itself gave for the record before
    `offset`; None when it is not known.
    """

    offset: int
    before: int | None = None


class LogWriter(Protocol):
    """Appends messages to one topic.

    The topic is created by `start` when it is missing. Used from one event loop.
    """

    async def start(self) -> None:
        """Connect. Raises LogError, with `retry`, when the log cannot be reached."""

    async def append(self, messages: Sequence[Message]) -> None:
        """Append, and return when all are safe.

        Safe: fsynced (embedded), or acknowledged by all in-sync replicas (Kafka). Concurrent
        calls share a commit. On LogError none, some or all may have been appended: append again
        with the same event ids, which count once.
        """

    async def check(self) -> None:
        """Raise LogError when an append would not work now (the readiness check)."""

    async def trim(self, older_than: int, *, unread_too: bool = False) -> int:
        """Delete records appended before `older_than` (microseconds since 1970); how many.

        Embedded: spares what a group of readers has yet to read (and everything while no group
        has told its progress), unless `unread_too`. Kafka: does it by itself, so this is 0.
        """

    async def close(self, deadline: float) -> None:
        """Finish the appends under way, within `deadline` seconds, and let go."""


class Listener(Protocol):
    """Told when the partitions that a reader reads change (Kafka: a rebalance)."""

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, Start | int]:
        """Asked where to start, per partition; one left out starts at the earliest offset.

        A plain offset is a Start that does not know the record before it. A reader that the log
        has refused an offset asks again, and starts anew from there.
        """

    async def revoked(self, partitions: Sequence[int]) -> None:
        """These are somebody else's when this returns. May come first, with no partitions."""


class LogReader(Protocol):
    """Reads one topic from offsets that the caller keeps.

    Nothing is acknowledged to the log: the caller stores offsets with the results. Used from one
    event loop.
    """

    async def start(self, listener: Listener) -> None:
        """Connect and take partitions, asking `listener` where to start.

        A partition whose offset lies below the log's earliest, or above its end, raises
        DataLossError from `read`: what was there is gone, and nothing is reset silently. So does
        one whose `before` is known, when the log still holds the record before the offset and it
        was appended at another time: a log that only appends gives a record another time only
        when it lost some and grew again.
        """

    async def read(self, max_records: int, max_wait: float) -> list[Record]:
        """The next records, in order per partition; at most `max_records`.

        Waits up to `max_wait` seconds for the first; returns what is there then, and so may
        return an empty list. What is returned belongs to the assignment in force at that moment.
        Raises LogError with `retry` when the log is away for the moment.
        """

    async def identity(self) -> str | None:
        """Names this very log: another value means that it was deleted and made anew.

        None while there is no log yet. Offsets stored under another identity mean nothing.
        """

    async def progress(self, offsets: Mapping[int, int]) -> None:
        """Tell the log how far the caller is (next offsets). Never raises; without a group a no-op.

        For lag tools, and for the retention of the embedded log, which spares what is unread.
        """

    async def end_offsets(self) -> dict[int, int]:
        """Per partition that is read here: the offset that the next append will get."""

    async def earliest_offsets(self) -> dict[int, int]:
        """Per partition that is read here: the first offset still kept."""

    async def close(self, deadline: float) -> None:
        """Leave, within `deadline` seconds."""
