"""Values of periods and hours before anything is compared: from parts, from rows, or composed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import duckdb
import pyarrow as pa

from meetlat.kpis.catalogue import Kpi
from meetlat.plan.models import Plan, UseCase
from meetlat_aggregator.kpi.adding import Wanted, add_sums, add_waits
from meetlat_aggregator.kpi.aims import use_cases_of
from meetlat_aggregator.kpi.components import ADDED, Components, names
from meetlat_aggregator.kpi.composed.composing import compose
from meetlat_aggregator.kpi.inputs import Inputs
from meetlat_aggregator.kpi.measured import Measured
from meetlat_aggregator.kpi.observations import Observations
from meetlat_aggregator.kpi.periods import BASELINE, HOUR, SHORT, Period, apart
from meetlat_aggregator.kpi.values import from_buckets, from_sums
from meetlat_aggregator.sqlfiles import sql

_PERIODS_AT_ONCE, _CELLS_AT_ONCE, _ROWS_AT_ONCE = 150, 100_000, 50_000
_FEW_DAYS = 62


@dataclass(frozen=True, slots=True)
class Measuring:
    """On one connection, on which `published` is attached. `weekly` are the KPIs whose parts are
    those of weeks, as SQL texts; nothing is told of fewer people than `privacy_limit`.
    """

    con: duckdb.DuckDBPyConnection
    plan: Plan | None
    inputs: Inputs
    components: Components
    weekly: str
    privacy_limit: int

    def periods(
        self,
        kpis: dict[str, Kpi],
        periods: list[Period],
        cases: list[UseCase],
        today: date,
        now: datetime,
    ) -> list[Measured]:
        """Values of these periods, all of which are baselines or none."""
        have = use_cases_of(cases, self.plan, kpis)
        by_row = {name: kpi for name, kpi in kpis.items() if kpi.shape == "survival"}
        return [
            *self._additive(kpis, periods, have),
            *self._by_row(by_row, periods, have, now),
            *compose(self.con, kpis, periods, cases, have, self.plan, today),
        ]

    def hours(
        self, kpis: dict[str, Kpi], days: set[date], now: datetime, *, at_hand: bool
    ) -> tuple[list[Period], list[Measured]]:
        """Hours of these days, of technical KPIs and whole use cases. `at_hand`: the parts are."""
        hourly = [kpi for kpi in kpis.values() if kpi.hourly]
        if not hourly or not days:
            return [], []
        given = self.inputs.hand(days, now)
        if not at_hand:
            self.components.hand_hours(hourly, given)
        found = [
            from_sums(self.con.sql(sql("kpi/hour_sums")).to_arrow_table(), kpis),
            from_buckets(self.con.sql(sql("kpi/hour_buckets")).to_arrow_table(), kpis),
        ]
        hours = {
            (use_case, start)
            for one in found
            for use_case, start in zip(
                one.key["use_case"].to_pylist(), one.key["start"].to_pylist(), strict=True
            )
        }
        periods = [
            Period(use_case, HOUR, start, start.date(), start.date())
            for use_case, start in sorted(hours)
        ]
        return periods, found

    def _additive(
        self, kpis: dict[str, Kpi], periods: list[Period], have: Mapping[str, frozenset[str]]
    ) -> Iterator[Measured]:
        if not periods:
            return
        long = any(period.name not in SHORT for period in periods)
        days = sorted({day for period in periods for day in apart(period)})
        needed = pa.table({"day": pa.array(days, pa.date32())})  # noqa: F841 - read next
        con = self.con
        con.execute("CREATE OR REPLACE TEMP TABLE kpi_needed AS SELECT * FROM needed")
        at_hand = f"(c.kpi IN ({self.weekly}) OR c.day IN (SELECT day FROM kpi_needed))"
        before = periods[0].name == BASELINE
        given = {
            "first": min(p.first for p in periods),
            "last": max(p.last for p in periods),
            "among": f"{at_hand} AND c.assisted <> 'true'" if before else at_hand,
            "months": "true" if long else "false",
            "weekly": self.weekly,
        }
        compared = con.execute("SELECT DISTINCT kpi FROM published.baselines").fetchall()
        wanted = Wanted(
            periods,
            self._control(),
            frozenset(kpis if before else (kpi for (kpi,) in compared)),
            have,
        )
        sums = [k for k, kpi in kpis.items() if kpi.shape in ADDED]
        waits = [k for k, kpi in kpis.items() if kpi.shape == "quantile"]
        for table, of_shape, query, add, measure in (
            ("kpi_components", sums, "kpi/day_sums", add_sums, from_sums),
            ("kpi_buckets", waits, "kpi/day_buckets", add_waits, from_buckets),
        ):
            for some in self._packs(table, of_shape, given, few=len(days) <= _FEW_DAYS):
                parts = con.sql(sql(query).format(**given, kpis=names(some))).to_arrow_table()
                added = list(add(parts, wanted))
                if added:
                    yield measure(pa.concat_tables(added), kpis)

    def _packs(
        self, table: str, kpis: list[str], given: Mapping[str, object], *, few: bool
    ) -> Iterator[list[str]]:
        """So many of these KPIs at a time that a statement over their parts needs little memory; of
        a `few` days all of them.
        """
        if not kpis:
            return
        if few:
            yield kpis
            return
        query = sql("kpi/cell_counts").format(**given, table=table, kpis=names(kpis))
        counts = dict(self.con.execute(query).fetchall())
        pack: list[str] = []
        cells = 0
        for kpi in kpis:
            if pack and cells + counts.get(kpi, 0) > _CELLS_AT_ONCE:
                yield pack
                pack, cells = [], 0
            pack.append(kpi)
            cells += counts.get(kpi, 0)
        yield pack

    def _by_row(
        self,
        kpis: dict[str, Kpi],
        periods: list[Period],
        have: Mapping[str, frozenset[str]],
        now: datetime,
    ) -> Iterator[Measured]:
        if not kpis or not periods:
            return
        stretches = {replace(period, use_case="", name="") for period in periods}
        days = {
            stretch.first + timedelta(days=i)
            for stretch in stretches
            for i in range((stretch.last - stretch.first).days + 1)
        }
        at_hand = self.inputs.hand(days, now)
        control = self._control()
        for name, kpi in kpis.items():
            some = [period for period in periods if period.use_case in have[name]]
            if not some:
                continue
            query = f"{self.inputs.given(kpi.inputs, at_hand)} SELECT * FROM ({kpi.sql}\n)"
            among = names(have[name])
            rows = self.con.sql(sql("kpi/observations").format(query=query, use_cases=among))
            batches = rows.to_arrow_reader(_ROWS_AT_ONCE)
            for measured in Observations.of(name, batches).measure(some, control, kpi.quantile):
                yield measured.without_small(self.privacy_limit) if kpi.people else measured

    def _control(self) -> dict[str, str]:
        cases = self.plan.use_cases if self.plan else ()
        return {case.id: case.control_team for case in cases if case.control_team}


def portions(
    kpis: dict[str, Kpi], periods: list[Period], *, small: bool
) -> Iterator[tuple[dict[str, Kpi], list[Period]]]:
    """So many KPIs and periods at a time that their values need little memory: those whose rows are
    read one by one with all periods, so that they are read once; the others with periods that are
    added up from months together, then the short ones in the order of time. Of a `small` past all
    at once.
    """
    if small or len(periods) <= _PERIODS_AT_ONCE:
        yield kpis, periods
        return
    by_row = {name: kpi for name, kpi in kpis.items() if kpi.shape == "survival"}
    if by_row:
        yield by_row, periods
    others = {name: kpi for name, kpi in kpis.items() if name not in by_row}
    ordered = sorted(periods, key=lambda period: (period.name in SHORT, period.first))
    for first in range(0, len(ordered), _PERIODS_AT_ONCE) if others else ():
        yield others, ordered[first : first + _PERIODS_AT_ONCE]
