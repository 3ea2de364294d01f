"""One batch, one DuckDB transaction: judge, archive, count live, dead letters, positions, commit.

Either all of it happened or nothing did. No log and no clock here, so that a rebuild runs the very
same code.

Cells and row-level state follow in a transaction of their own: `fold` brings in several batches at
a time, since a statement with thirty columns takes longer to plan than to run over a few events.
What was committed and not folded waits in memory; a start reads it from the archive again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from meetlat_aggregator import withdraw
from meetlat_aggregator.archive import Archive, records_of
from meetlat_aggregator.batch import Batch
from meetlat_aggregator.decode import decode
from meetlat_aggregator.dedup import find_known_ids
from meetlat_aggregator.live import LiveSeries
from meetlat_aggregator.merge import merge_all
from meetlat_aggregator.sqlfiles import sql
from meetlat_aggregator.staging import Judged, judged, stage, unstage

MAX_DEAD_BYTES = 900 * 1024
# An event may lie 5 minutes ahead of the log's clock, so its identity is kept that much longer.
_SLACK = timedelta(minutes=10)
# So many events are folded at once, if no publication asked for it before.
FOLD_EVENTS = 60_000
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


class Transactions:
    """Applies batches to one database. `dedup_window`: how late an event may be and still count."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        archive: Archive,
        live: LiveSeries,
        topic: str,
        dedup_window: timedelta = timedelta(days=7),
    ) -> None:
        self.con = con
        self.archive = archive
        self.live = live
        self.topic = topic
        self.dedup_window = dedup_window
        self._pending: list[Judged] = []
        self._catch_up()

    def apply(
        self,
        batch: Batch,
        positions: Mapping[int, Position],
        poison: str,
        committed_at: datetime,
        before_commit: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """Store a batch and `positions`, all or nothing.

        `before_commit` may raise to throw the batch away (a rebalance took the partitions).
        Raises duckdb.Error or OSError after a rollback; nothing of the batch is stored then.
        """
        self.fold_when_due()
        with self._transaction():
            outcome, one, withdrawals = self._take(batch, positions, poison, committed_at)
            pending = [*self._pending, one]
            if withdrawals:
                self._fold(pending, outcome.batch)
                pending = []
                withdraw.withdraw(self.con, self.archive, outcome.batch)
            before_commit()
        self.live.keep()
        self._pending = pending
        return outcome

    def fold_when_due(self) -> None:
        """Fold when so much waits that the next batch should not be added. Raises as `apply`."""
        if sum(map(len, self._pending)) >= FOLD_EVENTS:
            self.fold()

    def fold(self) -> None:
        """Bring what was committed into cells and row-level state. Raises as `apply` does."""
        if not self._pending:
            return
        with self._transaction():
            ((batches,),) = self.con.execute("SELECT batches FROM progress").fetchall()
            self._fold(self._pending, batches)
        self._pending = []

    def _fold(self, pending: list[Judged], last: int) -> None:
        staged = stage(self.con, pending, sign=1)
        merge_all(self.con, staged, last)
        unstage(self.con)
        self.con.execute("UPDATE progress SET folded = ?", [last])

    def _catch_up(self) -> None:
        """Read from the archive what was committed and not folded."""
        for rows in self.archive.unfolded(self.con):
            self._pending.append(judged(decode(list(records_of(rows))), rows["verdict"]))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.con.execute("BEGIN")
        try:
            yield
            self.con.execute("COMMIT")
        except BaseException:
            self.live.forget()
            self._rollback()
            raise

    def _take(
        self,
        batch: Batch,
        positions: Mapping[int, Position],
        poison: str,
        committed_at: datetime,
    ) -> tuple[Outcome, Judged, bool]:
        """Everything about a batch but folding it; the last is whether it withdraws something."""
        con, events = self.con, batch.events
        (number,) = con.execute("SELECT batches + 1 FROM progress").fetchall()[0]
        find_known_ids(con, self.archive, events, self.dedup_window)
        withdrawals = withdraw.find_withdrawals(con, batch, self.dedup_window)
        con.execute(sql("judge"), {"dedup_window": self.dedup_window})
        verdicts = con.sql(sql("verdicts")).to_arrow_table()["verdict"]
        counts = {one["values"]: one["counts"] for one in pc.value_counts(verdicts).to_pylist()}
        archived = self.archive.add(con, number, events, verdicts)
        con.execute(sql("remember_seen"))
        if "late" in counts:
            con.execute(sql("remember_late"))
        if "dead" in counts:
            con.execute(sql("dead_to_outbox"), {"batch": number, "max_bytes": MAX_DEAD_BYTES})
        one = judged(batch, verdicts)
        self.live.add(con, batch, verdicts, one)
        con.execute(
            sql("advance"), {"records": len(batch), "poison": poison, "committed_at": committed_at}
        )
        self._forget_seen()
        self._keep_positions(positions)
        archived()
        return Outcome(number, counts, counts.get("dead", 0)), one, withdrawals

    def _keep_positions(self, positions: Mapping[int, Position]) -> None:
        if not positions:
            return
        read = pa.table(  # noqa: F841 - DuckDB reads the variable
            {
                "topic": [self.topic] * len(positions),
                "partition": pa.array(list(positions), pa.int32()),
                "next_offset": [one.next_offset for one in positions.values()],
                "append_time": pa.array(
                    [one.append_time for one in positions.values()], pa.timestamp("us")
                ),
            }
        )
        self.con.execute(
            "DELETE FROM positions AS p USING read WHERE p.topic = read.topic "
            'AND p."partition" = read."partition"'
        )
        self.con.execute("INSERT INTO positions BY NAME SELECT * FROM read")

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
        unstage(self.con)  # the views are gone, and what they showed has to go too
        try:
            self.archive.forget(self.con)
        except (duckdb.Error, OSError) as error:
            _log.warning("cannot delete the archive file of a batch that failed: %s", error)
