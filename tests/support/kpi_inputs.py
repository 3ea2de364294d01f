"""What a KPI's SQL reads, as a test fills it in: published tables, task and use rows, the plan.

The published tables are made by the publisher, so that they cannot drift. `Inputs.parts`
gives what a KPI's SQL gives; `reference` makes the value of it in plain Python, by shape.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from meetlat.kpis.catalogue import Kpi, catalogue
from meetlat_aggregator.sqlfiles import sql
from support.aggregating import Bench

Row = dict[str, Any]
MONDAY = date(2026, 3, 2)
HOUR = datetime(2026, 3, 4, 12)  # noqa: DTZ001 - as DuckDB shows UTC
NOW = datetime(2026, 4, 1)  # noqa: DTZ001 - until then, open tasks have aged
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_WORDS = {"use_case": "quotes", "tool": "bot", "process": "quote", "status": "ok", "by": ""}
_PLAIN = {"state": "finished", "maintenance": "false", "measure": "duration"}

# Rows that only the aggregator has: one per task, and one per person, week and feature.
ROWS = """
CREATE TABLE task_rows (
  use_case VARCHAR, process VARCHAR, step VARCHAR, "case" VARCHAR, tool VARCHAR, feature VARCHAR,
  team VARCHAR, segment VARCHAR, assisted VARCHAR, automated VARCHAR, outcome VARCHAR,
  currency VARCHAR, requested TIMESTAMP, started TIMESTAMP, first_draft TIMESTAMP,
  finished TIMESTAMP, decided TIMESTAMP, handling DOUBLE, rework DOUBLE, revisions BIGINT,
  errors BIGINT, quality DOUBLE, takeover DOUBLE, template_reused BOOLEAN, value DECIMAL(21,9),
  began DATE, day DATE, begin_us BIGINT, finished_us BIGINT, now_us BIGINT, lead_us BIGINT,
  draft_us BIGINT, age_us BIGINT
);
CREATE VIEW case_rows AS FROM task_rows;
CREATE TABLE use_rows (
  use_case VARCHAR, team VARCHAR, "user" VARCHAR, feature VARCHAR, week DATE, use VARCHAR
);
CREATE TABLE learner_rows (
  use_case VARCHAR, "user" VARCHAR, segment VARCHAR, "case" VARCHAR, finished TIMESTAMP, day DATE,
  handling DOUBLE
);
CREATE TABLE quiet_weeks (use_case VARCHAR, week DATE);
CREATE TABLE teams (week DATE, team VARCHAR, shown VARCHAR);
CREATE TABLE plan_use_cases (
  use_case VARCHAR, pack VARCHAR, process VARCHAR, go_live DATE, control_team VARCHAR
);
CREATE TABLE plan_features (use_case VARCHAR, feature VARCHAR);
CREATE TABLE plan_people (team VARCHAR, since DATE, until DATE, people BIGINT, entitled BIGINT);
CREATE TABLE plan_use_case_teams (use_case VARCHAR, team VARCHAR);
CREATE TABLE plan_regular (use_case VARCHAR, since DATE, until DATE, uses BIGINT);
CREATE TABLE plan_limits (
  use_case VARCHAR, operation VARCHAR, since DATE, until DATE, seconds DOUBLE
);
CREATE TABLE plan_reference_prompts (use_case VARCHAR, tool VARCHAR, prompt_version VARCHAR);
CREATE TABLE plan_rates (currency VARCHAR, since DATE, until DATE, rate DOUBLE);
CREATE VIEW task_weeks AS
  SELECT use_case, date_trunc('week', day)::DATE AS week FROM tasks_daily
  WHERE step = '' AND state = 'finished' UNION FROM quiet_weeks;
CREATE VIEW use_weeks AS SELECT use_case, week FROM user_weeks UNION FROM quiet_weeks;
CREATE MACRO local_day(moment) AS
  ((moment AT TIME ZONE 'UTC') AT TIME ZONE getvariable('timezone'))::DATE;
CREATE MACRO week_of(day) AS date_trunc('week', day)::DATE;
CREATE MACRO in_company_money(amount, currency_of, day_of) AS
  amount::DOUBLE * CASE WHEN currency_of = getvariable('currency') THEN 1 ELSE (
    SELECT max(r.rate) FROM plan_rates AS r WHERE r.currency = currency_of
      AND r.since <= day_of AND (r.until IS NULL OR day_of < r.until)
  ) END;
