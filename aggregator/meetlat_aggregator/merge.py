"""Stages a judged batch by event type, and merges it into the cells and the row-level state."""

from __future__ import annotations

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from meetlat_aggregator.batch import Batch, short_name
from meetlat_aggregator.sqlfiles import sql, sql_names
from meetlat_aggregator.tables import CELLS, HEALTH, STATES, Cell, State, merge_sql

# A sender's account counts wherever it runs; everything else counts in production only.
_ANY_ENVIRONMENT = ("sdk_report", "collector_report")


def stage(con: duckdb.DuckDBPyConnection, batch: Batch) -> set[str]:
    """Make the view `staged_TYPE` for each event type of the batch.

    The tables `batch` and `judged` are there. Returns the short names that were staged, and the
    derived ones (`conversation`, `use`, `report`) that feed row-level state.
    """
    staged: set[str] = set()
    refined = sql_names("staged")
    judged = con.sql(sql("judged_columns")).to_arrow_table()
    counted = np.asarray(judged["counted"])
    heads = batch.events.select(["seq", "time", "source", "id"])
    for column in ("sign", "fresh"):
        heads = heads.append_column(column, judged[column])
    for type_name, table in batch.data.items():
        name = short_name(type_name)
        counts = counted[np.asarray(table["seq"])]
        if name not in _ANY_ENVIRONMENT:
            counts &= np.asarray(pc.equal(table["environment"], "production"))
        con.register(f"counted_{name}", _with_heads(heads, table, counts))
        query = sql(f"staged/{name}") if name in refined else "SELECT * FROM staged"
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW staged_{name} AS "
            f"WITH staged AS (SELECT * FROM counted_{name}) {query}"
        )
        staged.add(name)
    for state in STATES:
        parts = [f"{state.source}.{feed}" for feed in state.feeds if feed in staged]
        parts = [part for part in parts if part in refined]
        if parts:
            union = " UNION ALL BY NAME ".join(f"({sql(f'staged/{part}')})" for part in parts)
            con.execute(f"CREATE OR REPLACE TEMP VIEW staged_{state.source} AS {union}")
            staged.add(state.source)
    con.execute(
        "CREATE OR REPLACE TEMP VIEW staged_unpriced AS "
        + (sql("unpriced") if "interaction" in staged else "SELECT NULL::INTEGER AS seq LIMIT 0")
    )
    return staged


def _with_heads(heads: pa.Table, table: pa.Table, counts: npt.NDArray[np.bool_]) -> pa.Table:
    """The rows of one event type that count, beside their envelope and verdict. In Arrow, since a
    join in the database would copy every column.
    """
    if not counts.all():
        table = table.filter(pa.array(counts))
    rows = heads if table.num_rows == heads.num_rows else heads.take(table["seq"])
    for name in table.column_names:
        if name not in ("seq", "attributes"):
            rows = rows.append_column(name, table[name])
    return rows


def merge_all(con: duckdb.DuckDBPyConnection, staged: set[str]) -> None:
    """Merge what is staged into every table."""
    merge_cells(con, staged)
    for state in STATES:
        if state.source in staged:
            _make_delta(con, f"state/{state.name}")
            merge_state(con, state)


def merge_cells(con: duckdb.DuckDBPyConnection, staged: set[str]) -> None:
    """Merge what is staged into the additive tables, each with its `sign`."""
    for cell in CELLS:
        if cell.source in staged:
            _make_delta(con, f"cells/{cell.name}")
            _merge_cell(con, cell)
    _make_delta(con, f"cells/{HEALTH.name}")
    _merge_cell(con, HEALTH)


def merge_state(con: duckdb.DuckDBPyConnection, state: State) -> None:
    """Merge `delta` into a row-level table."""
    columns = _columns(con, state.name)
    con.execute(merge_sql(state.name, state.key, columns, state.merge).format(within=""))


def _make_delta(con: duckdb.DuckDBPyConnection, query: str) -> None:
    con.execute(f"CREATE OR REPLACE TEMP TABLE delta AS {sql(query)}")


def _merge_cell(con: duckdb.DuckDBPyConnection, cell: Cell) -> None:
    first, last = con.execute("SELECT min(hour), max(hour) FROM delta").fetchall()[0]
    if first is None:
        return
    within = f"t.hour BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'"
    columns = _columns(con, cell.name)
    measures = [name for name in columns if name not in cell.key]
    statement = merge_sql(cell.name, cell.key, columns, dict.fromkeys(measures, "+"))
    con.execute(statement.format(within=f"{within} AND"))
    if con.execute("SELECT count(*) FROM judged WHERE sign < 0").fetchall()[0][0]:
        empty = " AND ".join(f't."{name}" = 0' for name in measures)
        con.execute(f"DELETE FROM {cell.name} AS t WHERE {within} AND {empty}")


def _columns(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()]
