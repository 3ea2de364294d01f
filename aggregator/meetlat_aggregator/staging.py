"""Puts committed batches where SQL sees them, one view per event type, ready to be folded.

`staged_TYPE` is what counts of a type, with `sign` 1, or -1 for what is withdrawn. The views read
Arrow tables in memory: nothing is copied. `staged_envelope` has every record with its verdict,
`call_cells` the distinct dimensions of the calls, which name theirs by number, and `staged_waits`
their waits, counted by bucket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from meetlat.contract.events import EVENT_MODELS
from meetlat_aggregator.batch import Batch, short_name
from meetlat_aggregator.rows import Numbers, distinct
from meetlat_aggregator.sqlfiles import sql, sql_names
from meetlat_aggregator.tables import STATES
from meetlat_aggregator.waits import buckets_of, microseconds

# A sender's account counts wherever it runs; everything else counts in production only.
_ANY_ENVIRONMENT = ("sdk_report", "collector_report")
# The dimensions of a call, which it names by one number.
CALL_DIMENSIONS = (
    "use_case", "tool", "feature", "team", "segment", "provider", "model", "operation",
    "prompt_version", "status", "error_type", "currency",
)  # fmt: skip
# Texts of few values: kept as numbers, which takes less room and groups faster.
_OF_FEW_VALUES = (*CALL_DIMENSIONS, "source")
_HOUR = 3_600_000_000  # microseconds
_WAITS = ("duration", "first_token")


@dataclass(frozen=True, slots=True)
class Judged:
    """A committed batch without its bytes: `heads` has seq, append_time, time, source, id and
    verdict of every record, `data` the fields of what counts, by short name of the type.
    """

    heads: pa.Table
    data: dict[str, pa.Table]

    def __len__(self) -> int:
        return int(self.heads.num_rows)


def judged(batch: Batch, verdicts: pa.ChunkedArray) -> Judged:
    """What folding needs of a batch and the verdicts on its records, in their order."""
    heads = batch.events.select(["seq", "append_time", "time", "source", "id"])
    heads = _encoded(heads.append_column("verdict", verdicts.dictionary_encode()))
    counted = np.asarray(pc.equal(verdicts, "counted"))
    data = {}
    for type_name, table in batch.data.items():
        name = short_name(type_name)
        counts = counted[np.asarray(table["seq"])]
        if name not in _ANY_ENVIRONMENT:
            counts &= np.asarray(pc.equal(table["environment"], "production"))
        kept = table if counts.all() else table.filter(pa.array(counts))
        if kept.num_rows:
            left_out = [
                column for column in ("attributes", "environment") if column in kept.column_names
            ]
            data[name] = _encoded(kept.drop_columns(left_out))
    return Judged(heads, data)


def _encoded(table: pa.Table) -> pa.Table:
    for place, name in enumerate(table.column_names):
        if name in _OF_FEW_VALUES and not pa.types.is_dictionary(table[name].type):
            table = table.set_column(place, name, table[name].dictionary_encode())
    return table


@dataclass(frozen=True, slots=True)
class Staged:
    """What the views show: the short names of the types that are there, and the derived ones
    (`conversation`, `use`, `report`) that feed row-level state; and of which hours a type, or
    `envelope`, has events, in microseconds since 1970.
    """

    names: frozenset[str]
    hours: dict[str, Numbers]


def stage(con: duckdb.DuckDBPyConnection, pending: Sequence[Judged], sign: int) -> Staged:
    """Make the views."""
    heads = pa.concat_tables([one.heads for one in pending])
    _show(con, "envelope", heads, sign)
    dead = pc.equal(heads["verdict"].cast(pa.string()), "dead")
    hours = {"envelope": hours_of(pc.if_else(dead, heads["append_time"], heads["time"]))}
    refined = sql_names("staged")
    staged = sorted({name for one in pending for name in one.data})
    for name in staged:
        rows = pa.concat_tables([_with_heads(one, name) for one in pending if name in one.data])
        hours[name] = hours_of(rows["time"])
        if name == "interaction":
            rows = _calls(con, rows, sign)
        _show(con, name, rows, sign, sql(f"staged/{name}") if name in refined else "FROM staged")
    for state in STATES:
        parts = [f"{state.source}.{feed}" for feed in state.feeds if feed in staged]
        parts = [part for part in parts if part in refined]
        if parts:
            union = " UNION ALL BY NAME ".join(f"({sql(f'staged/{part}')})" for part in parts)
            con.execute(f"CREATE OR REPLACE TEMP VIEW staged_{state.source} AS {union}")
    fed = (state.source for state in STATES if not set(staged).isdisjoint(state.feeds))
    return Staged(frozenset([*staged, *fed]), hours)


def unstage(con: duckdb.DuckDBPyConnection) -> None:
    """Let go of what the views show."""
    for type_name in EVENT_MODELS:
        con.unregister(f"rows_{short_name(type_name)}")
    for name in ("envelope", "waits"):
        con.unregister(f"rows_{name}")


def hours_of(times: pa.ChunkedArray) -> Numbers:
    """The hours of these times, each once, in microseconds since 1970."""
    hours: Numbers = np.unique(np.asarray(times.drop_null().cast(pa.int64())) // _HOUR) * _HOUR
    return hours


def _show(
    con: duckdb.DuckDBPyConnection,
    name: str,
    rows: pa.Table,
    sign: int,
    query: str = "FROM staged",
) -> None:
    con.register(f"rows_{name}", rows)
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW staged_{name} AS WITH staged AS "
        f"(SELECT *, {sign}::TINYINT AS sign FROM rows_{name}) {query}"
    )


def _calls(con: duckdb.DuckDBPyConnection, rows: pa.Table, sign: int) -> pa.Table:
    """The calls with the number of their cell; makes `call_cells` and `staged_waits`."""
    codes, first = distinct(rows, ("hour", *CALL_DIMENSIONS))
    dimensions = rows.select(["hour", *CALL_DIMENSIONS]).take(pa.array(first))
    dimensions = dimensions.append_column("cell", pa.array(range(len(first)), pa.int32()))
    con.execute(sql("stage_call_cells"))
    _show(con, "waits", _waits(rows, codes), sign)
    return rows.append_column("cell", pa.array(codes, pa.int32()))


def _waits(rows: pa.Table, cells: Numbers) -> pa.Table:
    """How many waits of a cell fall into a bucket: cell, measure, bucket, count."""
    found = []
    for measure in _WAITS:
        known = np.asarray(rows[measure].is_valid())
        waits = microseconds(np.asarray(rows[measure].drop_null()))
        table = pa.table({"cell": cells[known], "bucket": buckets_of(waits)})
        groups, first = distinct(table, ("cell", "bucket"))
        table = table.take(pa.array(first))
        table = table.append_column("measure", pa.repeat(measure, len(first)))
        found.append(table.append_column("count", pa.array(np.bincount(groups))))
    return pa.concat_tables(found)


def _with_heads(one: Judged, name: str) -> pa.Table:
    """The rows of one event type beside their envelopes. In Arrow, since a join in the database
    would copy every column.
    """
    table = one.data[name]
    heads = one.heads.select(["time", "source", "id"])
    rows = heads if table.num_rows == heads.num_rows else heads.take(table["seq"])
    for column in table.column_names:
        if column != "seq":
            rows = rows.append_column(column, table[column])
    if name == "interaction":
        rows = rows.append_column("hour", pc.floor_temporal(rows["time"], unit="hour"))
    return rows