"""


@cache
def _published() -> tuple[tuple[str, ...], frozenset[str]]:
    """The statements that make the published tables, and the tables' names."""
    bench = Bench(Path(tempfile.mkdtemp(prefix="meetlat-kpi-")))
    try:
        with bench.published() as con:
            found = con.execute(
                "SELECT table_name, sql FROM duckdb_tables() WHERE NOT internal"
            ).fetchall()
    finally:
        bench.close()
    return tuple(made for _, made in found), frozenset(name for name, _ in found)


class Inputs:
    """A database that holds what KPIs read, empty until rows are added."""

    def __init__(self, timezone: str = "UTC", currency: str = "EUR") -> None:
        self.con = duckdb.connect(":memory:", config={"threads": 1})
        statements, self.published = _published()
        for statement in statements:
            self.con.execute(statement)
        self.con.execute(ROWS)
        for name in ("regular_weeks", "entitled_weeks", "people_weeks"):
            text = re.sub(r"\{(\w+)\}", r"\1", sql(f"kpi/inputs/{name}"))
            self.con.execute(f"CREATE VIEW {name} AS {text}")
        self.con.execute(f"SET VARIABLE timezone = '{timezone}'")
        self.con.execute("SET VARIABLE privacy_limit = 5")
        self.con.execute(f"SET VARIABLE currency = '{currency}'")
        self.con.execute("SET TimeZone = 'UTC'")
        self._types: dict[str, dict[str, str]] = defaultdict(dict)
        for table, column, kind in self.con.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
        ).fetchall():
            self._types[table][column] = kind

    def add(self, table: str, *rows: Mapping[str, Any], **columns: Any) -> None:
        """Rows of a table by column name; `columns` hold for each of them, a row's own win.

        What is not said has a default: `hour`, `day`, `week` of one Wednesday; use case 'quotes';
        status ok; '' for words; in published tables 0 for numbers; in rows and the plan NULL.
        """
        for row in rows or ({},):
            said = {**columns, **row}
            unknown = said.keys() - self._types[table].keys()
            if unknown:
                raise KeyError(f"{table} has no column {sorted(unknown)}")
            filled = {
                name: said.get(name, self._default(table, name, kind))
                for name, kind in self._types[table].items()
            }
            names = ", ".join(f'"{name}"' for name in filled)
            marks = ", ".join("?" for _ in filled)
            self.con.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})", list(filled.values())
            )

    def _default(self, table: str, column: str, kind: str) -> Any:
        if kind == "VARCHAR":
            return {**_WORDS, **_PLAIN}.get(column, "")
        if table in self.published:
            fixed = {"hour": HOUR, "day": HOUR.date(), "week": MONDAY}
            return fixed.get(column, 0)
        return {"since": date(2000, 1, 1), "week": MONDAY}.get(column)

    def task(self, **columns: Any) -> None:
        """A row of `task_rows`, with days, lead time and age made of its times (UTC, calendar)."""
        start = columns.get("requested") or columns.get("started")
        finished, draft = columns.get("finished"), columns.get("first_draft")
        requested = columns.get("requested")
        made = {
            "began": start and start.date(),
            "day": finished and finished.date(),
            "begin_us": start and micros(start - _EPOCH),
            "finished_us": finished and micros(finished - _EPOCH),
            "now_us": micros(max(NOW, start) - _EPOCH) if start else None,
            "lead_us": micros(finished - start) if start and finished else None,
            "draft_us": micros(draft - requested) if requested and draft else None,
            "age_us": micros(NOW - start) if start else None,
        }
        self.add("task_rows", {**made, **columns})

    def parts(self, kpi: str | Kpi) -> list[Row]:
        """What the SQL of a KPI gives, in a stable order."""
        told = catalogue()[kpi] if isinstance(kpi, str) else kpi
        cursor = self.con.execute(told.sql)
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        rows += _chosen(told, rows)
        return sorted(rows, key=lambda row: repr(list(row.values())))

    def value(self, kpi: str, part: str = "", **where: Any) -> float | None:
        """The value of a KPI over everything that was added, or over the rows of `where`."""
        rows = select(self.parts(kpi), part, **where)
        return reference(catalogue()[kpi], rows, part)


