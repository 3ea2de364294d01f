"""The raw archive: every record, byte for byte, in Parquet, in the order it was processed.

A few records wait in the table `archive_tail`; when there are enough, or they are an hour old,
they and the batch at hand become one file. The file is on disk before the batch is committed, and
on the list in the same transaction: a file that is not on the list belongs to no batch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
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
_NAME = re.compile(r"\d{4}/\d\d/\d\d/(\d{12})-(\d{12})\.parquet")


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive of one data directory. `file_records` is when a file is written."""

    directory: Path
    file_records: int = 50_000
    file_seconds: int = 3600

    def add(self, con: duckdb.DuckDBPyConnection, batch: int, records: int) -> None:
        """Keep the batch (tables `batch` and `judged`), within the caller's transaction.

        Raises OSError when a file cannot be written.
        """
        con.execute(sql("archive/add_to_tail"), {"batch": batch})
        waiting, oldest, newest = con.execute(sql("archive/tail_size")).fetchall()[0]
        if waiting and (
            waiting >= self.file_records
            or records >= self.file_records
            or (newest - oldest).total_seconds() >= self.file_seconds
        ):
            self.write_tail(con)

    def write_tail(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make a file of the tail, within the caller's transaction. The tail must not be empty."""
        table = con.sql(sql("archive/tail")).to_arrow_table().cast(COLUMNS)
        first, last = table["batch"][0].as_py(), table["batch"][-1].as_py()
        day = table["append_time"][0].as_py().strftime("%Y/%m/%d")
        name = f"{day}/{first:012d}-{last:012d}.parquet"
        path = self.directory / name
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # rows about one person
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            table,
            path,
            compression="zstd",
            compression_level=6,
            use_dictionary=["type", "verdict"],
            column_encoding={
                "batch": "DELTA_BINARY_PACKED",
                "seq": "DELTA_BINARY_PACKED",
                "partition": "DELTA_BINARY_PACKED",
                "offset": "DELTA_BINARY_PACKED",
                "append_time": "DELTA_BINARY_PACKED",
                "time": "DELTA_BINARY_PACKED",
            },
        )
        sync(path)
        for folder in (path.parent, *list(path.parent.parents)[:3]):
            sync(folder)
        con.execute(sql("archive/list_file"), {"file": name, "bytes": path.stat().st_size})
        con.execute("DELETE FROM archive_tail")

    def forget(self, con: duckdb.DuckDBPyConnection) -> None:
        """After a rollback: delete the file of the batch that was thrown away, if it made one.

        Left there, it would outlive the number of its batch, and no start could tell it from one
        that the database lost.
        """
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
                f"{orphans[0]}: it is not the one that wrote them",
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
