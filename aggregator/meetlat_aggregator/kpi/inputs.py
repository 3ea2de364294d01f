"""What a KPI's SQL reads: the documented tables, as they are for the days at hand.

They are common table expressions before the KPI's own SELECT: nothing is made or copied, DuckDB
reads only the days, and an analyst can run the same SELECT on the whole published file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import duckdb
import pyarrow as pa

from meetlat_aggregator.dictionary import TABLES
from meetlat_aggregator.sqlfiles import sql

# Inputs that are there for KPIs only, and the live table whose change changes them.
ROWS = {
    "task_rows": "tasks", "case_rows": "tasks", "learner_rows": "tasks", "task_weeks": "tasks",
    "people_weeks": "tasks", "use_rows": "uses", "use_weeks": "uses", "regular_weeks": "uses",
    "entitled_weeks": "uses",
}  # fmt: skip
# Those that give every week its row, also one in which nothing happened.
WEEKS = frozenset({"task_weeks", "people_weeks", "use_weeks", "entitled_weeks"})
_MADE_OF = ("user_weeks", "use_rows", "use_weeks", "task_weeks")
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
    """The days at hand are in the table `kpi_days` (day), from `first` to `last`; `now` is the
    watermark, naive UTC.
    """

    first: date
    last: date
    now: datetime
    working: bool = False

    def times(self) -> tuple[datetime, datetime]:
        """Times around the days in UTC, whatever the time zone: for zone maps."""
        return _midnight(self.first - timedelta(days=1)), _midnight(self.last + timedelta(days=2))

    def weeks(self) -> tuple[datetime, datetime]:
        """Times around the ISO weeks that hold them."""
        since, until = self.times()
        return since - timedelta(days=6), until + timedelta(days=6)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


class Inputs:
    """The inputs on one connection, on which `published` is attached. `working`: some use case
    counts in working hours.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, working: bool = False) -> None:
        self._con = con
        self._working = working
        self._columns: dict[str, list[str]] = {}

    def hand(self, days: Iterable[date], now: datetime) -> Days:
        """Put these days at hand: the inputs give no others. `now` is the watermark, naive UTC."""
        given = sorted(days)
        at_hand = pa.table({"day": pa.array(given, pa.date32())})  # noqa: F841 - read next
        self._con.execute("CREATE OR REPLACE TEMP TABLE kpi_days AS SELECT * FROM at_hand")
        return Days(given[0], given[-1], now, self._working)

    def given(self, names: Iterable[str], days: Days) -> str:
        """What goes before a SELECT that reads these inputs; '' when there are none."""
        parts = [
            f"{name} AS ({self._input(name, days)})"
            for name in sorted(set(names))
            if name in SOURCES
        ]
        return f"WITH {', '.join(parts)}" if parts else ""

    def _input(self, name: str, days: Days) -> str:
        if name in ROWS:
            clock = "working_clock" if days.working else "calendar_clock"
            text = sql(f"kpi/inputs/{'task_rows' if name == 'case_rows' else name}")
            for other in _MADE_OF:
                if f"{{{other}}}" in text:
                    text = text.replace(f"{{{other}}}", f"({self._input(other, days)})")
            among = _OF_TASKS if name == "task_rows" else _OF_CASES
            first, last = days.weeks() if name == "use_rows" else days.times()
            given = {"among": among, "first": first, "last": last, "now": days.now, "clock": clock}
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
        first, last = days.times()
        return (
            f"x.hour BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}' "
            "AND local_day(x.hour) IN (SELECT day FROM kpi_days)"
        )
    if "day" in columns:
        return (
            f"x.day BETWEEN DATE '{days.first}' AND DATE '{days.last}' "
            "AND x.day IN (SELECT day FROM kpi_days)"
        )
    first, last = days.weeks()
    return (
        f"x.week BETWEEN DATE '{first.date()}' AND DATE '{last.date()}' "
        "AND x.week IN (SELECT week_of(day) FROM kpi_days)"
    )
