"""Judges what was measured, and writes it: baseline, comparison, target, phase, status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime

import duckdb
import pyarrow as pa

from meetlat.kpis.catalogue import Kpi
from meetlat.plan.models import Plan, UseCase
from meetlat_aggregator.kpi.aims import aims, hand_baselines, other_parts
from meetlat_aggregator.kpi.comparing import compare
from meetlat_aggregator.kpi.components import names
from meetlat_aggregator.kpi.measured import COLUMNS, Measured
from meetlat_aggregator.kpi.periods import Period
from meetlat_aggregator.sqlfiles import sql

_CHOSEN = pa.schema([("use_case", pa.string()), ("kpi", pa.string())])
_TROUBLES = pa.schema([("kpi", pa.string()), ("trouble", pa.string()), ("trouble_nl", pa.string())])
_MOMENT = pa.timestamp("us")


@dataclass(frozen=True, slots=True)
class Judging:
    """One update: writes to the attached `published`. `today` is the day that is not over yet,
    `troubles` why a KPI of the company's own has no value; `kpi_last` says when each KPI had news.
    """

    con: duckdb.DuckDBPyConnection
    plan: Plan | None
    cases: Sequence[UseCase]
    kpis: Mapping[str, Kpi]
    today: date
    now: datetime
    troubles: Mapping[str, str] = field(default_factory=dict)

    def write(
        self,
        measured: Iterable[Measured],
        periods: Sequence[Period],
        *,
        baselines: bool,
    ) -> None:
        """Put these values in the place of those of the same KPIs and periods. `baselines`: those
        were measured anew.
        """
        con = self.con
        period_table(con, periods)
        tables = [COLUMNS.empty_table(), *(one.table() for one in measured)]
        # Read as variables: what is registered or a temporary table is kept until the transaction
        # ends.
        kpi_measured = pa.concat_tables(tables)
        given = {"kpis": names(self.kpis), "today": self.today}
        with self._registered(
            kpi_chosen=self._chosen(),
            kpi_targets=aims(self.cases, self.plan, self.kpis),
            kpi_troubles=_troubles(self.troubles),
            kpi_parts=other_parts(self.kpis),
        ):
            self._put_baselines(kpi_measured, anew=baselines)
            kpi_now = con.sql(sql("kpi/now").format(**given)).to_arrow_table()
            kpi_compared = compare(con, self.kpis, kpi_now)  # noqa: F841
            con.execute(sql("kpi/delete_values").format(**given))
            con.execute(sql("kpi/judged").format(**given, now=self.now, **self._company()))

    def _chosen(self) -> pa.Table:
        """What the plan names: the KPIs that a use case chose, and the company's own."""
        plan = self.plan
        if plan is None:
            return _CHOSEN.empty_table()
        named = [(case.id, choice.id) for case in plan.use_cases for choice in case.kpis]
        named += [
            (case.id, own.id)
            for own in plan.kpis
            for case in plan.use_cases
            if own.use_case in (None, case.id)
        ]
        return pa.Table.from_pylist(
            [
                {"use_case": case, "kpi": kpi}
                for case, kpi in dict.fromkeys(named)
                if kpi in self.kpis
            ],
            schema=_CHOSEN,
        )

    def _put_baselines(self, kpi_measured: pa.Table, *, anew: bool) -> None:  # noqa: ARG002 - read
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
    """Make the temporary table `kpi_periods` of these periods."""
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


def _troubles(troubles: Mapping[str, str]) -> pa.Table:
    # Remarks are parted by semicolons.
    rows = [
        {"kpi": kpi, "trouble": why, "trouble_nl": f"de eigen SQL van deze KPI gaf niets: {why}"}
        for kpi, why in ((kpi, why.replace(";", ":")) for kpi, why in troubles.items() if why)
    ]
    return pa.Table.from_pylist(rows, schema=_TROUBLES)


def _moments(days: Iterable[date]) -> pa.Array:
    """Dates as their midnight; a datetime is a date too."""
    return pa.array(
        [
            day if isinstance(day, datetime) else datetime.combine(day, datetime.min.time())
            for day in days
        ],
        _MOMENT,
    )
