"""Reads the log and hands batches to the store, so that each record has its effect once.

The next batch is read and decoded while the transaction of this one runs. On a rebalance the
generation changes: a batch that was read under an older one is thrown away, and reading starts
again from the stored offsets.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

import duckdb

from meetlat.errors import DataLossError, LogError, MeetlatError
from meetlat.logs.base import LogReader, Record, Start
from meetlat.settings import (
    BATCH_EVENTS,
    BATCH_SECONDS,
    POISON_SHARE,
    POISON_WINDOW,
    Settings,
)
from meetlat_aggregator.database import MAY_HEAL
from meetlat_aggregator.decode import decode
from meetlat_aggregator.poison import Poison, bad_records
from meetlat_aggregator.store import Store
from meetlat_aggregator.transaction import Outcome, Position

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as the database keeps it
# After a stop: what is left is safe in the log, and a busy topic has no end.
DRAIN_SECONDS = 10.0
_RETRY_SECONDS = (0.2, 1.0, 5.0)
# A disk that is full, or memory that is: DuckDB says so of a statement, or of the commit.
_log = logging.getLogger("meetlat.aggregator")
T = TypeVar("T")


class PoisonError(MeetlatError):
    """Too many of the last records were bad: somebody has to look."""


class _OutdatedError(Exception):
    """The batch was read under an older assignment."""


class _StoppedError(Exception):
    """Told to stop while a batch could not be committed: the log still holds it."""


class Ingest:
    """The loop from log to store. `committed` is told of every batch: outcome, seconds, records."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        reader: LogReader,
        committed: Callable[[Outcome, float, int], None] = lambda *_: None,
    ) -> None:
        self._store = store
        self._reader = reader
        self._committed = committed
        self._max = settings[BATCH_EVENTS]
        self._wait = settings[BATCH_SECONDS]
        self._poison = Poison(settings[POISON_WINDOW], settings[POISON_SHARE])
        self._generation = 0
        self._pending: asyncio.Task[None] | None = None
        self._window: str | None = None  # the poison window after the batch under way
        self._identified = False
        self._between = asyncio.Lock()
        self._stop = asyncio.Event()
        self.fault: str | None = None
        self.behind = False  # the last batch was full: more is waiting
        self.partitions: set[int] = set()

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, Start]:
        """Listener: read these from the stored offsets."""
        await self._outdate()
        self.partitions |= set(partitions)
        positions = self._store.positions
        return {p: _start(positions[p]) for p in partitions if p in positions}

    async def revoked(self, partitions: Sequence[int]) -> None:
        """Listener: throw away what was read, and wait out the transaction under way."""
        await self._outdate()
        self.partitions -= set(partitions)

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop`, then what is left in the log (for DRAIN_SECONDS at most), and finish.

        Raises PoisonError, DataLossError, or MeetlatError when the database cannot go on.
        """
        self._stop = stop
        await self._reader.start(self)
        await self._check_identity()
        try:
            await self._rounds(stop)
        except _StoppedError:
            _log.warning("stopped before a batch could be committed; the next start reads it again")

    async def _rounds(self, stop: asyncio.Event) -> None:
        give_up: float | None = None
        more = True
        while more:
            if stop.is_set() and give_up is None:
                give_up = asyncio.get_running_loop().time() + DRAIN_SECONDS
            async with self._between:
                full = await self._round(stop)
            if give_up is not None:
                more = full and asyncio.get_running_loop().time() < give_up
        await self._finish_pending()

    async def paused(self, action: Callable[[], Awaitable[None]]) -> None:
        """Run `action` between two batches, with nothing read that is not committed."""
        async with self._between:
            await self._finish_pending()
            self._window = None
            await action()

    async def _round(self, stop: asyncio.Event) -> bool:
        """One batch; True when there may be more waiting."""
        records = await self._gather(stop)
        self.behind = len(records) == self._max
        generation = self._generation
        if records and not self._identified:  # the log was not there when this started
            await self._check_identity()
        if not records:
            await self._finish_pending()
            return False
        await self._process(records, generation)
        return True

    async def _gather(self, stop: asyncio.Event) -> list[Record]:
        """Records of one generation: the one in force when this returns."""
        loop = asyncio.get_running_loop()
        records = await self._read(0.0 if stop.is_set() else self._wait, self._max)
        give_up = loop.time() + self._wait
        while records and len(records) < self._max:
            left = give_up - loop.time()
            if left <= 0 or stop.is_set():
                break
            generation = self._generation
            more = await self._read(left, self._max - len(records))
            if generation != self._generation:
                records = []  # read again from the stored offsets
            records.extend(more)
        return records

    async def _read(self, wait: float, most: int) -> list[Record]:
        try:
            return await self._reader.read(most, wait)
        except DataLossError:
            raise
        except LogError as error:
            if not error.retry:
                raise
            self._say(str(error))
            await asyncio.sleep(_RETRY_SECONDS[1])
            return []

    async def _process(self, records: list[Record], generation: int) -> None:
        batch = await asyncio.to_thread(decode, records)
        before = self._store.poison if self._window is None else self._window
        errors = batch.events["error"]
        bad = [False] * len(records)
        if errors.null_count < len(errors):
            bad = bad_records(records, errors.to_pylist(), self._store.accepted)
        allowed, after = self._poison.judge(before, bad)
        if allowed == 0:
            await self._finish_pending()
            raise self._poisoned(records[0].partition, records[0].offset)
        if allowed is not None:
            records = records[:allowed]
            batch = await asyncio.to_thread(decode, records)
        positions, count, end = _positions(records), len(records), records[-1]
        records.clear()  # the caller holds them too, and the transaction under way takes room
        await self._finish_pending()
        if generation != self._generation:
            return
        self._window = after

        def check() -> None:
            if generation != self._generation:
                raise _OutdatedError

        self._pending = asyncio.create_task(
            self._commit(lambda: self._store.apply(batch, positions, after, check), check, count)
        )
        if allowed is not None:
            await self._finish_pending()
            raise self._poisoned(end.partition, end.offset + 1)

    async def _commit(
        self,
        apply: Callable[[], Awaitable[Outcome]],
        check: Callable[[], None],
        records: int,
    ) -> None:
        done = await self._tried(apply, check, "commit a batch")
        if done is None:
            return
        self._committed(*done, records)
        del apply  # it holds the batch, and folding takes room
        try:
            await self._tried(self._store.fold_when_due, check, "bring batches into the tables")
        except _StoppedError:
            _log.warning("stopped before all that was committed was in the tables; the next start "
                         "reads it from the archive")  # fmt: skip

    async def _tried(
        self, action: Callable[[], Awaitable[T]], check: Callable[[], None], what: str
    ) -> tuple[T, float] | None:
        """Do it, again and again while what fails may heal: the result, and the seconds it took.

        None when `check` says that it is outdated. Raises _StoppedError when told to stop while it
        fails, and MeetlatError, or what the database says, when no retry can mend it.
        """
        tries = 0
        while True:
            started = time.perf_counter()
            try:
                done = await action()
            except _OutdatedError:
                return None
            except duckdb.FatalException as error:
                raise MeetlatError(
                    f"the database failed: {str(error).splitlines()[0]}",
                    remedy="start again; if it fails again, `meetlat rebuild` makes it anew",
                ) from error
            except (duckdb.Error, OSError) as error:
                broken = self._store.why_broken(error)
                if broken is not None:
                    raise broken from error
                if not isinstance(error, MAY_HEAL):
                    raise
                self._say(f"cannot {what}: {str(error).splitlines()[0]}")
                with suppress(TimeoutError):
                    async with asyncio.timeout(_RETRY_SECONDS[min(tries, 2)]):
                        await self._stop.wait()
                        raise _StoppedError from error
                tries += 1
                with suppress(_OutdatedError):
                    check()
                    continue
                return None
            self.fault = None
            return done, time.perf_counter() - started

    async def tell_progress(self) -> None:
        """Tell the log how far this is, for lag tools and retention."""
        await self._reader.progress(
            {
                partition: position.next_offset
                for partition, position in self._store.positions.items()
                if partition in self.partitions
            }
        )

    async def _finish_pending(self) -> None:
        """Wait for the transaction under way. What it met stays for the loop to meet: a command
        that waits here must not be the only one to hear that a batch was not stored.
        """
        if self._pending is not None:
            await self._pending
            self._pending = None

    async def _outdate(self) -> None:
        """Everything that was read is of an older assignment. Waits out the transaction under way;
        its fault is the loop's to raise.
        """
        self._generation += 1
        if self._pending is not None:
            await asyncio.wait([self._pending])
        self._window = None

    async def _check_identity(self) -> None:
        found = await self._reader.identity()
        known = await self._store.identity()
        self._identified = found is not None
        if found is None:
            if known is None or not self._store.positions:
                return
        elif known is None:
            await self._store.remember_identity(found)
            return
        if found != known:
            raise DataLossError(
                f"the log of {self._store.topic} is not the one that was read so far"
                if found
                else f"the log of {self._store.topic} is gone",
                remedy="restore it, or start with another MEETLAT_DATA; offsets of the old log "
                "mean nothing in a new one",
            )

    def _poisoned(self, partition: int, before: int) -> PoisonError:
        return PoisonError(
            f"more than {self._poison.share:.0%} of the last {self._poison.window} records were "
            f"bad; stopped before partition {partition}, offset {before}, rather than drain the "
            "topic",
            remedy="see `meetlat dead list`, mend the sender, then `meetlat dead accept "
            f"--partition {partition} --until OFFSET` and start again",
        )

    def _say(self, fault: str) -> None:
        if fault != self.fault:
            _log.warning("%s; trying again", fault)
        self.fault = fault


def _start(position: Position) -> Start:
    before = (position.append_time - _EPOCH) // timedelta(microseconds=1)
    return Start(position.next_offset, before)


def _positions(records: Sequence[Record]) -> dict[int, Position]:
    last = {record.partition: record for record in records}
    return {
        partition: Position(record.offset + 1, _EPOCH + timedelta(microseconds=record.append_time))
        for partition, record in last.items()
    }
