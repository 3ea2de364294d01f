"""CSV and Parquet of the published tables, streamed by DuckDB in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import groupby
from pathlib import Path

import duckdb

from meetlat_aggregator.reader.choose import utc
from meetlat_aggregator.reader.published import rows
from meetlat_aggregator.sqlfiles import sql

MEMORY = "256MB"
_VALUES_ORDER = "period, start, use_case, team, segment, part, kpi"


@dataclass(frozen=True, slots=True)
class Column:
    """A published column."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """A published table or view."""

    name: str
    meaning: str
    is_view: bool = False
    columns: tuple[Column, ...] = field(default=())

    @property
    def names(self) -> list[str]:
        """Its columns' names."""
        return [column.name for column in self.columns]


def published(con: duckdb.DuckDBPyConnection) -> list[Table]:
    """What is exported, by name."""
    found = []
    for _, group in groupby(rows(con, sql("export/tables")), key=lambda row: row["table"]):
        of_it = list(group)
        columns = tuple(Column(r["column"], r["type"], r["column_meaning"]) for r in of_it)
        first = of_it[0]
        found.append(Table(first["table"], first["meaning"], first["is_view"], columns))
    return found


def prepare(
    con: duckdb.DuckDBPyConnection,
    spill: Path,
    use_case: str | None,
    days: tuple[date, date] | None,
    timezone: str,
) -> None:
    """Bound the memory, and say which rows are wanted: of one use case, and of days in `days`."""
    con.execute(f"SET memory_limit = '{MEMORY}'")
    con.execute(f"SET temp_directory = {_quoted(str(spill))}")
    con.execute(sql("export/macros"))
    _set(con, "use_case", _quoted(use_case) if use_case else "NULL::VARCHAR")
    for name, day in zip(("since", "until"), days or (None, None), strict=True):
        local = datetime.combine(day, time()) if day else None
        at = utc(day, timezone) if day else None
        _set(con, f"{name}_local", f"TIMESTAMP '{local}'" if local else "NULL::TIMESTAMP")
        _set(con, f"{name}_utc", f"TIMESTAMP '{at}'" if at else "NULL::TIMESTAMP")


def write_csv(con: duckdb.DuckDBPyConnection, table: Table, path: Path) -> None:
    """UTF-8 with a header and \\n; no text becomes a formula in a spreadsheet."""
    select = _select(table, _csv_column)
    con.execute(f"COPY ({select}) TO {_quoted(str(path))} (FORMAT csv, HEADER, DELIMITER ',')")


def write_parquet(con: duckdb.DuckDBPyConnection, table: Table, path: Path) -> None:
    """Parquet with exact numbers: HUGEINT, which it lacks, as DECIMAL(38, 0) and not as a float."""
    select = _select(table, _parquet_column)
    con.execute(f"COPY ({select}) TO {_quoted(str(path))} (FORMAT parquet)")


def _csv_column(column: Column) -> str:
    name = _identifier(column.name)
    return f"plain_text({name}) AS {name}" if column.type == "VARCHAR" else name


def _parquet_column(column: Column) -> str:
    name = _identifier(column.name)
    return f"{name}::DECIMAL(38, 0) AS {name}" if column.type == "HUGEINT" else name


def _select(table: Table, form: Callable[[Column], str]) -> str:
    names = table.names
    wanted = ["asked_case(t.use_case)"] if "use_case" in names else []
    moment = next((name for name in ("hour", "day", "week") if name in names), "")
    order = [f"t.{moment}"] if moment else []
    if table.name == "kpi_values":
        wanted.append(
            "CASE WHEN t.period = 'hour' THEN asked_utc(t.start) ELSE asked_local(t.start) END"
        )
        order = [f"t.{name}" for name in _VALUES_ORDER.split(", ")]
    elif moment:
        wanted.append(f"asked_{'utc' if moment == 'hour' else 'local'}(t.{moment})")
    if not table.is_view:
        order.append("t.rowid")  # so that the same publication gives the same file
    return (
        f"SELECT {', '.join(map(form, table.columns))} FROM {_identifier(table.name)} AS t"
        + (f" WHERE {' AND '.join(f'({part})' for part in wanted)}" if wanted else "")
        + (f" ORDER BY {', '.join(order)}" if order else "")
    )


def _set(con: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    con.execute(f"SET VARIABLE {name} = {value}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
