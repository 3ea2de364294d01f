"""Takes back what a `void` withdraws, wherever it arrives: before its target or after.

Before it in the log: the target is judged `void` and never merged. After it: the target is found in
the archive (which the batch at hand is part of by then), its contribution to the cells is merged
once more with sign -1, and the row-level rows that it touched are made anew from the archive's
other events of the same keys. So the effect does not depend on how the log was cut into batches.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from meetlat_aggregator.archive import Archive, records_of
from meetlat_aggregator.batch import Batch, data_columns
from meetlat_aggregator.decode import decode
from meetlat_aggregator.merge import merge_cells, merge_state, stage
from meetlat_aggregator.sqlfiles import sql
from meetlat_aggregator.tables import STATES, State

_VOID_COLUMNS = pa.schema([("seq", pa.int32()), *data_columns("meetlat.void.v1")])


def find_withdrawals(con: duckdb.DuckDBPyConnection, batch: Batch, dedup_window: int) -> bool:
    """Make the temporary table `new_voids` (time, digest, seq); True when there are any."""
    con.register("batch_void", batch.data.get("meetlat.void.v1", _VOID_COLUMNS.empty_table()))
    con.execute(sql("new_voids"), {"dedup_window": dedup_window})
    con.unregister("batch_void")
    return bool(con.execute("SELECT count(*) FROM new_voids").fetchall()[0][0])


def withdraw(con: duckdb.DuckDBPyConnection, archive: Archive) -> None:
    """Apply `new_voids` to what was counted, this batch included, and remember them."""
    first, last = con.execute('SELECT min("time"), max("time") FROM new_voids').fetchall()[0]
    targets = _archived(con, archive, sql("archive/withdrawn"), {"first": first, "last": last})
    con.execute('INSERT INTO voids SELECT "time", digest FROM new_voids')
    if targets.num_rows == 0:
        return
    withdrawn = decode(list(records_of(targets)))
    staged = _stage_as(con, withdrawn, sign=-1)
    merge_cells(con, staged)
    for state in STATES:
        if state.needles and state.source in staged:
            _make_anew(con, archive, state, withdrawn)


def _make_anew(
    con: duckdb.DuckDBPyConnection, archive: Archive, state: State, withdrawn: Batch
) -> None:
    """Delete the rows that the withdrawn events touched and make them from what is left."""
    _stage_as(con, withdrawn, sign=1)
    con.execute(f"CREATE OR REPLACE TEMP TABLE touched AS {sql(f'state/{state.name}')}")
    same_key = " AND ".join(f'k."{name}" = t."{name}"' for name in state.key)
    con.execute(
        f"DELETE FROM {state.name} AS t WHERE EXISTS (SELECT 1 FROM touched AS k WHERE {same_key})"
    )
    needles = {
        value
        for feed in state.feeds
        for table in (withdrawn.data.get(f"meetlat.{feed}.v1"),)
        if table is not None
        for field in state.needles
        if field in table.column_names
        for value in table[field].to_pylist()
        if value is not None
    }
    if not needles:
        return
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
    staged = _stage_as(con, decode(list(records_of(others))), sign=1)
    if state.source in staged:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE delta AS SELECT t.* FROM "
            f"({sql(f'state/{state.name}')}) AS t "
            f"WHERE EXISTS (SELECT 1 FROM touched AS k WHERE {same_key})"
        )
        merge_state(con, state)


def _archived(
    con: duckdb.DuckDBPyConnection, archive: Archive, query: str, parameters: dict[str, object]
) -> pa.Table:
    """Archive rows, from files and tail, that `query` asks for (it reads the view `archived`)."""
    files = [row[0] for row in con.execute("SELECT file FROM archive_files").fetchall()]
    con.execute(f"CREATE OR REPLACE TEMP VIEW archived AS {archive.rows(files)}")
    return con.sql(query, params=parameters).to_arrow_table()


def _stage_as(con: duckdb.DuckDBPyConnection, batch: Batch, sign: int) -> set[str]:
    """Stage events whose verdict is known: they were counted."""
    con.register("batch", batch.events)
    con.execute(sql("judged_before"), {"sign": sign})
    return stage(con, batch)
