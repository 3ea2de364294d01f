"""Brings the published tables up to date: only the hours, days and weeks that changed.

A company of some years has a hundred million rows there; to write them all every few seconds is out
of the question. The work is done part by part, so that it fits into little memory, and in one
transaction, so that it shows one moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version

import duckdb
import pyarrow as pa

from meetlat_aggregator.dictionary import TABLES, describe
from meetlat_aggregator.kpi.engine import Changed
from meetlat_aggregator.kpi.prices import PriceBook, arrow_monthly_costs, arrow_rates
from meetlat_aggregator.sqlfiles import sql
from meetlat_aggregator.table import Table
from meetlat_aggregator.tables import CELLS, STATES, Cell

# How much is rewritten at once, in days; of the largest table less.
_DAYS = {"duration_histogram": 2, "user_weeks": 28}
_DEFAULT_DAYS, _ALL_DAYS = 14, 100_000
_SMALL = 50_000  # rows of the live table
_HEAD_COUNT = pa.schema(
    [
        ("team", pa.string()),
        ("since", pa.date32()),
        ("until", pa.date32()),
        ("people", pa.int64()),
    ]
)
_BY_CELL = {cell.name: cell for cell in CELLS}
_KEYS_BY_STATE = {state.name: state for state in STATES}


@dataclass(frozen=True, slots=True)
class Before:
    """Up to which append time the tables at hand go at least, whether a crash interrupted the
    publication that they are, and the name of the plan that they show at least.
    """

    watermark: datetime
    interrupted: bool
    plan: str | None


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Writes to the attached database `published`, within the caller's transaction. `with_plan`:
    the tables that show the plan too, from the tables `shown_…` that the caller made.
    `head_counts`: rows team, since, until, people of the plan.
    """

    con: duckdb.DuckDBPyConnection
    privacy_limit: int
    topic: str
    prices: PriceBook | None = None
    with_plan: bool = True
    head_counts: Sequence[Mapping[str, object]] = ()

    def everything(self) -> None:
        """Make all tables anew."""
        self.con.execute(sql("prices/rates"))
        for table in TABLES:
            self._create(table)
        self.con.execute(sql("publish_everything"))
        for cell in CELLS:
            self.con.execute(
                f"INSERT INTO stale SELECT DISTINCT '{cell.name}', hour FROM {cell.name}"
            )
        self._teams(before=None)
        self._price()
        self._rewrite()

    def what_changed(self, before: Before, now: datetime) -> None:
        """Rewrite what was folded since `before`; `now` is the watermark."""
        query = sql("publish_touched")
        self.con.execute(query.format(before=before.watermark, now=now))
        self._teams(before)
        self.con.execute(sql("prices/rates"))
        self.con.execute("INSERT INTO rates_at_hand FROM published.price_rates")
        self._price()
        self._rewrite()

    def changed(self) -> Changed:
        """The local days of each live table that were rewritten; of tasks, all days of theirs."""
        days: dict[str, set[date]] = {}
        for name, day in self.con.execute(
            "SELECT DISTINCT name, local_day(hour) FROM stale"
        ).fetchall():
            days.setdefault(name, set()).add(day)
        if "tasks" in days:  # NULL for those that said no such time
            rows = self.con.execute(sql("kpi/task_days")).fetchall()
            days["tasks"] |= {day for (day,) in rows if day}
        return Changed({name: frozenset(some) for name, some in days.items()})

    def _price(self) -> None:
        """Look up what the models cost that are new in what is written, and the months' costs."""
        if self.prices is None:
            return
        con = self.con
        ((first, last),) = con.execute(
            "SELECT min(hour), max(hour) FROM stale WHERE name = 'interactions_hourly'"
        ).fetchall()
        if first is not None:
            query = sql("prices/new_models").format(first=first, last=last)
            self._insert(
                "rates_at_hand", arrow_rates(self.prices.rates(con.execute(query).fetchall()))
            )
        ((today,),) = con.execute("SELECT local_day(watermark) FROM progress").fetchall()
        costs = self.prices.monthly_costs(today or date.min)
        self._insert("monthly_at_hand", arrow_monthly_costs(costs))

    def _insert(self, table: str, rows: object) -> None:
        self.con.register("priced", rows)
        self.con.execute(f"INSERT INTO {table} BY NAME FROM priced")
        self.con.unregister("priced")

    def _create(self, table: Table) -> None:
        con = self.con
        con.execute(f"DROP TABLE IF EXISTS published.{table.name}")
        con.execute("CREATE OR REPLACE TEMP TABLE chunk (part TIMESTAMP)")
        con.execute("CREATE OR REPLACE TEMP TABLE teams (week DATE, team VARCHAR, shown VARCHAR)")
        query = self._query(table, "1970-01-01", "1970-01-01")
        con.execute(
            f"CREATE TABLE published.{table.name} AS SELECT * FROM ({query}) LIMIT 0",
            self._parameters(query),
        )
        describe(con, table)

    def _teams(self, before: Before | None) -> None:
        """Make `teams`: how a team is shown in a week. Weeks in which that changed are stale."""
        con = self.con
        counted = pa.Table.from_pylist(  # noqa: F841 - DuckDB reads the variable
            [{name: row[name] for name in _HEAD_COUNT.names} for row in self.head_counts],
            schema=_HEAD_COUNT,
        )
        con.execute("CREATE OR REPLACE TEMP TABLE head_counts AS SELECT * FROM counted")
        con.execute(
            "CREATE OR REPLACE TEMP TABLE team_new (week DATE, team VARCHAR, shown VARCHAR)"
        )
        con.execute(
            "CREATE OR REPLACE TEMP TABLE team_weeks AS "
            "SELECT DISTINCT week_of(local_day(hour)) AS week FROM stale WHERE name = 'uses'"
        )
        weeks = [week for (week,) in con.execute("SELECT week FROM team_weeks").fetchall()]
        for first, last in self._chunks("SELECT week FROM team_weeks", 28, bool(weeks)):
            query = sql("team_shown").replace("{first}", first).replace("{last}", last)
            con.execute(query, {"privacy_limit": self.privacy_limit})
        con.execute(sql("publish_teams"), {"everything": before is None})
        con.execute(sql("publish_teams_counted"), {"privacy_limit": self.privacy_limit})
        if before is not None:
            names = [cell.name for cell in CELLS if "team" in cell.key]
            names += [state.name for state in STATES if state.moment]
            con.execute(
                sql("publish_weeks_shown_anew"),
                {"names": names, "interrupted": before.interrupted},
            )

    def _rewrite(self) -> None:
        for table in TABLES:
            if table.plan and not self.with_plan:
                continue
            source = table.cell or table.rows
            if not source:
                self._replace(table, "1970-01-01", "1970-01-01", "")
                continue
            part = _part(table)
            made = {"hour": "hour", "day": "local_day(hour)", "week": "week_of(local_day(hour))"}
            stale = f"SELECT DISTINCT {made[part]} AS part FROM stale WHERE name = '{source}'"
            (count,) = self.con.execute(f"SELECT count(*) FROM ({stale})").fetchall()[0]
            for first, last in self._chunks(stale, self._at_once(table, source), bool(count)):
                self._replace(table, first, last, f"WHERE {part} IN (SELECT part FROM chunk)")

    def _at_once(self, table: Table, source: str) -> int:
        """How many days of a table are rewritten at once: of a small one all."""
        ((rows,),) = self.con.execute(f"SELECT count(*) FROM {source}").fetchall()
        return _ALL_DAYS if rows < _SMALL else _DAYS.get(table.name, _DEFAULT_DAYS)

    def _chunks(self, parts: str, days: int, some: bool) -> Iterator[tuple[str, str]]:
        """Make the table `chunk` (part) of some days after another; gives times around each."""
        if not some:
            return
        con = self.con
        con.execute(f"CREATE OR REPLACE TEMP TABLE parts AS SELECT * FROM ({parts}) AS p(part)")
        for (place,) in con.execute(
            f"SELECT DISTINCT epoch(part)::BIGINT // {days * 86_400} FROM parts ORDER BY ALL"
        ).fetchall():
            con.execute(
                "CREATE OR REPLACE TEMP TABLE chunk AS SELECT part FROM parts "
                f"WHERE epoch(part)::BIGINT // {days * 86_400} = {place}"
            )
            ((first, last),) = con.execute(
                "SELECT min(part)::TIMESTAMP, max(part)::TIMESTAMP FROM chunk"
            ).fetchall()
            yield str(first - timedelta(days=1)), str(last + timedelta(days=9))

    def _replace(self, table: Table, first: str, last: str, where: str) -> None:
        query = self._query(table, first, last)
        self.con.execute(f"DELETE FROM published.{table.name} {where}")
        self.con.execute(
            f"INSERT INTO published.{table.name} BY NAME {query}", self._parameters(query)
        )

    def _query(self, table: Table, first: str, last: str) -> str:
        if table.plan:
            return f"SELECT * FROM shown_{table.name}"
        if not table.cell:
            query = sql(f"publish/{table.name}")
            return query.replace("{first}", first).replace("{last}", last)
        cell = _BY_CELL[table.cell]
        query = cell_query(cell, _part(table), self._columns(cell.name), first, last)
        if cell.name == "interactions_hourly":
            return sql("prices/priced_calls").replace("{calls}", query)
        return query

    def _parameters(self, query: str) -> dict[str, object]:
        given = {
            "privacy_limit": self.privacy_limit,
            "version": version("meetlat"),
            "topic": self.topic,
        }
        return {name: value for name, value in given.items() if f"${name}" in query}

    def _columns(self, table: str) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in self.con.execute(f"DESCRIBE {table}").fetchall()]


