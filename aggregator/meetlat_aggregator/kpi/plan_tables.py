"""The plan as relations on a connection, for the SQL of the KPIs, and its calendar as a macro.

They are temporary tables: the plan is small, and is made from its one owner, the plan's text, each
time. Dated rows get the day on which the next one takes over, so that SQL needs no window for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from meetlat.plan.models import Calendar, Dated, Plan, Regular, UseCase
from meetlat_aggregator.local_day import make_local_day
from meetlat_aggregator.sqlfiles import sql

Row = dict[str, Any]
D = TypeVar("D", bound=Dated)
# The contract takes no earlier time.
FIRST_DAY = date(2000, 1, 1)
AHEAD = timedelta(days=731)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY, _MICROSECOND = timedelta(days=1), timedelta(microseconds=1)


def make_plan_tables(
    con: duckdb.DuckDBPyConnection, plan: Plan | None, today: date, timezone: str = ""
) -> None:
    """Make the tables `plan_…` and `calendar_days` on a connection, and the macro `working_us`.

    Without a plan the tables are empty and the calendar is the default one. `calendar_days` goes
    from 2000 to two years after `today`; `timezone` is the company's where the plan is not the one
    to say it. Sets the connection's variable `timezone`. `sql/plan` says what the columns are.
    """
    zone = timezone or (plan.company.timezone if plan else "UTC")
    calendar = plan.company.calendar if plan else Calendar()
    make_local_day(con, zone)
    con.execute(sql("plan/tables"))
    days = _calendar_days(calendar, zone, today + AHEAD)  # noqa: F841 - DuckDB reads the variable
    con.execute("INSERT INTO calendar_days SELECT * FROM days")
    con.execute(sql("plan/macros"))
    for table, rows in plan_rows(plan).items() if plan else ():
        fill(con, table, rows)


def fill(con: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Row]) -> None:
    """Insert rows, by the names of their columns."""
    found = list(rows)
    if found:
        given = pa.Table.from_pylist(found)  # noqa: F841 - DuckDB reads the variable
        con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM given")


def plan_rows(plan: Plan) -> dict[str, list[Row]]:
    """The rows of every table `plan_…`."""
    cases = plan.use_cases
    return {
        "plan_use_cases": [_use_case(case) for case in cases],
        "plan_tools": [
            {"tool": tool, "use_case": case.id} for case in cases for tool in case.tools
        ],
        "plan_features": [
            {"use_case": case.id, "feature": feature} for case in cases for feature in case.features
        ],
        "plan_segments": [
            {"use_case": case.id, "segment": segment} for case in cases for segment in case.segments
        ],
        "plan_use_case_teams": [
            {"use_case": case.id, "team": team} for case in cases for team in case.teams
        ],
        "plan_reference_prompts": [
            {"use_case": case.id, **prompt.model_dump()}
            for case in cases
            for prompt in case.reference_prompts
        ],
        "plan_people": head_counts(plan),
        "plan_cost": [
            {"team": team.name, **span, "hourly": row.hourly}
            for team in plan.teams
            for row, span in spans(team.cost)
        ],
        "plan_regular": [
            {"use_case": case.id, **span, "uses": row.uses}
            for case in cases
            for row, span in spans(_regular(case))
        ],
        "plan_limits": [
            {"use_case": case.id, "operation": row.operation, **span, "seconds": row.seconds}
            for case in cases
            for row, span in spans(case.limits, lambda limit: limit.operation)
        ],
    }


def head_counts(plan: Plan | None) -> list[Row]:
    """How many people are in each team, and may use the AI, from when until when."""
    return [
        {"team": team.name, **span, "people": row.count, "entitled": row.entitled}
        for team in (plan.teams if plan else ())
        for row, span in spans(team.people)
    ]


def spans(rows: Iterable[D], of: Callable[[D], str] = lambda _: "") -> Iterator[tuple[D, Row]]:
    """Each dated row with `since` and `until`: the day from which the next one of the same `of` is
    in force, or None.
    """
    groups: dict[str, list[D]] = defaultdict(list)
    for row in rows:
        groups[of(row)].append(row)
    for group in groups.values():
        group.sort(key=lambda row: row.since)
        ends = [row.since for row in group[1:]]
        for row, until in zip(group, [*ends, None], strict=True):
            yield row, {"since": row.since, "until": until}


def _use_case(case: UseCase) -> Row:
    return {
        "use_case": case.id,
        "pack": case.pack,
        "process": case.process or "",
        "go_live": case.go_live,
        "baseline_from": case.baseline.since if case.baseline else None,
        "baseline_until": case.baseline.until if case.baseline else None,
        "review": case.review,
        "control_team": case.control_team or "",
        "hours": case.hours,
    }


def _regular(case: UseCase) -> list[Regular]:
    """The use case's own rows; before them, the default."""
    if any(row.since <= FIRST_DAY for row in case.regular):
        return list(case.regular)
    return [Regular(since=FIRST_DAY), *case.regular]


@lru_cache(maxsize=4)
def _calendar_days(calendar: Calendar, timezone: str, last: date) -> pa.Table:
    """The rows of `calendar_days`. Hours are those that pass, also where the clock changes."""
    zone = ZoneInfo(timezone)
    holidays = frozenset(calendar.holidays)
    rows: list[Row] = []
    before, day = 0, FIRST_DAY
    while day <= last:
        starts = _utc(datetime.combine(day, time(0)), zone)
        opens = closes = 0
        if _WEEKDAYS[day.weekday()] in calendar.days and day not in holidays:
            opens = (_utc(datetime.combine(day, calendar.opens), zone) - starts) // _MICROSECOND
            closes = (_utc(datetime.combine(day, calendar.closes), zone) - starts) // _MICROSECOND
        rows.append(
            {
                "day": day,
                "starts": starts,
                "opens_us": opens,
                "closes_us": closes,
                "before_us": before,
            }
        )
        before += closes - opens
        day += _DAY
    return pa.Table.from_pylist(rows)


def _utc(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
