"""What a KPI's SQL reads: the documented tables, as they are for the days at hand.

They are common table expressions before the KPI's own SELECT: nothing is made or copied, DuckDB
reads only the days, and an analyst can run the same SELECT on the whole published file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import duckdb

from meetlat_aggregator.dictionary import TABLES
from meetlat_aggregator.sqlfiles import sql

ROWS = {"task_rows": "tasks", "case_rows": "tasks", "use_rows": "uses", "learner_rows": "tasks"}
# The live table that a documented one is made of: when that changes, this does.
SOURCES = {t.name: t.cell or t.rows for t in TABLES if t.cell or t.rows} | ROWS

_TIMES = ("finished", "coalesce(requested, started)", "first_draft", "decided")
_NEAR = " OR ".join(
    f"{time} BETWEEN TIMESTAMP '{{first}}' AND TIMESTAMP '{{last}}'" for time in _TIMES
)
_AT_HAND = " OR ".join(f"local_day({time}) IN (SELECT day FROM kpi_days)" for time in _TIMES)
_OF_TASKS = f"({_NEAR}) AND ({_AT_HAND})"
_OF_CASES = f'(use_case, "case") IN (SELECT (use_case, "case") FROM tasks WHERE {_OF_TASKS})'


@dataclass(frozen=True, slots=True)
class Days:
    """The days at hand are in the table `kpi_days` (day); `first` and `last` are times around them,
    for zone maps; `now` is the watermark. All naive UTC.
    """

    first: datetime
    last: datetime
    now: datetime
    working: bool = False


class Inputs:
    """The inputs on one connection, on which `published` is attached."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._columns: dict[str, list[str]] = {}

    def query(self, select: str, inputs: Iterable[str], days: Days) -> str:
        """The SELECT with its inputs in front of it."""
        parts = [f"{name} AS ({self._input(name, days)})" for name in inputs if name in SOURCES]
        return f"WITH {', '.join(parts)} SELECT * FROM ({select})" if parts else select

    def _input(self, name: str, days: Days) -> str:
        if name in ROWS:
            span = "working_span" if days.working else "calendar_span"
            text = sql(f"kpi/inputs/{'task_rows' if name == 'case_rows' else name}")
            among = _OF_TASKS if name == "task_rows" else _OF_CASES
            given = {
                "among": among, "first": days.first, "last": days.last, "now": days.now,
                "span": span,
            }  # fmt: skip
            for key, value in given.items():
                text = text.replace("{" + key + "}", str(value))
            return text
        columns = self._names(name)
        if "use_case" in columns and "tool" in columns:
            shown = "x.* REPLACE (coalesce(nullif(x.use_case, ''), pt.use_case, '') AS use_case)"
            joined = " LEFT JOIN plan_tools AS pt ON x.use_case = '' AND pt.tool = x.tool"
        else:
            shown, joined = "x.*", ""
        return f"SELECT {shown} FROM published.{name} AS x{joined} WHERE {_within(columns, days)}"

    def _names(self, name: str) -> list[str]:
        if name not in self._columns:
            rows = self._con.execute(f"DESCRIBE published.{name}").fetchall()
            self._columns[name] = [row[0] for row in rows]
        return self._columns[name]


def _within(columns: list[str], days: Days) -> str:
    if "hour" in columns:
        return (
            f"x.hour BETWEEN TIMESTAMP '{days.first}' AND TIMESTAMP '{days.last}' "
            "AND local_day(x.hour) IN (SELECT day FROM kpi_days)"
        )
    part = "day" if "day" in columns else "week"
    made = "day" if part == "day" else "week_of(day)"
    return (
        f"x.{part} BETWEEN DATE '{days.first.date()}' AND DATE '{days.last.date()}' "
        f"AND x.{part} IN (SELECT {made} FROM kpi_days)"
    )