def _part(table: Table) -> str:
    """The column by which a published table is rewritten."""
    if table.name == "user_weeks":
        return "week"
    return "hour" if table.name == table.cell else "day"


def cell_query(cell: Cell, part: str, columns: list[tuple[str, str]], first: str, last: str) -> str:
    """Those parts of a cell table that are in `chunk`, by hour or local day, small teams folded.

    `first` and `last` are times around them, as literals, so that zone maps prune.
    """
    moment = "c.hour" if part == "hour" else "local_day(c.hour)"
    shown = []
    for name, kind in columns:
        if name == "hour":
            shown.append(f"{moment} AS {part}")
        elif name == "team":
            shown.append(
                "CASE WHEN c.team = '' THEN '' ELSE coalesce(s.shown, '(small)') END AS team"
            )
        elif name in cell.key:
            shown.append(f'c."{name}" AS "{name}"')
        else:
            shown.append(f'sum(c."{name}")::{kind} AS "{name}"')
    teams = ""
    if "team" in cell.key:
        teams = "LEFT JOIN teams AS s ON s.team = c.team AND s.week = week_of(local_day(c.hour))"
    return (
        f"SELECT {', '.join(shown)} FROM {cell.name} AS c {teams} "
        f"WHERE c.hour BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}' "
        f"AND {moment} IN (SELECT part FROM chunk) GROUP BY ALL"
    )
