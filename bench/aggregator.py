"""How fast records become tables: decode and transaction, from memory into DuckDB on disk, archive
and fsync included; beside it DuckDB's own `read_json`, insert and checkpoint of the same bytes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import duckdb

from bench.figure import Figure
from bench.mix import START, Mix
from meetlat.logs.base import Record
from meetlat_aggregator.archive import Archive
from meetlat_aggregator.database import open_database
from meetlat_aggregator.decode import decode
from meetlat_aggregator.live import LiveSeries
from meetlat_aggregator.transaction import Position, Transactions

BATCH = 50_000
BATCHES = 8
_AT = datetime(2026, 1, 6)  # noqa: DTZ001 - naive UTC, as the database keeps it


def batches() -> list[list[Record]]:
    """The same records each time, 5,000 a second by their own times."""
    mix = Mix(1, START, 5_000)
    return [
        [
            Record(0, number * BATCH + i, int(at.timestamp() * 1e6) + 1000, None, value)
            for i, (at, value) in enumerate(mix.events(BATCH))
        ]
        for number in range(BATCHES)
    ]


def meetlat_seconds(work: list[list[Record]], folder: Path) -> float:
    """Seconds for all batches: the next is decoded while the transaction of this one runs."""
    con = open_database(folder / "aggregator.duckdb", "400MB")
    runner = Transactions(con, Archive(folder / "archive"), LiveSeries(con), "events")
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as decoding:
        waiting = decoding.submit(decode, work[0])
        for number, records in enumerate(work):
            batch = waiting.result()
            if number + 1 < len(work):
                waiting = decoding.submit(decode, work[number + 1])
            runner.apply(batch, {0: Position(records[-1].offset + 1, _AT)}, "", _AT)
    runner.fold()
    took = time.perf_counter() - began
    con.close()
    return took


def duckdb_seconds(work: list[list[Record]], folder: Path) -> float:
    """Seconds for DuckDB alone to read the same bytes as JSON into one table."""
    lines = folder / "events.ndjson"
    lines.write_bytes(b"".join(r.value + b"\n" for records in work for r in records))
    with duckdb.connect(str(folder / "plain.duckdb"), config={"threads": 2}) as con:
        began = time.perf_counter()
        con.execute("CREATE TABLE events AS SELECT * FROM read_json(?)", [str(lines)])
        con.execute("CHECKPOINT")
        return time.perf_counter() - began


def run(rounds: int = 2) -> list[Figure]:
    """Measure, in rounds that alternate; the best of each."""
    work = batches()
    count = sum(map(len, work))
    ours, theirs = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            ours.append(count / meetlat_seconds(work, Path(folder)))
            theirs.append(count / duckdb_seconds(work, Path(folder)))
    return [
        Figure(
            "records to tables",
            max(ours),
            "events/s",
            "DuckDB's read_json, insert and checkpoint, events/s",
            max(theirs),
        )
    ]


if __name__ == "__main__":
    for figure in run(int(sys.argv[1]) if sys.argv[1:] else 2):
        print(figure)