def _chosen(kpi: Kpi, rows: Sequence[Row]) -> list[Row]:
    """The KPI itself, where it is one of its parts: the first that a use case has enough of."""
    found = []
    for use_case in {row["use_case"] for row in rows if kpi.ways}:
        of = {part: select(rows, part, use_case=use_case) for part in kpi.ways}
        enough = [part for part in of if sum(row["n"] for row in of[part]) >= kpi.minimum]
        found += of[(enough or [part for part in of if of[part]])[0]]
    return [{**row, "part": ""} for row in found]


def select(rows: Iterable[Row], part: str = "", **where: Any) -> list[Row]:
    """The rows of a part (none: the KPI itself) whose columns say what `where` does."""
    return [
        row
        for row in rows
        if row.get("part", "") == part and all(row[key] == value for key, value in where.items())
    ]


def reference(kpi: Kpi, rows: Sequence[Row], part: str = "") -> float | None:
    """The value of a KPI or its part, as its shape says, in plain Python. None: unknown, or hidden
    (a NULL).
    """
    if not rows:
        return None
    found = _OF_SHAPE[kpi.shape_of(part)](kpi, rows)
    return None if found is None else found * kpi.scale


def _sum(rows: Iterable[Row], column: str) -> float | None:
    """Of what is known; None when nothing is, as SQL's sum does it."""
    values = [row[column] for row in rows if row[column] is not None]
    return float(sum(values)) if values else None


def _quotient(above: str, below: str) -> Any:
    def value(_kpi: Kpi, rows: Sequence[Row]) -> float | None:
        over, under = _sum(rows, above), _sum(rows, below)
        return over / under if over is not None and under else None

    return value


def _weeks(_kpi: Kpi, rows: Sequence[Row]) -> float | None:
    weeks: dict[date, list[Row]] = defaultdict(list)
    for row in rows:
        weeks[row["day"]].append(row)
    total = _sum(rows, "total")
    return None if total is None else total / len(weeks)


def _quantile(kpi: Kpi, rows: Sequence[Row]) -> float | None:
    """The middle of the bucket that holds the ceil(q n)-th wait, in seconds."""
    counts: dict[int, int] = defaultdict(int)
    for row in rows:
        counts[row["bucket"]] += row["count"]
    rank, seen = math.ceil(kpi.quantile * sum(counts.values())), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= rank:
            return seconds_of(bucket)
    return None


def _survival(kpi: Kpi, rows: Sequence[Row]) -> float | None:
    """The first time at which the share of those not yet done is at most 1 - quantile."""
    alive, share = len(rows), 1.0
    for value in sorted({row["value"] for row in rows}):
        now = [row for row in rows if row["value"] == value]
        share *= 1 - sum(row["ended"] for row in now) / alive
        alive -= len(now)
        if share <= 1 - kpi.quantile + 1e-12:
            return float(value)
    return None


def _total(_kpi: Kpi, rows: Sequence[Row]) -> float | None:
    return _sum(rows, "total")


_OF_SHAPE: dict[str, Any] = {
    "share": _quotient("hits", "n"),
    "weighted": _quotient("hits", "weight"),
    "mean": _quotient("total", "n"),
    "ratio": _quotient("total", "n"),
    "sum": _total,
    "weeks": _weeks,
    "quantile": _quantile,
    "survival": _survival,
}


def seconds_of(bucket: int) -> float:
    """What a bucket of waits stands for: 2 gamma^b / (gamma + 1) microseconds; -1 is zero."""
    gamma = 1.01 / 0.99
    return 0.0 if bucket < 0 else 2 * gamma**bucket / (gamma + 1) / 1_000_000


def bucket_of(seconds: float) -> int:
    """The bucket of a wait."""
    gamma = 1.01 / 0.99
    return -1 if seconds == 0 else math.ceil(math.log(seconds * 1_000_000) / math.log(gamma))


def micros(span: timedelta) -> int:
    """Whole microseconds."""
    return span // timedelta(microseconds=1)
