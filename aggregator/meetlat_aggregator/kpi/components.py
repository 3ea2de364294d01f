"""KPIs as additive parts per day: what their SQL gives for the days at hand.

Everything that can be added up over days, teams and segments is kept as `kpi_components` (sums) and
`kpi_buckets` (waits in log buckets), and only the days that changed are made again. Whole calendar
months are kept beside them, so that a year is added up from twelve rows and not from all its days.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import duckdb

from meetlat.kpis.catalogue import Kpi
from meetlat_aggregator.kpi.inputs import Days, Inputs
from meetlat_aggregator.kpi.periods import calendar_period
from meetlat_aggregator.sqlfiles import sql

DIMENSIONS = ("use_case", "team", "segment", "part", "assisted")
# What a shape's columns are called in `kpi_components`.
_SUMS = {
    "share": {"n": "n", "total": "hits"},
    "weighted": {"n": "n", "total": "hits", "weight": "weight", "squares": "weight_squares"},
    "mean": {"n": "n", "total": "total", "squares": "squares"},
    "ratio": {"n": "n", "total": "total"},
    "sum": {"n": "n", "total": "total"},
    "weeks": {"n": "n", "total": "total"},
    "composed": {"n": "n", "total": "total", "weight": "weight", "squares": "squares"},
}
ADDITIVE = frozenset(_SUMS) | {"quantile"}
ADDED = frozenset(_SUMS) - {"composed"}  # whose values are made of sums
_MONTHS_AT_ONCE = 3
_COLUMNS: dict[str, frozenset[str]] = {}  # of a KPI's SQL; asking takes as long as many a statement


class Components:
    """The tables `kpi_components` and `kpi_buckets` of the attached database `published`, and those
    of their months.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, inputs: Inputs) -> None:
        self._con = con
        self._inputs = inputs

    def create(self) -> None:
        """Make the tables anew, empty."""
        self._con.execute(sql("kpi/create_components"))

    def rewrite(self, kpis: Iterable[Kpi], days: Days, *, few: bool) -> None:
        """Make the parts of these KPIs for the days in `kpi_days` again. `few`: not many days."""
        additive = [kpi for kpi in kpis if kpi.shape in ADDITIVE]
        if not additive:
            return
        ids = names(kpi.id for kpi in additive)
        for table in ("kpi_components", "kpi_buckets"):
            self._con.execute(
                f"DELETE FROM published.{table} WHERE kpi IN ({ids}) "
                f"AND day BETWEEN DATE '{days.first}' AND DATE '{days.last}' "
                "AND day IN (SELECT day FROM kpi_days)"
            )
        rest = additive
        if few:
            self.hand_hours([kpi for kpi in additive if kpi.hourly], days)
            self._con.execute(sql("kpi/days_of_hours"))
            rest = [kpi for kpi in additive if not kpi.hourly]
        for table, some in (("kpi_components", _sums_of(rest)), ("kpi_buckets", _waits_of(rest))):
            # To plan a statement takes longer than to run it over few days, and of many days it
            # needs more memory the more it does.
            for group in [some] if few and some else [[kpi] for kpi in some]:
                # Inputs may hold rows that a KPI places on other days, and not all of those days.
                self._con.execute(
                    f"INSERT INTO published.{table} BY NAME "
                    f"SELECT * FROM ({self.select(group, days, 'day')}) "
                    "WHERE day IN (SELECT day FROM kpi_days)"
                )

    def hand_hours(self, kpis: Iterable[Kpi], days: Days) -> None:
        """Put the parts of these KPIs per hour into `kpi_hour_parts` and `kpi_hour_buckets`."""
        hourly = [*kpis]
        self._con.execute(sql("kpi/create_hours"))
        for table, some in (
            ("kpi_hour_parts", _sums_of(hourly)),
            ("kpi_hour_buckets", _waits_of(hourly)),
        ):
            if some:
                made = self.select(some, days, "hour")
                self._con.execute(f"INSERT INTO {table} BY NAME {made}")

    def choose(self, kpis: Iterable[Kpi]) -> set[date]:
        """Make the KPIs that can be measured in several `ways`, each a part of theirs, from the one
        that each use case is measured in. Gives the days of which they are others than before.
        """
        changed: set[date] = set()
        for kpi in kpis:
            if not kpi.ways:
                continue
            self._con.execute(
                "CREATE OR REPLACE TEMP TABLE kpi_chosen_parts AS "
                + sql("kpi/chosen").format(kpi=kpi.id, ways=[*kpi.ways], minimum=kpi.minimum)
            )
            own = f"FROM published.kpi_components WHERE kpi = '{kpi.id}' AND part = ''"
            rows = self._con.execute(
                f"SELECT DISTINCT day FROM (({own} EXCEPT ALL FROM kpi_chosen_parts) "
                f"UNION ALL (FROM kpi_chosen_parts EXCEPT ALL {own}))"
            ).fetchall()
            if rows:
                self._con.execute(f"DELETE {own}")
                self._con.execute("INSERT INTO published.kpi_components FROM kpi_chosen_parts")
            changed |= {day for (day,) in rows}
        return changed

    def rewrite_months(self, kpis: Iterable[Kpi], days: Iterable[date]) -> None:
        """Add up the calendar months that hold these days again, for KPIs that are not weekly."""
        ids = names(kpi.id for kpi in kpis if kpi.shape in ADDED | {"quantile"} and not kpi.weekly)
        months = sorted({calendar_period("month", day) for day in days})
        for place in range(0, len(months), _MONTHS_AT_ONCE):
            some = months[place : place + _MONTHS_AT_ONCE]
            firsts = ", ".join(f"DATE '{first}'" for first, _ in some)
            given = {
                "first": some[0][0],
                "last": some[-1][1],
                "kpis": ids,
                "among": f"date_trunc('month', day) IN ({firsts})",
            }
            for table in ("kpi_months", "kpi_month_buckets"):
                self._con.execute(
                    f"DELETE FROM published.{table} WHERE kpi IN ({ids}) AND month IN ({firsts})"
                )
            self._con.execute(sql("kpi/months").format(cuts=sql("kpi/cuts").format(**given)))
            self._con.execute(sql("kpi/month_buckets").format(**given))

    def select(self, kpis: Sequence[Kpi], days: Days, grain: str) -> str:
        """The parts of these KPIs per day, or per hour. Either all of them are of shape quantile or
        none.
        """
        parts = " UNION ALL BY NAME ".join(self._parts(kpi, days, grain) for kpi in kpis)
        inputs = self._inputs.given([name for kpi in kpis for name in kpi.inputs], days)
        return f"{inputs} {parts}"

    def _parts(self, kpi: Kpi, days: Days, grain: str) -> str:
        columns = self._given(kpi, days)
        shown = [name for name in DIMENSIONS if name in columns]
        moment = "CAST(day AS DATE) AS day"
        if "hour" in columns:
            moment = "local_day(hour) AS day"
        if grain == "hour":
            moment = "hour"
        if kpi.shape == "quantile":
            sums = "bucket, sum(count)::BIGINT AS count"
            by = [*shown, "bucket"]
        else:
            sums = ", ".join(
                f"coalesce({', '.join(f'sum({one})' for one in given)})::DOUBLE AS {name}"
                for name, given in _sums(kpi).items()
            )
            by = shown
        dimensions = "".join(f"{name}, " for name in shown)
        absent = "".join(f", '' AS {name}" for name in DIMENSIONS if name not in columns)
        groups = ", ".join(str(place) for place in range(1, len(by) + 3))
        return (
            f"SELECT '{kpi.id}' AS kpi, {moment}, {dimensions}{sums}{absent} FROM ({kpi.sql}\n) "
            f"GROUP BY {groups}"
        )

    def _given(self, kpi: Kpi, days: Days) -> frozenset[str]:
        if kpi.sql not in _COLUMNS:
            query = f"{self._inputs.given(kpi.inputs, days)} SELECT * FROM ({kpi.sql}\n)"
            rows = self._con.execute(f"DESCRIBE {query}").fetchall()
            _COLUMNS[kpi.sql] = frozenset(row[0] for row in rows)
        return _COLUMNS[kpi.sql]


def names(kpis: Iterable[str]) -> str:
    """Ids as SQL texts; never an empty list, which SQL has no word for."""
    return ", ".join(f"'{name}'" for name in ("", *kpis))


def _sums_of(kpis: Iterable[Kpi]) -> list[Kpi]:
    return [kpi for kpi in kpis if kpi.shape != "quantile"]


def _waits_of(kpis: Iterable[Kpi]) -> list[Kpi]:
    return [kpi for kpi in kpis if kpi.shape == "quantile"]


def _sums(kpi: Kpi) -> dict[str, list[str]]:
    """The columns of `kpi_components` that a KPI fills, each with those that its SQL may give it
    from: a part of another shape has other ones, and NULL in the KPI's own.
    """
    found: dict[str, list[str]] = {}
    for shape in (kpi.shape, *(part.shape for part in kpi.parts.values())):
        for name, given in _SUMS[shape].items():
            if given not in found.setdefault(name, []):
                found[name].append(given)
    return found
