"""One batch, one DuckDB transaction: judge, archive, count live, dead letters, positions, commit.

Either all of it happened or nothing did. No log and no clock here, so that a rebuild runs the very
same code.

Cells and row-level state follow in a transaction of their own, on a connection of its own beside
the next commits: folding brings in several batches at a time, since a statement with thirty columns
takes longer to plan than to run over a few events. What was committed and not folded waits in
memory; a start reads it from the archive again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

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
# So many events are folded at once, if no publication asked for it before; when twice as many wait,
# the next batch waits for them.
FOLD_EVENTS = 100_000
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


class Waiting(NamedTuple):
    """A batch that was committed and not folded, and its number."""

    number: int
    batch: Judged


class Transactions:
    """Applies batches to one database. `dedup_window`: how late an event may be and still count.

    Everything here is called from one thread. Folding is done on `beside`, an executor of one
    thread, while the next batches are committed; without it, before the next one is.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        archive: Archive,
        live: LiveSeries,
        topic: str,
        dedup_window: timedelta = timedelta(days=7),
        beside: Executor | None = None,
    ) -> None:
        self.con = con
        self.archive = archive
        self.live = live
        self.topic = topic
        self.dedup_window = dedup_window
        self._beside = beside
        self._fold_con = con
        if beside is not None:
            self._fold_con = con.cursor()
            self._fold_con.execute(sql("macros"))
        self._under_way: Future[None] | None = None
        self._taken = 0  # so many of those that wait
        self._waiting: list[Waiting] = []
        self._catch_up()

    def close(self) -> None:
        """Wait for what is under way and let go of the second connection."""
        if self._under_way is not None:
            wait([self._under_way])
        if self._fold_con is not self.con:
            self._fold_con.close()

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
        Raises duckdb.Error or OSError after a rollback; also when folding what came before failed,
        which is tried again with the next call.
        """
        self._fold_when_due()
        if withdraw.may_withdraw(batch):
            self._settle()  # it changes the same rows
        with self._transaction(self.con):
            outcome, one, withdrawals = self._take(batch, positions, poison, committed_at)
            waiting = [*self._waiting, Waiting(outcome.batch, one)]
            if withdrawals:
                self._fold(self.con, waiting)
                waiting = []
                withdraw.withdraw(self.con, self.archive, outcome.batch)
            before_commit()
        self.live.keep()
        self._waiting = waiting
        return outcome

    def fold(self) -> None:
        """Bring all that was committed into cells and row-level state. Raises as `apply` does."""
        self._settle()
        if self._waiting:
            self._fold_now(self.con, self._waiting)
            self._waiting = []

    def _fold_when_due(self) -> None:
        under_way = self._under_way
        events = sum(len(one.batch) for one in self._waiting)
        if under_way is not None and (under_way.done() or events >= 2 * FOLD_EVENTS):
            self._settle()
        if self._under_way is not None or events < FOLD_EVENTS:
            return
        if self._beside is None:
            self.fold()
            return
        self._taken = len(self._waiting)
        taken = tuple(self._waiting)
        self._under_way = self._beside.submit(self._fold_now, self._fold_con, taken)

    def _settle(self) -> None:
        """Wait for the folding that is under way; raises what it met."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()
            self._waiting = self._waiting[self._taken :]

    def _fold_now(self, con: duckdb.DuckDBPyConnection, waiting: Sequence[Waiting]) -> None:
        with self._transaction(con):
            self._fold(con, waiting)

    def _fold(self, con: duckdb.DuckDBPyConnection, waiting: Sequence[Waiting]) -> None:
        last = waiting[-1].number
        staged = stage(con, [one.batch for one in waiting], sign=1)
        merge_all(con, staged, last)
        unstage(con)
        con.execute("UPDATE folding SET batch = ?", [last])

    def _catch_up(self) -> None:
        """Read from the archive what was committed and not folded."""
        for rows in self.archive.unfolded(self.con):
            batch = judged(decode(list(records_of(rows))), rows["verdict"])
            self._waiting.append(Waiting(rows["batch"][-1].as_py(), batch))

    @contextmanager
    def _transaction(self, con: duckdb.DuckDBPyConnection) -> Iterator[None]:
        con.execute("BEGIN")
        try:
            yield
            con.execute("COMMIT")
        except BaseException:
            self._rollback(con)
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

    def _rollback(self, con: duckdb.DuckDBPyConnection) -> None:
        with suppress(duckdb.TransactionException):  # the failed statement may have ended it
            con.execute("ROLLBACK")
        if con is not self.con:
            return
        self.live.forget()
        try:
            self.archive.forget(self.con)
        except (duckdb.Error, OSError) as error:
            _log.warning("cannot delete the archive file of a batch that failed: %s", error)
