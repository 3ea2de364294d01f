"""The raw archive: every record, byte for byte, in Parquet, in the order it was processed.

A few records wait in the table `archive_tail`; when there are enough, or they are an hour old,
they and the batch at hand become one file. The file is on disk before the batch is committed, and
on the list in the same transaction: a file that is not on the list belongs to no batch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from meetlat.logs.base import Record
from meetlat_aggregator.batch import MICROSECONDS
from meetlat_aggregator.database import BrokenDatabaseError
from meetlat_aggregator.sqlfiles import sql

COLUMNS = pa.schema(
    [
        ("batch", pa.int64()),
        ("seq", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("append_time", MICROSECONDS),
        ("time", MICROSECONDS),
        ("type", pa.string()),
        ("verdict", pa.string()),
        ("value", pa.binary()),
    ]
)
_INTEGERS = ("batch", "seq", "partition", "offset", "append_time", "time")
_LEVEL = 3  # a tenth larger than level 6, at half the time
_NAME = re.compile(r"\d{4}/\d\d/\d\d/(\d{12})-(\d{12})\.parquet")


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive of one data directory. `file_records` is when a file is written: with a full
    batch, which would else be written to the database, read and deleted there first.
    """

    directory: Path
    file_records: int = 20_000
    file_seconds: int = 3600
    _writer: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="meetlat-archive")
    )
    _under_way: list[Future[int]] = field(default_factory=list)

    def add(
        self,
        con: duckdb.DuckDBPyConnection,
        batch: int,
        events: pa.Table,
        verdicts: pa.ChunkedArray,
    ) -> Callable[[], None]:
        """Keep the batch's records (EVENT_COLUMNS), within the caller's transaction.

        A file is written meanwhile on a thread of its own; what is returned waits for it, and
        raises OSError when it cannot be written.
        """
        rows = archive_rows(batch, events, verdicts)
        if rows.num_rows == 0:
            return _nothing
        waiting, oldest, newest = con.execute(sql("archive/tail_size")).fetchall()[0]
        span = pc.min_max(rows["append_time"])
        first, last = span["min"].as_py(), span["max"].as_py()
        age = max(last, newest or last) - min(first, oldest or first)
        if waiting + rows.num_rows < self.file_records and age.total_seconds() < self.file_seconds:
            con.execute("INSERT INTO archive_tail BY NAME SELECT * FROM rows")
            return _nothing
        if waiting:
            tail = con.sql(sql("archive/tail")).to_arrow_table().cast(COLUMNS)
            rows = pa.concat_tables([tail, rows])
            con.execute("DELETE FROM archive_tail")
        name = _name(rows)
        writing = self._writer.submit(_write, self.directory, name, rows)
        self._under_way.append(writing)
        return lambda: self._list(con, name, rows, writing)

    def _list(
        self,
        con: duckdb.DuckDBPyConnection,
        name: str,
        rows: pa.Table,
        writing: Future[int],
    ) -> None:
        """Put a file on the list, when it is on disk."""
        size = writing.result()
        self._under_way.clear()
        times, appended = (pc.min_max(rows[column]) for column in ("time", "append_time"))
        con.execute(
            "INSERT INTO archive_files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                name,
                *batches_of(name),
                rows.num_rows,
                size,
                times["min"].as_py(),
                times["max"].as_py(),
                appended["min"].as_py(),
                appended["max"].as_py(),
            ],
        )

    def unfolded(self, con: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
        """The records (COLUMNS) of the batches that were committed and not folded, in order."""
        files = [row[0] for row in con.execute(sql("archive/unfolded_files")).fetchall()]
        gone = [name for name in files if not (self.directory / name).exists()]
        if gone:
            raise BrokenDatabaseError(
                f"the archive file {self.directory / gone[0]} is gone, and what it held is not yet "
                "in the tables",
                "put the file back",
            )
        rows = con.sql(sql("archive/unfolded").replace("archived", f"({self.rows(files)})"))
        table = rows.to_arrow_table().cast(COLUMNS)
        if table.num_rows:
            yield table

    def forget(self, con: duckdb.DuckDBPyConnection) -> None:
        """After a rollback: delete the file of the batch that was thrown away, if it made one.

        Left there, it would outlive the number of its batch, and no start could tell it from one
        that the database lost.
        """
        wait(self._under_way)
        self._under_way.clear()
        listed = {row[0] for row in con.execute("SELECT file FROM archive_files").fetchall()}
        ((batches,),) = con.execute("SELECT batches FROM progress").fetchall()
        for name in self.on_disk():
            if name not in listed and batches_of(name)[1] == batches + 1:
                (self.directory / name).unlink(missing_ok=True)

    def paths(self, names: list[str]) -> list[str]:
        """Full paths of listed files."""
        return [str(self.directory / name) for name in names]

    def rows(self, names: list[str]) -> str:
        """The SQL of the rows of listed files and of the tail."""
        parts = ["SELECT * FROM archive_tail"]
        if names:
            listed = ", ".join("'" + path.replace("'", "''") + "'" for path in self.paths(names))
            parts.append(f"SELECT * FROM read_parquet([{listed}])")
        return " UNION ALL BY NAME ".join(parts)

    def on_disk(self) -> list[str]:
        """The names of all files there, listed or not, in the order of their batches."""
        names = (str(path.relative_to(self.directory)) for path in self.directory.glob("*/*/*/*"))
        return sorted(filter(_NAME.fullmatch, names), key=batches_of)

    def sweep(self, con: duckdb.DuckDBPyConnection) -> list[str]:
        """Delete the files of the batch whose commit a crash prevented; returns their names.

        Raises BrokenDatabaseError when there are other files that are not on the list: the
        database is older than they are, and they may be all that is left of their events.
        """
        listed = {row[0] for row in con.execute("SELECT file FROM archive_files").fetchall()}
        ((batches,),) = con.execute("SELECT batches FROM progress").fetchall()
        orphans = [name for name in self.on_disk() if name not in listed]
        if any(batches_of(name)[1] != batches + 1 for name in orphans):
            raise BrokenDatabaseError(
                f"the database does not know {len(orphans)} files of the archive, the first is "
                f"{self.directory / orphans[0]}: it is not the one that wrote them",
                "put that one back",
            )
        for name in orphans:
            with suppress(FileNotFoundError):
                (self.directory / name).unlink()
        return orphans

    def missing(self, con: duckdb.DuckDBPyConnection) -> list[str]:
        """Listed files that are not on disk: somebody removed them."""
        listed = [row[0] for row in con.execute("SELECT file FROM archive_files").fetchall()]
        return [name for name in listed if not (self.directory / name).exists()]


def _nothing() -> None:
    """No file is being written."""


def _name(rows: pa.Table) -> str:
    first, last = rows["batch"][0].as_py(), rows["batch"][-1].as_py()
    day = rows["append_time"][0].as_py().strftime("%Y/%m/%d")
    return f"{day}/{first:012d}-{last:012d}.parquet"


def _write(directory: Path, name: str, rows: pa.Table) -> int:
    """Make a file, safe on disk when this returns; its size in bytes."""
    path = directory / name
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # rows about one person
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        rows,
        path,
        compression="zstd",
        compression_level=_LEVEL,
        use_dictionary=["type", "verdict"],
        column_encoding=dict.fromkeys(_INTEGERS, "DELTA_BINARY_PACKED"),
    )
    sync(path)
    for folder in (path.parent, *list(path.parent.parents)[:3]):
        sync(folder)
    return path.stat().st_size


def archive_rows(batch: int, events: pa.Table, verdicts: pa.ChunkedArray) -> pa.Table:
    """What the archive keeps of a batch (COLUMNS), in the order it was read."""
    found = {name: events[name] for name in COLUMNS.names if name in events.column_names}
    found["batch"] = pa.repeat(pa.scalar(batch, pa.int64()), events.num_rows)
    found["verdict"] = verdicts
    return pa.table([found[name] for name in COLUMNS.names], names=COLUMNS.names).cast(COLUMNS)


def batches_of(name: str) -> tuple[int, int]:
    """The first and the last batch in a file, from its name."""
    match = _NAME.fullmatch(name)
    assert match is not None, name
    return int(match[1]), int(match[2])


def records_of(rows: pa.Table) -> Iterator[Record]:
    """Log records again, from archive rows."""
    append_times = rows["append_time"].cast(pa.int64()).to_pylist()
    columns: list[list[Any]] = [rows[name].to_pylist() for name in ("partition", "offset", "value")]
    for partition, offset, value, append_time in zip(*columns, append_times, strict=True):
        yield Record(partition, offset, append_time, None, value)


def sync(path: Path) -> None:
    """fsync a file or folder."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
