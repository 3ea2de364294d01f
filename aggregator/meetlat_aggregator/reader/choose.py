"""Finds the rows that somebody asks for; what is not there is an error that says what is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from meetlat.errors import MeetlatError
from meetlat_aggregator.reader.period import ROLLING, SINCE, STEPS, Period, day_after, period_text
from meetlat_aggregator.reader.published import Row, rows
from meetlat_aggregator.sqlfiles import sql


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to see; '' and None stand for the whole."""

    period: Period = field(default_factory=lambda: Period(ROLLING))
    use_case: str | None = None
    team: str = ""
    segment: str = ""
    parts: bool = False
    everything: bool = False
    every_segment: bool = False

    def given(self) -> dict[str, Any]:
        """Its values, as the SQL files name them."""
        start = self.period.start
        return {
            "period": self.period.name,
            "start": datetime.combine(start, time()) if start else None,
            "step": self.period.step,
            "use_case": self.use_case,
            "team": self.team,
            "segment": self.segment,
            "parts": self.parts,
            "everything": self.everything,
            "every_segment": self.every_segment,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """The rows, and which of them the plan binds to another phase."""

    shown: list[Row]
    other_phase: list[Row]


def find(con: duckdb.DuckDBPyConnection, wish: Wish) -> Found:
    """The rows of a wish. Raises MeetlatError when a name or the period has no values at all."""
    _check_names(con, wish)
    found = rows(con, sql("reader/values"), wish.given())
    if not any(row["as_of"] is not None for row in found):
        _check_period(con, wish)
    other = [] if wish.everything else [row for row in found if not in_phase(row)]
    return Found([row for row in found if row not in other], other)


def check(con: duckdb.DuckDBPyConnection, wish: Wish, *, with_period: bool) -> None:
    """Raises MeetlatError when a name, or with `with_period` the period, has no values at all."""
    _check_names(con, wish)
    if with_period:
        _check_period(con, wish)


def in_phase(row: Row) -> bool:
    """Whether a KPI that the plan binds to phases belongs to that of the row."""
    bound = set(re.findall(r"[a-z]+", row["phases"] or ""))
    phase = row["phase"] or row["phase_now"]
    return not bound or not phase or phase in bound


def course(con: duckdb.DuckDBPyConnection, wish: Wish) -> list[Row]:
    """Totals of the period and of the two before it; none for a period that has none before it."""
    if wish.period.step is None:
        return []
    return rows(con, sql("reader/course"), wish.given())


def window(shown: Sequence[Row], wish: Wish, as_of: datetime) -> tuple[date, date]:
    """First day, and day after the last one, that the rows are of."""
    name = wish.period.name
    starts = [row["start"].date() for row in shown if row["start"] is not None]
    newest = as_of.date() - timedelta(days=27 if name == ROLLING else 0)
    starts = starts or [wish.period.start or newest]
    return min(starts), max(day_after(name, start, as_of.date()) for start in starts)


def utc(day: date, timezone: str) -> datetime:
    """Midnight of the company's day as DuckDB shows it: naive, UTC."""
    local = datetime.combine(day, time(), ZoneInfo(timezone))
    return local.astimezone(UTC).replace(tzinfo=None)


def health(con: duckdb.DuckDBPyConnection, days: tuple[date, date], timezone: str) -> Row:
    """What is missing of the events of those days."""
    since, until = (utc(day, timezone) for day in days)
    (found,) = rows(con, sql("reader/health"), {"since": since, "until": until})
    return found


def _check_names(con: duckdb.DuckDBPyConnection, wish: Wish) -> None:
    for name, column in (
        (wish.use_case, "use_case"), (wish.team, "team"), (wish.segment, "segment"),
    ):  # fmt: skip
        if not name:
            continue
        query = f"SELECT DISTINCT {column} FROM kpi_values WHERE {column} <> '' ORDER BY ALL"
        if column == "use_case":
            query = query.replace("ORDER", "UNION SELECT use_case FROM use_cases ORDER")
        there = [text for (text,) in con.execute(query).fetchall()]
        if name not in there:
            raise MeetlatError(
                f"there is no {column.replace('_', ' ')} {name!r}",
                remedy=f"there are: {', '.join(there)}" if there else "there are none yet",
            )


def _check_period(con: duckdb.DuckDBPyConnection, wish: Wish) -> None:
    """Say what there is when nothing was found. A period that holds other rows is fine."""
    given = wish.given()
    query = (
        "SELECT 1 FROM kpi_values WHERE period = $period AND ($start IS NULL OR start = $start) "
        "AND ($use_case IS NULL OR use_case = $use_case) AND team = $team LIMIT 1"
    )
    if rows(con, query, given):
        return
    asked = wish.period
    text = (
        period_text(asked.name, asked.start) if asked.start else period_text(asked.name, date.min)
    )
    spans = []
    for row in rows(con, sql("reader/available"), given):
        name = row["period"]
        ends = [period_text(name, row[end].date()) for end in ("first", "last")]
        if name in STEPS or name == SINCE:
            spans.append(ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}")
    of = f" of {wish.use_case}" if wish.use_case else ""
    of += f" of team {wish.team}" if wish.team else ""
    settling = (
        "SELECT 1 FROM use_cases WHERE ($use_case IS NULL OR use_case = $use_case) "
        "AND $period IN ('day', 'week') AND $start::DATE BETWEEN go_live AND go_live + 6 LIMIT 1"
    )
    why = (
        ", the week from go-live on, which belongs to no period"
        if rows(con, settling, given)
        else ""
    )
    raise MeetlatError(
        f"there are no KPI values{of} for {text}{why}",
        remedy=f"there are: {', '.join(spans)}"
        if spans
        else "none are made yet; they follow the first events and a plan (`meetlat plan init`)",
    )
