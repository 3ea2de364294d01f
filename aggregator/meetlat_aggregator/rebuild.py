"""Recomputes every table from the archive, by the same transaction code, and compares.

Equal: the new file takes the old one's place. Different: the differences are told, and only
`--accept` swaps. A database that cannot be read is made anew the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from meetlat.errors import MeetlatError
from meetlat.metrics import UNPRICED
from meetlat_aggregator.archive import Archive, archive_rows, batches_of, records_of
from meetlat_aggregator.control import Say
from meetlat_aggregator.database import open_database
from meetlat_aggregator.decode import decode
from meetlat_aggregator.ingest import Ingest
from meetlat_aggregator.kpi.prices import PriceBook
from meetlat_aggregator.live import LiveSeries
from meetlat_aggregator.sqlfiles import sql
from meetlat_aggregator.store import Store
from meetlat_aggregator.tables import CELLS, HEALTH, STATES
from meetlat_aggregator.transaction import Transactions
from meetlat_aggregator.unpriced import BookPrices, NoPrices

CHUNK_RECORDS = 50_000
COMPARED = (
    *(cell.name for cell in CELLS),
    HEALTH.name,
    *(state.name for state in STATES),
    "voids",
    "late",
    "live_series",
)
# Whose task it was is kept by what the plan said at the time, which no archive knows.
_NOT_OF_THE_PLAN = "* EXCLUDE (\"user\") REPLACE ([x FOR x IN older IF x.field <> 'user'] AS older)"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Kept(Archive):
    """The archive during a rebuild: files are there already; rows of the file at hand stay in the
    tail until it is done, so that a withdrawal finds them.
    """

    def add(
        self,
        con: duckdb.DuckDBPyConnection,
        batch: int,
        events: pa.Table,
        verdicts: pa.ChunkedArray,
    ) -> Callable[[], None]:
        rows = archive_rows(batch, events, verdicts)  # noqa: F841 - DuckDB reads the variable
        con.execute("INSERT INTO archive_tail BY NAME SELECT * FROM rows")
        return lambda: None

    def forget(self, con: duckdb.DuckDBPyConnection) -> None:
        """No file here is of the batch at hand."""


def rebuild_file(
    target: Path,
    archive: Archive,
    topic: str,
    dedup_window: timedelta,
    old: duckdb.DuckDBPyConnection | None,
    progress: Progress = lambda _done, _total: None,
) -> None:
    """Make a database at `target` from the archive (and the tail that `old` holds).

    With `old` None (it cannot be read) every file on disk counts, and positions are taken from
    what they hold, so that the log is read again from there. What a crash left is deleted.
    """
    _discard(target)
    try:
        _fill(target, archive, topic, dedup_window, old, progress)
    except BaseException:
        _discard(target)
        raise


def _fill(
    target: Path,
    archive: Archive,
    topic: str,
    dedup_window: timedelta,
    old: duckdb.DuckDBPyConnection | None,
    progress: Progress,
) -> None:
    con = open_database(target)
    try:
        if old is not None:  # the plan says whether it may be kept whose task it was
            _copy(con, old, "plan_versions", "plan_changes")
        kept = _Kept(archive.directory)
        live = LiveSeries(con, BookPrices(PriceBook(), "UTC") if old is None else NoPrices())
        runner = Transactions(con, kept, live, topic, dedup_window)
        listed = _files(archive, old)
        tail = _tail(old)
        total = sum(records for _, records in listed) + tail.num_rows
        done = 0
        for name, records in listed:
            for chunk in _chunks(archive.directory / name):
                _apply(runner, chunk)
                done += chunk.num_rows
                progress(done, total)
            _list_file(con, archive, name, records)
        if tail.num_rows:
            _apply(runner, tail)
            progress(total, total)
        runner.fold()
        con.execute("DELETE FROM archive_tail")
        con.register("old_tail", tail)
        con.execute("INSERT INTO archive_tail SELECT * FROM old_tail")
        con.unregister("old_tail")
        _carry_over(con, old, archive, topic)
        con.execute("CHECKPOINT")
    finally:
        con.close()


def _discard(target: Path) -> None:
    for leftover in (target, target.with_name(target.name + ".wal")):
        leftover.unlink(missing_ok=True)


def compare(old: duckdb.DuckDBPyConnection, rebuilt: Path) -> list[dict[str, Any]]:
    """Per table that differs: how many rows only the one or the other has."""
    path = str(rebuilt).replace("'", "''")
    old.execute(f"ATTACH '{path}' AS rebuilt (READ_ONLY)")
    try:
        found = []
        for table in COMPARED:
            shown = _NOT_OF_THE_PLAN if table == "tasks" else "*"
            counts = [
                old.execute(
                    f"SELECT count(*) FROM (SELECT {shown} FROM {one} "
                    f"EXCEPT ALL SELECT {shown} FROM {other})"
                ).fetchall()[0][0]
                for one, other in ((table, f"rebuilt.{table}"), (f"rebuilt.{table}", table))
            ]
            if any(counts):
                found.append({"table": table, "only_before": counts[0], "only_rebuilt": counts[1]})
        return found
    finally:
        old.execute("DETACH rebuilt")


async def rebuild_store(store: Store, *, accept: bool, progress: Progress) -> dict[str, Any]:
    """Rebuild an open store, with nothing under way; swap when equal or accepted."""
    target = store.directory.path / "rebuild.duckdb"
    await store.fold()
    await store.run(
        lambda con: rebuild_file(
            target,
            store.archive,
            store.topic,
            store.transactions.dedup_window,
            con,
            progress,
        )
    )
    differences = await store.run_alone(lambda con: compare(con, target))
    swapped = accept or not differences
    if swapped:
        await store.reopen(lambda: swap(target, store.directory.database))
    else:
        target.unlink()
    return {"differences": differences, "swapped": swapped}


async def rebuild_running(
    store: Store, ingest: Ingest, *, accept: bool, say: Say
) -> dict[str, Any]:
    """Rebuild between two batches; the log keeps what comes meanwhile."""
    result: dict[str, Any] = {}
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[list[int]] = asyncio.Queue()

    def progress(done: int, total: int) -> None:
        loop.call_soon_threadsafe(waiting.put_nowait, [done, total])

    async def tell() -> None:
        while True:
            await say(await waiting.get())

    async def action() -> None:
        result.update(await rebuild_store(store, accept=accept, progress=progress))

    telling = asyncio.create_task(tell())
    try:
        await ingest.paused(action)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    return result


def swap(target: Path, database: Path) -> None:
    """Put the rebuilt file in the database's place."""
    database.with_name(database.name + ".wal").unlink(missing_ok=True)
    target.replace(database)


