"""Merges what is staged into the cells and the row-level state."""

from __future__ import annotations

import duckdb

from meetlat_aggregator.sqlfiles import sql
from meetlat_aggregator.tables import (
    CELLS,
    HEALTH,
    STATES,
    UNPRICED,
    Cell,
    State,
    merge_cell,
    merge_rows,
)


def merge_all(con: duckdb.DuckDBPyConnection, staged: set[str]) -> None:
    """Merge what is staged into every table."""
    merge_cells(con, staged)
    for state in STATES:
        if state.source in staged:
            merge_state(con, state, sql(f"state/{state.name}"))


def merge_cells(con: duckdb.DuckDBPyConnection, staged: set[str]) -> None:
    """Merge what is staged into the additive tables, each with its `sign`."""
    for cell in (*CELLS, UNPRICED, HEALTH):
        if cell is HEALTH or cell.source in staged:
            query = sql(f"cells/{cell.query or cell.name}")
            con.execute(f"CREATE OR REPLACE TEMP TABLE delta AS {query}")
            _merge_cell(con, cell)


def merge_state(con: duckdb.DuckDBPyConnection, state: State, rows: str) -> None:
    """Merge the rows of a query into a row-level table."""
    keys = ", ".join(f'"{name}"' for name in state.key)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE delta AS "
        f"SELECT *, md5_number_lower(concat_ws(chr(0), {keys})) AS key_hash FROM ({rows})"
    )
    for statement in merge_rows(state, _columns(con, state.name)):
        con.execute(statement)
    for changed in ("met", "merged"):
        touch_rows(con, state, changed)


def touch_rows(con: duckdb.DuckDBPyConnection, state: State, rows: str) -> None:
    """Note under which hours the rows of a table or view are published."""
    if state.moment:
        _touch(con, state.name, f"date_trunc('hour', {state.moment})", rows)


def _touch(con: duckdb.DuckDBPyConnection, table: str, hour: str, rows: str) -> None:
    con.execute(
        f"INSERT INTO touched SELECT DISTINCT '{table}' AS name, {hour} AS hour, "
        f"(SELECT batches FROM progress) AS batch FROM {rows}"
    )


def _merge_cell(con: duckdb.DuckDBPyConnection, cell: Cell) -> None:
    first, last, withdrawn = con.execute(
        "SELECT min(hour), max(hour), (SELECT min(sign) FROM staged_envelope) < 0 FROM delta"
    ).fetchall()[0]
    if first is None:
        return
    within = f"t.hour BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'"
    columns = _columns(con, cell.name)
    measures = [name for name in columns if name not in cell.key]
    con.execute(merge_cell(cell, columns, within))
    _touch(con, cell.name, "hour", "delta")
    if withdrawn:
        empty = " AND ".join(f't."{name}" = 0' for name in measures)
        con.execute(f"DELETE FROM {cell.name} AS t WHERE {within} AND {empty}")


def _columns(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()]
