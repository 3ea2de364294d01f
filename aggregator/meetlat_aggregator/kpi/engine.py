"""Brings the KPI tables of a publication up to date, within its transaction.

Only days that changed are read again (`components.py`), and only periods that hold one of them get
new values. Medians of tasks need every row of their period: those of periods longer than a month
are made anew not more often than their cost allows (`_LONG_REST`); `as_of` says of when they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice

import duckdb
import pyarrow as pa

from meetlat.kpis.catalogue import Kpi, catalogue
from meetlat.plan.models import Company, Plan, UseCase
from meetlat_aggregator.dictionary import describe
from meetlat_aggregator.kpi.components import ADDITIVE, Components
from meetlat_aggregator.kpi.composed.composing import compose
from meetlat_aggregator.kpi.exchange import make_exchange
from meetlat_aggregator.kpi.inputs import SOURCES, Days, Inputs
from meetlat_aggregator.kpi.judging import Judging, names, period_table
from meetlat_aggregator.kpi.measured import Measured
from meetlat_aggregator.kpi.observations import Observations
from meetlat_aggregator.kpi.periods import BASELINE, HOUR, SHORT, Period, touched_periods
from meetlat_aggregator.kpi.plan_tables import FIRST_DAY, make_plan_tables
from meetlat_aggregator.kpi.values import from_buckets, from_sums
from meetlat_aggregator.kpi.values_dictionary import VALUE_TABLES
from meetlat_aggregator.sqlfiles import sql

# Hours are of technical KPIs of whole use cases, and of the last weeks: there to find faults by.
HOURS_KEPT = timedelta(days=35)
_NO_COMPANY = Company(name="unknown")  # without a plan money is in euro
# All KPIs at once are quickest; of a long past they would take more memory than there is.
_FEW_DAYS, _AT_ONCE, _STRETCH = 40, 4, 91  # whole weeks
_ROOM_MB = 256
_LONG_REST = 20.0  # times as long as they took


@dataclass(frozen=True, slots=True)
class Changed:
    """What a publication rewrote: local days, and the live tables. `everything`: all there is."""

    days: frozenset[date] = frozenset()
    sources: frozenset[str] = frozenset()
    everything: bool = False


class Engine:
    """The KPI tables on one connection, on which `published` is attached while `update` runs."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        plan: Plan | None = None,
        timezone: str = "",
        kpis: Mapping[str, Kpi] | None = None,
        clock: Callable[[], float] = time.monotonic,
        privacy_limit: int = 5,
    ) -> None:
        self._con = con
        self._plan = plan
        self._timezone = timezone
        self._kpis = catalogue() if kpis is None else kpis
        self._clock = clock
        self._privacy_limit = privacy_limit
        self._inputs = Inputs(con)
        self._components = Components(con, self._inputs)
        self._long_again = 0.0
        self._back_again = 0.0
        self._made_on: date | None = None

    def create(self) -> None:
        """Make the KPI tables anew, empty. Raises duckdb.Error."""
        self._components.create()
        self._con.execute(sql("kpi/create_values"))
        for table in VALUE_TABLES:
            describe(self._con, table)

    def update(self, changed: Changed, now: datetime, before: datetime | None = None) -> None:
        """Make the KPI tables true again. `now` is the watermark, `before` that of the tables at
        hand (naive UTC). Raises duckdb.Error.

        On a new day every value is made anew: open tasks have aged, cohorts have matured, periods
        have closed.
        """
        con = self._con
        ((today, last),) = con.execute(
            "SELECT local_day($now::TIMESTAMP), local_day($before::TIMESTAMP)",
            {"now": now, "before": before},
        ).fetchall()
        new_day = today != last
        if today != self._made_on:
            self._make_plan_tables(today)
        if changed.everything:
            self.create()
        days = self._days(changed)
        kpis = self._concerned(changed, new_day=new_day)
        everything = changed.everything or new_day or self._in_baseline(days)
        # Whatever is compared with a baseline that changed changes too.
        of_values = days | self._days(Changed(everything=True)) if everything else days
        with self._room(much=len(of_values) > _FEW_DAYS):
            for weekly, at_hand in ((False, days), (True, _whole_weeks(days))):
                made = [kpi for kpi in kpis.values() if kpi.weekly == weekly]
                for some in _stretches(at_hand) if made else ():
                    self._components.rewrite(made, self._hand(some, now))
            if of_values:
                near = {name: kpi for name, kpi in kpis.items() if not kpi.looks_back}
                self._values(near, days, of_values, today, now, baselines=everything)
                self._look_back(kpis, days, today, now, made_anew=everything)

    def _look_back(
        self, kpis: dict[str, Kpi], days: set[date], today: date, now: datetime, *, made_anew: bool
    ) -> None:
        """All values of the KPIs of which a day that changed changes every period, not more often
        than their cost allows.
        """
        far = {name: kpi for name, kpi in kpis.items() if kpi.looks_back}
        began = self._clock()
        if not far or not (made_anew or began >= self._back_again):
            return
        self._values(far, days, self._days(Changed(everything=True)), today, now, baselines=True)
        ended = self._clock()
        self._back_again = ended + _LONG_REST * (ended - began)

    def _in_baseline(self, days: set[date]) -> bool:
        """Whether one of these days lies in a baseline window of the plan."""
        windows = [case.baseline for case in self._planned() if case.baseline]
        return any(window.since <= day <= window.until for window in windows for day in days)

    @contextmanager
    def _room(self, *, much: bool) -> Iterator[None]:
        """More memory for DuckDB while the whole past is made anew, which is seldom."""
        if not much:
            yield
            return
        con = self._con
        ((limit, larger),) = con.execute(
            f"SELECT value, parse_formatted_bytes(value) < {_ROOM_MB} * 1000000 "
            "FROM duckdb_settings() WHERE name = 'memory_limit'"
        ).fetchall()
        if larger:
            con.execute(f"SET memory_limit = '{_ROOM_MB}MB'")
        try:
            yield
        finally:
            con.execute(f"SET memory_limit = '{limit}'")

    def _make_plan_tables(self, today: date) -> None:
        """What the plan says, as KPIs' SQL reads it; it stays on the connection."""
        make_plan_tables(self._con, self._plan, today, self._timezone)
        self._con.execute(sql("kpi/macros"))
        company = self._plan.company if self._plan else _NO_COMPANY
        make_exchange(self._con, company, FIRST_DAY, today + timedelta(days=1))
        self._made_on = today

    def _days(self, changed: Changed) -> set[date]:
        """The days to read again, and the Mondays before them: parts of weeks stand there."""
        days = set(changed.days)
        if changed.everything:
            days |= {day for (day,) in self._con.execute(sql("kpi/all_days")).fetchall()}
        return days | {day - timedelta(days=day.weekday()) for day in days}

    def _concerned(self, changed: Changed, *, new_day: bool) -> dict[str, Kpi]:
        if changed.everything or new_day:
            return dict(self._kpis)
        return {
            name: kpi
            for name, kpi in self._kpis.items()
            if any(SOURCES.get(source) in changed.sources for source in kpi.inputs)
        }

    def _hand(self, days: Iterable[date], now: datetime) -> Days:
        """Put `days` at hand: the inputs of KPIs give no others."""
        given = sorted(days)
        at_hand = pa.table({"day": pa.array(given, pa.date32())})  # noqa: F841 - read next
        self._con.execute("CREATE OR REPLACE TEMP TABLE kpi_days AS SELECT * FROM at_hand")
        first, last = (datetime.combine(day, datetime.min.time()) for day in (given[0], given[-1]))
        working = any(case.hours == "working" for case in self._planned())
        return Days(first - timedelta(days=8), last + timedelta(days=9), now, working)

    def _planned(self) -> tuple[UseCase, ...]:
        return self._plan.use_cases if self._plan else ()

    def _cases(self) -> list[UseCase]:
        """The plan's use cases, and those that events name and the plan does not."""
        planned = self._planned()
        rows = self._con.execute(sql("kpi/use_cases")).fetchall()
        others = {name for (name,) in rows} - {case.id for case in planned}
        return [*planned, *(_unplanned(name) for name in sorted(others))]

    def _values(
        self,
        kpis: dict[str, Kpi],
        touched: set[date],
        days: set[date],
        today: date,
        now: datetime,
        *,
        baselines: bool,
    ) -> None:
        """Values of the periods that hold one of `days`, and of the hours of those `touched`."""
        cases = self._cases()
        periods = sorted(touched_periods(cases, days | {today}, today))
        if not baselines:
            periods = [period for period in periods if period.name != BASELINE]
        long_due = baselines or self._clock() >= self._long_again
        row_periods = [p for p in periods if long_due or p.name in SHORT]
        for some in _groups(kpis, _AT_ONCE if len(days) > _FEW_DAYS else len(kpis)):
            by_row = {name: kpi for name, kpi in some.items() if kpi.shape == "survival"}
            began = self._clock()
            of_rows = list(self._by_row(by_row, row_periods, now))
            if by_row and long_due:
                self._long_again = self._clock() + _LONG_REST * (self._clock() - began)
            composed = compose(self._con, some, periods, cases, self._plan, today)
            measured = [*self._additive(some, periods), *of_rows, *composed]
            hours, of_hours = self._hourly(some, touched, today, now)
            judging = Judging(self._con, self._plan, cases, some, today, now)
            shown = [*periods, *hours]
            judging.write([*measured, *of_hours], shown, row_periods, baselines=baselines)
        self._con.execute(sql("kpi/forget_hours").format(before=today - HOURS_KEPT))

    # --- measuring

    def _additive(self, kpis: dict[str, Kpi], periods: list[Period]) -> Iterator[Measured]:
        sums = [
            name for name, kpi in kpis.items() if kpi.shape in ADDITIVE - {"quantile", "composed"}
        ]
        buckets = [name for name, kpi in kpis.items() if kpi.shape == "quantile"]
        for baseline in (False, True):
            some = [p for p in periods if (p.name == BASELINE) == baseline]
            if not some:
                continue
            period_table(self._con, some)
            given = {
                "first": min(p.first for p in some),
                "last": max(p.last for p in some),
                "unassisted": "c.assisted <> 'true'" if baseline else "true",
                "weekly": names(k for k, kpi in self._kpis.items() if kpi.weekly),
            }
            for some_kpis, query, measure in (
                (sums, "kpi/sums", from_sums),
                (buckets, "kpi/buckets", from_buckets),
            ):
                if some_kpis:
                    text = sql(query).format(**given, kpis=names(some_kpis))
                    yield measure(self._con.sql(text).to_arrow_table(), kpis)

    def _by_row(
        self, kpis: dict[str, Kpi], periods: list[Period], now: datetime
    ) -> Iterator[Measured]:
        if not kpis or not periods:
            return
        stretches = {replace(period, use_case="", name="") for period in periods}
        days = {
            stretch.first + timedelta(days=i)
            for stretch in stretches
            for i in range((stretch.last - stretch.first).days + 1)
        }
        at_hand = self._hand(days, now)
        control = {case.id: case.control_team for case in self._planned() if case.control_team}
        for name, kpi in kpis.items():
            query = self._inputs.query(kpi.sql, kpi.inputs, at_hand)
            rows = self._con.sql(sql("kpi/observations").format(query=query)).to_arrow_table()
            for measured in Observations.of(name, rows).measure(periods, control, kpi.quantile):
                yield measured.without_small(self._privacy_limit) if kpi.people else measured

    def _hourly(
        self, kpis: dict[str, Kpi], days: set[date], today: date, now: datetime
    ) -> tuple[list[Period], list[Measured]]:
        """Hours of the days at hand, of technical KPIs and whole use cases."""
        hourly = [kpi for kpi in kpis.values() if kpi.hourly]
        recent = {day for day in days if day >= today - HOURS_KEPT}
        if not hourly or not recent:
            return [], []
        at_hand = self._hand(recent, now)
        found: list[Measured] = []
        for kpi in hourly:
            made = self._components.select(kpi, at_hand, "hour")
            query = "kpi/hour_buckets" if kpi.shape == "quantile" else "kpi/hour_sums"
            rows = self._con.sql(sql(query).format(query=made)).to_arrow_table()
            measure = from_buckets if kpi.shape == "quantile" else from_sums
            found.append(measure(rows, kpis))
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


def _whole_weeks(days: set[date]) -> set[date]:
    """All days of the weeks that hold one of these: what is of a week is made from all of it."""
    mondays = {day - timedelta(days=day.weekday()) for day in days}
    return {monday + timedelta(days=i) for monday in mondays for i in range(7)}


def _stretches(days: set[date]) -> Iterator[list[date]]:
    """The days in order, so many at a time that a statement over them needs little memory."""
    ordered = sorted(days)
    for first in range(0, len(ordered), _STRETCH):
        yield ordered[first : first + _STRETCH]


def _groups(kpis: dict[str, Kpi], size: int) -> Iterator[dict[str, Kpi]]:
    """Some KPIs at a time."""
    rest = iter(kpis.items())
    while some := dict(islice(rest, size)):
        yield some


def _unplanned(name: str) -> UseCase:
    """A use case of which only the name is known, whatever that is."""
    return UseCase.model_construct(id=name, name=name, pack="general")
