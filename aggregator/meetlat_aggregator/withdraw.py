"""Takes back what a `void` withdraws, wherever it arrives: before its target, with it, or after.

Before or with it: the target is judged `void` and never merged. After it: the target is found in
the archive, its contribution to the cells is merged once more with sign -1, and the row-level rows
that it touched are made anew from the archive's other events of the same keys.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from meetlat_aggregator.archive import Archive, records_of
from meetlat_aggregator.batch import Batch
from meetlat_aggregator.decode import decode
from meetlat_aggregator.merge import merge_cells, merge_state, stage
from meetlat_aggregator.sqlfiles import sql
from meetlat_aggregator.tables import STATES, State


def withdraw(
    con: duckdb.DuckDBPyConnection, archive: Archive, batch: Batch, dedup_window: int
) -> None:
    """Apply the batch's withdrawals to what earlier batches counted, and remember them."""
    con.register("batch_void", batch.data["meetlat.void.v1"])
    con.execute(sql("new_voids"), {"dedup_window": dedup_window})
    con.unregister("batch_void")
    first, last = con.execute('SELECT min("time"), max("time") FROM new_voids').fetchall()[0]
    if first is None:
        return
    targets = _archived(con, archive, sql("archive/withdrawn"), {"first": first, "last": last})
    con.execute("INSERT INTO voids SELECT * FROM new_voids")
    if targets.num_rows == 0:
        return
    withdrawn = decode(list(records_of(targets)))
    staged = _stage_as(con, withdrawn, sign=-1)
    merge_cells(con, staged)
    for state in STATES:
        if state.needles and state.source in staged:
            _make_anew(con, archive, state, withdrawn)
    con.register("batch", batch.events)


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
        f"list_contains($needles, decode(value)->>'$.data.{name}')" for name in state.needles
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
    parts = ["SELECT * FROM archive_tail"]
    if files:
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in archive.paths(files))
        parts.append(f"SELECT * FROM read_parquet([{listed}])")
    con.execute("CREATE OR REPLACE TEMP VIEW archived AS " + " UNION ALL BY NAME ".join(parts))
    return con.sql(query, params=parameters).to_arrow_table()


def _stage_as(con: duckdb.DuckDBPyConnection, batch: Batch, sign: int) -> set[str]:
    """Stage events whose verdict is known: they were counted."""
    con.register("batch", batch.events)
    con.execute(sql("judged_before"), {"sign": sign})
    return stage(con, batch)
