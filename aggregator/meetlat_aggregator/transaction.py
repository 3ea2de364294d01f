"""One batch, one DuckDB transaction: judge, merge, archive, dead letters, positions, commit.

Either all of it happened or nothing did. No log and no clock here, so that a rebuild runs the very
same code.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from meetlat_aggregator import withdraw
from meetlat_aggregator.archive import Archive
from meetlat_aggregator.batch import Batch
from meetlat_aggregator.dedup import find_known_ids
from meetlat_aggregator.live import LiveSeries
from meetlat_aggregator.merge import merge_all, stage
from meetlat_aggregator.sqlfiles import sql

MAX_DEAD_BYTES = 900 * 1024
# An event may lie 5 minutes ahead of the log's clock, so its identity is kept that much longer.
_SLACK = timedelta(minutes=10)
_log = logging.getLogger("meetlat.aggregator")


@dataclass(frozen=True, slots=True)
class Position:
    """How far a partition was read: the next offset, and the append time before it."""

    next_offset: int
    append_time: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a committed batch did."""

    batch: int
    verdicts: dict[str, int]
    dead: int


@dataclass(slots=True)
class Transactions:
    """Applies batches to one database. `dedup_window`: how late an event may be and still count."""

    con: duckdb.DuckDBPyConnection
    archive: Archive
    live: LiveSeries
    topic: str
    dedup_window: timedelta = timedelta(days=7)

    def apply(
        self,
        batch: Batch,
        positions: Mapping[int, Position],
        poison: str,
        committed_at: datetime,
        before_commit: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """Merge a batch and store `positions`, all or nothing.

        `before_commit` may raise to throw the batch away (a rebalance took the partitions).
        Raises duckdb.Error or OSError after a rollback.
        """
        self.con.execute("BEGIN")
        try:
            outcome = self._merge(batch, positions, poison, committed_at)
            before_commit()
            self.con.execute("COMMIT")
        except BaseException:
            self.live.forget()
            self._rollback()
            raise
        self.live.keep()
        return outcome

    def _merge(
        self,
        batch: Batch,
        positions: Mapping[int, Position],
        poison: str,
        committed_at: datetime,
    ) -> Outcome:
        con = self.con
        window = int(self.dedup_window / timedelta(microseconds=1))
        (number,) = con.execute("SELECT batches + 1 FROM progress").fetchall()[0]
        con.register("batch", batch.events)
        find_known_ids(con, self.archive, batch.events, self.dedup_window)
        withdrawals = withdraw.find_withdrawals(con, batch, window)
        con.execute(sql("judge"), {"dedup_window": window})
        staged = stage(con, batch)
        merge_all(con, staged)
        con.execute(sql("remember_seen"))
        con.execute(sql("remember_late"))
        con.execute(sql("dead_to_outbox"), {"batch": number, "max_bytes": MAX_DEAD_BYTES})
        self.live.add(con, staged)
        self.archive.add(con, number, len(batch))
        con.execute(
            sql("advance"), {"records": len(batch), "poison": poison, "committed_at": committed_at}
        )
        self._forget_seen()
        for partition, position in positions.items():
            con.execute(
                'DELETE FROM positions WHERE topic = ? AND "partition" = ?', [self.topic, partition]
            )
            con.execute(
                "INSERT INTO positions VALUES (?, ?, ?, ?)",
                [self.topic, partition, position.next_offset, position.append_time],
            )
        verdicts = dict(
            con.execute("SELECT verdict, count(*) FROM judged GROUP BY verdict").fetchall()
        )
        if withdrawals:
            withdraw.withdraw(con, self.archive)
        con.unregister("batch")
        return Outcome(number, verdicts, verdicts.get("dead", 0))

    def _forget_seen(self) -> None:
        """Drop identities whose doubles would be too late to count, an hour's worth at a time."""
        watermark, seen_from = self.con.execute(
            "SELECT watermark, seen_from FROM progress"
        ).fetchall()[0]
        if watermark is None:
            return
        keep_from = watermark - self.dedup_window - _SLACK
        if seen_from is None or keep_from - seen_from >= timedelta(hours=1):
            self.con.execute("DELETE FROM seen WHERE append_time < ?", [keep_from])
            self.con.execute("UPDATE progress SET seen_from = ?", [keep_from])

    def _rollback(self) -> None:
        with suppress(duckdb.TransactionException):  # the failed statement may have ended it
            self.con.execute("ROLLBACK")
        try:
            self.archive.forget(self.con)
        except (duckdb.Error, OSError) as error:
            _log.warning("cannot delete the archive file of a batch that failed: %s", error)
