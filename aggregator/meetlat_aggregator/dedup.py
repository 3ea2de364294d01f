"""Which events of a batch were counted before: the table `known_ids`.

A resent event has the same time, so only identities of the batch's own times are looked at: one
range for most of the batch, as literals so that zone maps prune, and the few stragglers before it
one by one. What `seen` has forgotten is looked up in the archive.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from meetlat_aggregator.archive import Archive
from meetlat_aggregator.decode import MAX_AHEAD_MICROSECONDS
from meetlat_aggregator.sqlfiles import sql

MAX_STRAGGLERS = 500
_MAX_AHEAD = timedelta(microseconds=MAX_AHEAD_MICROSECONDS)


def find_known_ids(
    con: duckdb.DuckDBPyConnection, archive: Archive, events: pa.Table, dedup_window: timedelta
) -> None:
    """Make the temporary table `known_ids` (time, digest) for the batch, without gaps."""
    events = events.select(["append_time", "time", "history", "error"])  # not the bytes
    lateness = pc.subtract(events["append_time"], events["time"])
    in_time = pc.or_(events["history"], pc.less_equal(lateness, pa.scalar(dedup_window)))
    alive = events.filter(pc.and_(pc.is_null(events["error"]), in_time))
    where = _time_ranges(alive["time"])
    con.execute(
        'CREATE OR REPLACE TEMP TABLE known_ids AS SELECT DISTINCT "time", digest '
        f"FROM seen WHERE {where}"
    )
    (seen_from,) = con.execute("SELECT seen_from FROM progress").fetchall()[0]
    if seen_from is None:
        return
    # An original may lie ahead of its append time, and `seen` is kept by append time. Only history
    # is as old as this, and a partition that lags far behind the others.
    forgotten = alive.filter(pc.less(alive["time"], pa.scalar(seen_from + _MAX_AHEAD)))
    if forgotten.num_rows:
        bounds = pc.min_max(forgotten["time"])
        _add_from_archive(con, archive, bounds["min"].as_py(), bounds["max"].as_py(), seen_from)


def _time_ranges(column: pa.ChunkedArray) -> str:
    """A condition on `time` that covers every time in the column."""
    times = np.sort(np.asarray(column.cast(pa.int64())))
    if not times.size:
        return "false"
    first = min(len(times) // 50, MAX_STRAGGLERS)
    condition = f'"time" BETWEEN make_timestamp({times[first]}) AND make_timestamp({times[-1]})'
    if first:
        stragglers = ", ".join(f"make_timestamp({t})" for t in np.unique(times[:first]))
        condition += f' OR "time" IN ({stragglers})'
    return condition


def _add_from_archive(
    con: duckdb.DuckDBPyConnection,
    archive: Archive,
    first: datetime,
    last: datetime,
    seen_from: datetime,
) -> None:
    files = con.execute(
        sql("archive/files_between"),
        {"first": first, "last": last, "appended_before": seen_from},
    ).fetchall()
    con.execute(f"CREATE OR REPLACE TEMP VIEW archived AS {archive.rows([f for (f,) in files])}")
    con.execute("INSERT INTO known_ids " + sql("archive/ids"), {"first": first, "last": last})
    con.execute(
        'CREATE OR REPLACE TEMP TABLE known_ids AS SELECT DISTINCT "time", digest FROM known_ids'
    )
