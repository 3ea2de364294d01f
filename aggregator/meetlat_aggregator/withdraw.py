"""Takes back what a `void` withdraws, wherever it arrives: before its target or after.

Before it in the log: the target is judged `void` and never merged. After it: the target is found in
the archive (which the batch at hand is part of by then), its contribution to the cells is merged
once more with sign -1, and the row-level rows that it touched are made anew from the archive's
other events of the same keys. So the effect does not depend on how the log was cut into batches.
"""

from __future__ import annotations

from datetime import timedelta

import duckdb
import numpy as np
import pyarrow as pa

from meetlat_aggregator.archive import Archive, records_of
from meetlat_aggregator.batch import Batch
from meetlat_aggregator.decode import decode
from meetlat_aggregator.merge import (
    Touched,
    merge_cells,
    merge_state,
    note_touched,
    touched_by,
)
from meetlat_aggregator.sqlfiles import sql
from meetlat_aggregator.staging import Judged, judged, stage, unstage
from meetlat_aggregator.tables import STATES, State


def find_withdrawals(con: duckdb.DuckDBPyConnection, batch: Batch, window: timedelta) -> bool:
    """Make the temporary table `new_voids` (time, digest, seq); True when there are any."""
    con.execute(
        'CREATE TEMP TABLE IF NOT EXISTS new_voids ("time" TIMESTAMP, digest UHUGEINT, seq INTEGER)'
    )
    con.execute("DELETE FROM new_voids")
    batch_void = batch.data.get("meetlat.void.v1")
    if batch_void is None:
        return False
    events = batch.events  # noqa: F841 - DuckDB reads the variable
    con.execute(sql("new_voids"), {"dedup_window": window})
    return bool(con.execute("SELECT count(*) FROM new_voids").fetchall()[0][0])


def withdraw(con: duckdb.DuckDBPyConnection, archive: Archive, batch: int) -> None:
    """Apply `new_voids` to what was folded, this batch included, and remember them."""
    first, last = con.execute('SELECT min("time"), max("time") FROM new_voids').fetchall()[0]
    targets = _archived(con, archive, sql("archive/withdrawn"), {"first": first, "last": last})
    con.execute('INSERT INTO voids SELECT "time", digest FROM new_voids')
    if targets.num_rows == 0:
        return
    withdrawn = _counted(decode(list(records_of(targets))))
    staged = stage(con, [withdrawn], sign=-1)
    touched = merge_cells(con, staged, withdrawn=True)
    for state in STATES:
        if state.needles and state.source in staged.names:
            touched |= _make_anew(con, archive, state, withdrawn)
    unstage(con)
    note_touched(con, touched, batch)


def _make_anew(
    con: duckdb.DuckDBPyConnection,
    archive: Archive,
    state: State,
    withdrawn: Judged,
) -> Touched:
    """Delete the rows that the withdrawn events touched and make them from what is left."""
    stage(con, [withdrawn], sign=1)
    keys = ", ".join(f'"{name}"' for name in state.key)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE withdrawn_rows AS "
        f"SELECT DISTINCT {keys} FROM ({sql(f'state/{state.name}')})"
    )
    same_key = " AND ".join(f'k."{name}" = t."{name}"' for name in state.key)
    standing = (
        f"{state.name} AS t WHERE EXISTS (SELECT 1 FROM withdrawn_rows AS k WHERE {same_key})"
    )
    before = con.sql(f"SELECT t.* FROM {standing}").to_arrow_table()
    touched = touched_by(state, before)
    con.execute(f"DELETE FROM {standing}")
    needles = {
        value
        for feed in state.feeds
        for table in (withdrawn.data.get(feed),)
        if table is not None
        for field in state.needles
        if field in table.column_names
        for value in table[field].to_pylist()
        if value is not None
    }
    if not needles:
        return touched
    fields = " OR ".join(
        f"may_say(text_of(a.verdict, a.value), '{name}', $needles)" for name in state.needles
    )
    others = _archived(
        con,
        archive,
        sql("archive/others").replace("{fields}", fields),
        {
            "needles": sorted(needles),
            "types": [f"meetlat.{feed}.v1" for feed in state.feeds],
        },
    )
    staged = stage(con, [_counted(decode(list(records_of(others))))], sign=1)
    if state.source not in staged.names:
        return touched
    made = merge_state(
        con,
        state,
        f"SELECT t.* FROM ({sql(f'state/{state.name}')}) AS t "
        f"WHERE EXISTS (SELECT 1 FROM withdrawn_rows AS k WHERE {same_key})",
    )
    both = [one[state.name] for one in (touched, made) if one]
    return {state.name: np.unique(np.concatenate(both))} if both else {}


def _archived(
    con: duckdb.DuckDBPyConnection, archive: Archive, query: str, parameters: dict[str, object]
) -> pa.Table:
    """Archive rows, from files and tail, that `query` asks for (it reads the view `archived`)."""
    files = [row[0] for row in con.execute("SELECT file FROM archive_files").fetchall()]
    con.execute(f"CREATE OR REPLACE TEMP VIEW archived AS {archive.rows(files)}")
    return con.sql(query, params=parameters).to_arrow_table()


def _counted(batch: Batch) -> Judged:
    """Archived events that were counted."""
    return judged(batch, pa.chunked_array([pa.repeat("counted", len(batch))]))
