"""Merges what is staged into the cells and the row-level state."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from meetlat_aggregator.rows import STAMP, Numbers, distinct, together
from meetlat_aggregator.sqlfiles import sql
from meetlat_aggregator.staging import Staged, hours_of
from meetlat_aggregator.tables import CELLS, HEALTH, STATES, UNPRICED, State, merge_cell

Touched = dict[str, Numbers]  # the hours of each table, microseconds since 1970
_columns_of: dict[str, list[str]] = {}


def merge_all(con: duckdb.DuckDBPyConnection, staged: Staged, batch: int) -> None:
    """Merge what is staged into every table; `batch` is the last one that is in it."""
    touched = merge_cells(con, staged)
    for state in STATES:
        if state.source in staged.names:
            touched |= merge_state(con, state, sql(f"state/{state.name}"))
    note_touched(con, touched, batch)


def merge_cells(
    con: duckdb.DuckDBPyConnection, staged: Staged, *, withdrawn: bool = False
) -> Touched:
    """Merge what is staged into the additive tables, each with its `sign`; what is withdrawn may
    leave nothing of a row.
    """
    touched: Touched = {}
    for cell in (*CELLS, UNPRICED, HEALTH):
        hours = staged.hours.get(cell.source)
        if hours is None:
            continue
        columns = _columns(con, cell.name)
        first, last = (np.datetime64(int(hour), "us") for hour in (hours.min(), hours.max()))
        within = f"t.hour BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'"
        query = sql(f"cells/{cell.query or cell.name}")
        con.execute(merge_cell(cell, query, columns, within))
        touched[cell.name] = hours
        if withdrawn:
            measures = [name for name in columns if name not in cell.key]
            empty = " AND ".join(f't."{name}" = 0' for name in measures)
            con.execute(f"DELETE FROM {cell.name} AS t WHERE {within} AND {empty}")
    return touched


def merge_state(con: duckdb.DuckDBPyConnection, state: State, query: str) -> Touched:
    """Merge what the events of a query say into a row-level table.

    A row is found by the hash of its key, deleted and inserted again: to update columns in place,
    scattered over a long table, takes longer, and so the rows in use stay together at its end.
    """
    events = con.sql(query).to_arrow_table()
    if not events.num_rows:
        return {}
    codes, first = distinct(events, state.key)
    keys = _keyed(con, state, events.select(state.key).take(pa.array(first)))
    old = _met(con, state)
    rows = together(state, events, codes, keys, old)
    rows = rows.append_column("key_hash", keys["key_hash"])
    if len(state.moment) > 1:
        rows = rows.append_column("moment", pc.coalesce(*(rows[name] for name in state.moment)))
    if old.num_rows:
        con.execute(f"DELETE FROM {state.name} WHERE rowid IN (SELECT place FROM old)")
    con.execute(f"INSERT INTO {state.name} BY NAME SELECT * FROM rows")
    return touched_by(state, old, rows)


def _keyed(con: duckdb.DuckDBPyConnection, state: State, events: pa.Table) -> pa.Table:
    """The keys of these events in their order, with their hash; also as the table `wanted`, each
    with its place as `code`.
    """
    code = pa.array(np.arange(events.num_rows, dtype=np.int32))
    keys = events.select(state.key).append_column("code", code)
    names = ", ".join(f'"{name}"' for name in state.key)
    # A table: DuckDB 1.5 cannot pass the bounds of a join on large unsigned numbers on to Arrow.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE wanted AS "
        f"SELECT *, md5_number_lower(concat_ws(chr(0), {names})) AS key_hash FROM keys"
    )
    hashes = con.sql("SELECT key_hash FROM wanted ORDER BY code").to_arrow_table()
    return keys.append_column("key_hash", hashes["key_hash"])


def _met(con: duckdb.DuckDBPyConnection, state: State) -> pa.Table:
    """The rows of the keys in `wanted` that are there already: `place`, and the key's `code`."""
    # First by the hash alone: to read the other columns of millions of rows takes seconds.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE places AS SELECT DISTINCT t.rowid AS place "
        f"FROM {state.name} AS t JOIN wanted AS k ON t.key_hash = k.key_hash"
    )
    same = " AND ".join(f't."{name}" = k."{name}"' for name in state.key)
    stamps = (*STAMP, "older") if state.fields else ()
    columns = ", ".join(f't."{n}"' for n in (*state.merge, *stamps, *state.fields, *state.along))
    return con.sql(
        f"SELECT t.rowid AS place, k.code AS code, {columns} FROM places AS p "
        f"JOIN {state.name} AS t ON t.rowid = p.place "
        f"JOIN wanted AS k ON t.key_hash = k.key_hash AND {same}"
    ).to_arrow_table()


def touched_by(state: State, *changed: pa.Table) -> Touched:
    """Under which hours these rows are published, and in which KPIs may place them."""
    found: Touched = {}
    if state.moment:
        moments = [pc.coalesce(*(rows[name] for name in state.moment)) for rows in changed]
        found[state.name] = np.unique(np.concatenate([hours_of(one) for one in moments]))
    if state.cohorts:
        times = [rows[name] for rows in changed for name in state.cohorts]
        found[f"{state.name}.cohorts"] = np.unique(np.concatenate([hours_of(t) for t in times]))
    return found


def note_touched(con: duckdb.DuckDBPyConnection, touched: Touched, batch: int) -> None:
    """Remember that what is published of these tables for these hours is no longer true."""
    names = [pa.repeat(name, len(hours)) for name, hours in touched.items()]
    hours = pa.array(np.concatenate([*touched.values()])).cast(pa.timestamp("us"))
    parts = pa.table({"name": pa.concat_arrays(names), "hour": hours})  # noqa: F841 - DuckDB reads it
    con.execute(sql("note_touched"), {"batch": batch})


def _columns(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """A table's columns: the same in every database, since each is of the newest version."""
    if table not in _columns_of:
        _columns_of[table] = [row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()]
    return _columns_of[table]
