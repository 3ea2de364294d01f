"""Puts committed batches into temporary tables, one per event type, ready to be folded.

`staged_TYPE` holds what counts of a type, with `sign` 1, or -1 for what is withdrawn; it is a view
where nothing of the type is there. `staged_envelope` holds every record with its verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from meetlat.contract.events import EVENT_MODELS
from meetlat_aggregator.batch import Batch, short_name
from meetlat_aggregator.sqlfiles import sql, sql_names
from meetlat_aggregator.tables import STATES

# A sender's account counts wherever it runs; everything else counts in production only.
_ANY_ENVIRONMENT = ("sdk_report", "collector_report")
# The dimensions of a call, which it names by one number.
CALL_DIMENSIONS = (
    "use_case", "tool", "feature", "team", "segment", "provider", "model", "operation",
    "prompt_version", "status", "error_type", "currency",
)  # fmt: skip
# Of a call only these are staged beside its number: measures, and what row-level state needs.
_CALL_COLUMNS = (
    "use_case", "tool", "feature", "team", "segment", "status", "user", "session", "duration",
    "first_token", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens",
    "reasoning_tokens", "cost", "output_pages",
)  # fmt: skip
_LARGEST = 2**62


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
    heads = heads.append_column("verdict", verdicts)
    counted = np.asarray(pc.equal(verdicts, "counted"))
    data = {}
    for type_name, table in batch.data.items():
        name = short_name(type_name)
        counts = counted[np.asarray(table["seq"])]
        if name not in _ANY_ENVIRONMENT:
            counts &= np.asarray(pc.equal(table["environment"], "production"))
        kept = table if counts.all() else table.filter(pa.array(counts))
        if kept.num_rows:
            data[name] = kept
    return Judged(heads, data)


def stage(con: duckdb.DuckDBPyConnection, pending: Sequence[Judged], sign: int) -> set[str]:
    """Make the tables. Returns the short names that were staged, and the derived ones
    (`conversation`, `use`, `report`) that feed row-level state.
    """
    heads = pa.concat_tables([one.heads for one in pending])  # noqa: F841 - DuckDB reads it
    con.execute(sql("stage_envelopes"), {"sign": sign})
    refined = sql_names("staged")
    staged = sorted({name for one in pending for name in one.data})
    for name in staged:
        rows = pa.concat_tables([_with_heads(one, name) for one in pending if name in one.data])
        if name == "interaction":
            codes, first = distinct(rows, ("hour", *CALL_DIMENSIONS))
            dimensions = rows.take(pa.array(first)).select(["hour", *CALL_DIMENSIONS])
            dimensions = dimensions.append_column("cell", pa.array(range(len(first)), pa.int32()))
            con.execute(sql("stage_call_cells"))
            rows = rows.select(["time", "source", "id", *_CALL_COLUMNS])
            rows = rows.append_column("cell", pa.array(codes, pa.int32()))
        query = sql(f"staged/{name}") if name in refined else "SELECT * FROM staged"
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE staged_{name} AS WITH staged AS "
            f"(SELECT *, {sign}::TINYINT AS sign FROM rows) {query}"
        )
    for state in STATES:
        parts = [f"{state.source}.{feed}" for feed in state.feeds if feed in staged]
        parts = [part for part in parts if part in refined]
        if parts:
            union = " UNION ALL BY NAME ".join(f"({sql(f'staged/{part}')})" for part in parts)
            con.execute(f"CREATE OR REPLACE TEMP VIEW staged_{state.source} AS {union}")
    return {*staged, *(state.source for state in STATES if not set(staged).isdisjoint(state.feeds))}


def unstage(con: duckdb.DuckDBPyConnection, staged: set[str]) -> None:
    """Drop the tables again: they are as large as what was staged."""
    for name in (*staged & {short_name(name) for name in EVENT_MODELS}, "envelope"):
        con.execute(f"DROP TABLE IF EXISTS staged_{name}")


def _with_heads(one: Judged, name: str) -> pa.Table:
    """The rows of one event type beside their envelopes. In Arrow, since a join in the database
    would copy every column.
    """
    table = one.data[name]
    heads = one.heads.select(["time", "source", "id"])
    rows = heads if table.num_rows == heads.num_rows else heads.take(table["seq"])
    for column in table.column_names:
        if column not in ("seq", "attributes"):
            rows = rows.append_column(column, table[column])
    if name == "interaction":
        rows = rows.append_column("hour", pc.floor_temporal(rows["time"], unit="hour"))
    return rows


def distinct(
    rows: pa.Table, columns: Sequence[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The distinct combinations of some columns: the number of each row's, from 0 in the order of
    their first occurrence, and the row where each first occurs. Grouping by one integer is several
    times quicker than by a dozen texts.
    """
    combined = np.zeros(rows.num_rows, dtype=np.int64)
    width = 1
    for name in columns:
        column = rows[name].combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        size = len(column.dictionary) + 1
        if width * size > _LARGEST:
            combined, width = _numbered(combined)
        combined = combined * size + np.asarray(column.indices.fill_null(size - 1))
        width *= size
    codes, count = _numbered(combined)
    first = np.zeros(count, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return codes, first


def _numbered(values: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], int]:
    encoded = pa.array(values).dictionary_encode()
    return np.asarray(encoded.indices).astype(np.int64), len(encoded.dictionary)