def _apply(runner: Transactions, rows: pa.Table) -> None:
    batch = decode(list(records_of(rows)))
    runner.apply(batch, {}, "", datetime(1970, 1, 1))  # noqa: DTZ001 - replaced by _carry_over


def _files(archive: Archive, old: duckdb.DuckDBPyConnection | None) -> list[tuple[str, int]]:
    if old is not None:
        rows = old.execute(
            "SELECT file, records FROM archive_files ORDER BY first_batch"
        ).fetchall()
        missing = archive.missing(old)
        if missing:
            raise MeetlatError(
                f"{len(missing)} archive files are gone, the first is "
                f"{archive.directory / missing[0]}",
                remedy="put them back; without them a rebuild would lose what they held",
            )
        return [(str(name), int(records)) for name, records in rows]
    # A file that a crash left and one that was committed after it begin with the same batch: the
    # longer one was committed.
    names = {batches_of(name)[0]: name for name in archive.on_disk()}.values()
    return [(name, _parquet(archive.directory / name).metadata.num_rows) for name in names]


def _chunks(path: Path) -> Iterator[pa.Table]:
    """The rows of an archive file, some at a time. Raises MeetlatError when it is damaged."""
    chunks = _parquet(path).iter_batches(CHUNK_RECORDS)
    while True:
        try:
            chunk = next(chunks, None)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error
        if chunk is None:
            return
        yield pa.Table.from_batches([chunk])


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> MeetlatError:
    return MeetlatError(
        f"cannot read the archive file {path}: {str(error).splitlines()[0]}",
        remedy="put it back from a backup; without it a rebuild would lose what it held",
    )


def _tail(old: duckdb.DuckDBPyConnection | None) -> pa.Table:
    from meetlat_aggregator.archive import COLUMNS

    if old is None:
        return COLUMNS.empty_table()
    return old.sql(sql("archive/tail")).to_arrow_table().cast(COLUMNS)


def _list_file(con: duckdb.DuckDBPyConnection, archive: Archive, name: str, records: int) -> None:
    path = archive.directory / name
    con.execute("DELETE FROM archive_tail")
    con.execute(
        sql("archive/list_again"),
        {"file": name, "path": str(path), "bytes": path.stat().st_size, "records": records},
    )


def _copy(
    con: duckdb.DuckDBPyConnection,
    old: duckdb.DuckDBPyConnection,
    *tables: str,
    where: str = "true",
) -> None:
    for table in tables:
        rows = old.sql(f"SELECT * FROM {table} WHERE {where}").to_arrow_table()
        con.register("carried", rows)
        con.execute(f"INSERT INTO {table} SELECT * FROM carried")
        con.unregister("carried")


def _carry_over(
    con: duckdb.DuckDBPyConnection,
    old: duckdb.DuckDBPyConnection | None,
    archive: Archive,
    topic: str,
) -> None:
    """What the archive does not hold: positions, the log's identity, what was sent, the poison,
    and for which calls no price was known at the time. With `old` None the plan is taken from its
    file at the next start.
    """
    if old is None:
        listed = {row[0] for row in con.execute("SELECT file FROM archive_files").fetchall()}
        for name in archive.on_disk():
            if name not in listed:
                (archive.directory / name).unlink()
        con.execute("UPDATE outbox SET sent = true, value = NULL")
        con.execute(
            "UPDATE progress SET batches = (SELECT coalesce(max(last_batch), 0) FROM archive_files)"
        )
        con.execute("UPDATE progress SET folded = batches")
        files = archive.paths(sorted(listed))
        if files:
            con.execute(sql("archive/positions"), {"files": files, "topic": topic})
        return
    _copy(con, old, "positions", "log_identity", "accepted_poison")
    con.execute("DELETE FROM live_series WHERE metric = ?", [UNPRICED.name])
    _copy(con, old, "live_series", where=f"metric = '{UNPRICED.name}'")
    batches, poison, committed_at = old.execute(
        "SELECT batches, poison, committed_at FROM progress"
    ).fetchall()[0]
    con.execute(
        "UPDATE progress SET batches = ?, folded = ?, poison = ?, committed_at = ?",
        [batches, batches, poison, committed_at],
    )
    outbox = old.sql("SELECT * FROM outbox").to_arrow_table()
    con.execute("DELETE FROM outbox")
    con.register("carried", outbox)
    con.execute("INSERT INTO outbox SELECT * FROM carried")
    con.unregister("carried")
