"""Judges what was measured, and writes it: baseline, comparison, target, phase, status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import pyarrow as pa

from meetlat.kpis.catalogue import Kpi
from meetlat.plan.models import Plan, UseCase
from meetlat_aggregator.kpi.aims import aims, hand_baselines, made_of, other_parts
from meetlat_aggregator.kpi.comparing import compare
from meetlat_aggregator.kpi.measured import COLUMNS, Measured
from meetlat_aggregator.kpi.periods import Period
from meetlat_aggregator.sqlfiles import sql

_CHOSEN = pa.schema([("use_case", pa.string()), ("kpi", pa.string())])
_MOMENT = pa.timestamp("us")


@dataclass(frozen=True, slots=True)
class Judging:
    """One update: writes to the attached `published`. `today` is the day that is not over yet."""

    con: duckdb.DuckDBPyConnection
    plan: Plan | None
    cases: Sequence[UseCase]
    kpis: Mapping[str, Kpi]
    today: date
    now: datetime

    def write(
        self,
        measured: Iterable[Measured],
        periods: Sequence[Period],
        row_periods: Sequence[Period],
        *,
        baselines: bool,
    ) -> None:
        """Put these values in the place of those of the same KPIs and periods. KPIs that need every
        row were measured in `row_periods` only. `baselines`: those were measured anew.
        """
        con = self.con
        period_table(con, periods)
        tables = [COLUMNS.empty_table(), *(one.table() for one in measured)]
        by_row = [name for name, kpi in self.kpis.items() if kpi.shape == "survival"]
        given = {"kpis": names(self.kpis), "by_row": names(by_row), "today": self.today}
        with self._registered(
            kpi_measured=pa.concat_tables(tables),
            kpi_chosen=self._chosen(),
            kpi_row_periods=_row_periods(row_periods),
            kpi_targets=aims(self.cases, self.plan, self.kpis),
            kpi_parts=other_parts(self.kpis),
            kpi_made_of=made_of(self.kpis),
        ):
            self._put_baselines(anew=baselines)
            con.execute(sql("kpi/now").format(**given))
            con.execute(sql("kpi/last_days"), {"by_row": by_row})
            ((count,),) = con.execute("SELECT count(*) FROM kpi_now").fetchall()
            with self._registered(kpi_compared=compare(con, self.kpis, count)):
                con.execute(sql("kpi/delete_values").format(**given))
                con.execute(sql("kpi/judged").format(**given, now=self.now, **self._company()))

    def _chosen(self) -> pa.Table:
        return pa.Table.from_pylist(
            [
                {"use_case": case.id, "kpi": choice.id}
                for case in (self.plan.use_cases if self.plan else ())
                for choice in case.kpis
                if choice.id in self.kpis
            ],
            schema=_CHOSEN,
        )

    def _put_baselines(self, *, anew: bool) -> None:
        con, given = self.con, {"kpis": names(self.kpis)}
        if not anew:
            con.execute(sql("kpi/baselines_kept").format(**given))
            return
        with self._registered(hand=hand_baselines(self.plan)):
            con.execute(sql("kpi/baselines").format(**given))
        con.execute(f"DELETE FROM published.baselines WHERE kpi IN ({given['kpis']})")
        con.execute(sql("kpi/write_baselines").format(**given))

    def _company(self) -> dict[str, object]:
        if self.plan is None:
            return {"currency": "", "close_after": 10}
        company = self.plan.company
        return {"currency": company.currency, "close_after": company.close_after_days}

    @contextmanager
    def _registered(self, **tables: pa.Table) -> Iterator[None]:
        for name, table in tables.items():
            self.con.register(name, table)
        try:
            yield
        finally:
            with suppress(duckdb.TransactionException):  # a failed one says why by itself
                for name in tables:
                    self.con.unregister(name)


def period_table(con: duckdb.DuckDBPyConnection, periods: Sequence[Period]) -> None:
    """Make the temporary tables `kpi_periods` and `kpi_period_days` of these periods."""
    given = pa.table(  # noqa: F841 - DuckDB reads the variable
        {
            "use_case": pa.array([p.use_case for p in periods], pa.string()),
            "period": pa.array([p.name for p in periods], pa.string()),
            "start": _moments(p.start for p in periods),
            "first": pa.array([p.first for p in periods], pa.date32()),
            "last": pa.array([p.last for p in periods], pa.date32()),
        }
    )
    con.execute("CREATE OR REPLACE TEMP TABLE kpi_periods AS SELECT * FROM given")
    con.execute(sql("kpi/period_days"))


def names(kpis: Iterable[str]) -> str:
    """Ids as SQL texts; never an empty list, which SQL has no word for."""
    return ", ".join(f"'{name}'" for name in ("", *kpis))


def _row_periods(periods: Sequence[Period]) -> pa.Table:
    kept = sorted({(p.name, p.start) for p in periods})
    return pa.table(
        {
            "period": pa.array([name for name, _ in kept], pa.string()),
            "start": _moments(start for _, start in kept),
        }
    )


def _moments(days: Iterable[date]) -> pa.Array:
    """Dates as their midnight; a datetime is a date too."""
    return pa.array(
        [
            day if isinstance(day, datetime) else datetime.combine(day, datetime.min.time())
            for day in days
        ],
        _MOMENT,
    )
