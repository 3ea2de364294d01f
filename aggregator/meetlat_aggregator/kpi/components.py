"""KPIs as additive parts per day: what their SQL gives for the days at hand.

Everything that can be added up over days, teams and segments is kept as `kpi_components` (sums) and
`kpi_buckets` (waits in log buckets), and only the days that changed are made again.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from meetlat.kpis.catalogue import Kpi
from meetlat_aggregator.kpi.inputs import Days, Inputs
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


class Components:
    """The tables `kpi_components` and `kpi_buckets` of the attached database `published`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, inputs: Inputs) -> None:
        self._con = con
        self._inputs = inputs
        self._columns: dict[str, frozenset[str]] = {}

    def create(self) -> None:
        """Make both tables anew, empty."""
        self._con.execute(sql("kpi/create_components"))

    def rewrite(self, kpis: Iterable[Kpi], days: Days) -> None:
        """Make the parts of these KPIs for the days in `kpi_days` again."""
        additive = [kpi for kpi in kpis if kpi.shape in ADDITIVE]
        if not additive:
            return
        ids = ", ".join(f"'{kpi.id}'" for kpi in additive)
        for table in ("kpi_components", "kpi_buckets"):
            self._con.execute(
                f"DELETE FROM published.{table} WHERE kpi IN ({ids}) "
                f"AND day BETWEEN DATE '{days.first.date()}' AND DATE '{days.last.date()}' "
                "AND day IN (SELECT day FROM kpi_days)"
            )
        for kpi in additive:
            table = "kpi_buckets" if kpi.shape == "quantile" else "kpi_components"
            made = self.select(kpi, days, "day")
            # Its inputs may hold rows that it places on other days, and not all of those days.
            self._con.execute(
                f"INSERT INTO published.{table} BY NAME SELECT * FROM ({made}) "
                "WHERE day IN (SELECT day FROM kpi_days)"
            )

    def select(self, kpi: Kpi, days: Days, grain: str) -> str:
        """The parts of a KPI per day, or per hour (then of whole use cases)."""
        query = self._inputs.query(kpi.sql, kpi.inputs, days)
        columns = self._given(kpi, query)
        shown = [name for name in DIMENSIONS if name in columns]
        moment = "CAST(day AS DATE) AS day"
        if "hour" in columns:
            moment = "local_day(hour) AS day"
        if grain == "hour":
            moment, shown = "hour", ["use_case", *(["part"] if "part" in columns else [])]
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
        groups = ", ".join(str(place) for place in range(1, len(by) + 3))
        return (
            f"SELECT '{kpi.id}' AS kpi, {moment}, {dimensions}{sums} FROM ({query}) "
            f"GROUP BY {groups}"
        )

    def _given(self, kpi: Kpi, query: str) -> frozenset[str]:
        if kpi.id not in self._columns:
            rows = self._con.execute(f"DESCRIBE {query}").fetchall()
            self._columns[kpi.id] = frozenset(row[0] for row in rows)
        return self._columns[kpi.id]


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
