"""Brings the KPI tables of a publication up to date, within its transaction.

Only days that changed are read again (`components.py`), and only periods that hold one of them get
new values. KPIs that people watch live (`hourly`) follow at once. The others take most of the work,
and a median of tasks needs every row of its period: they are made not more often than their cost
allows (`_REST`), from what `kpi_pending` says has changed; `as_of` says of when a value is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import duckdb
import pyarrow as pa

from meetlat.kpis.catalogue import Kpi, catalogue
from meetlat.plan.models import Company, Plan, UseCase
from meetlat_aggregator.dictionary import describe
from meetlat_aggregator.kpi.aims import made_of
from meetlat_aggregator.kpi.company import CompanyParts, Result, own_kpis
from meetlat_aggregator.kpi.components import Components, names
from meetlat_aggregator.kpi.exchange import make_exchange
from meetlat_aggregator.kpi.inputs import SOURCES, WEEKS, Inputs
from meetlat_aggregator.kpi.judging import Judging
from meetlat_aggregator.kpi.measuring import Measuring, portions
from meetlat_aggregator.kpi.periods import BASELINE, DAY, WEEK, monday_of, touched_periods
from meetlat_aggregator.kpi.plan_tables import FIRST_DAY, make_plan_tables
from meetlat_aggregator.kpi.values_dictionary import VALUE_TABLES
from meetlat_aggregator.sqlfiles import sql

# Hours are of technical KPIs of whole use cases, and of the last weeks: there to find faults by.
HOURS_KEPT = timedelta(days=35)
_NO_COMPANY = Company(name="unknown")  # without a plan money is in euro
# Everything at once is quickest; of a long past it would take more memory than there is.
_FEW_DAYS, _STRETCH = 40, 91  # days; a stretch is of whole weeks
_FEW_HOURS = 500  # of use cases; so many are judged with other periods
_NEWS_OF = timedelta(days=21)  # older news is none
_ROOM_MB = 256
_SMALL = 100_000  # rows
_REST = 10.0  # times as long as they took


@dataclass(frozen=True, slots=True)
class Changed:
    """What a publication rewrote: local days per live table. `everything`: all there is."""

    days: Mapping[str, frozenset[date]] = field(default_factory=dict)
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
        worked: Callable[[], float] = time.process_time,
        privacy_limit: int = 5,
    ) -> None:
        self._con = con
        self._plan = plan
        self._timezone = timezone
        self._kpis = {**catalogue(), **own_kpis(plan)} if kpis is None else kpis
        self._company = CompanyParts(con, plan)
        self._clock = clock
        self._worked = worked
        self._weekly = names(name for name, kpi in self._kpis.items() if kpi.weekly)
        # Weeks in which nothing happened have parts too.
        self._filled = names(k for k, kpi in self._kpis.items() if WEEKS & {*kpi.inputs})
        self._inputs = Inputs(con, any(case.hours == "working" for case in self._planned()))
        self._components = Components(con, self._inputs)
        self._measuring = Measuring(
            con, plan, self._inputs, self._components, self._weekly, privacy_limit
        )
        self._again, self._waiting = 0.0, False
        self._made_on: date | None = None

    @property
    def due(self) -> bool:
        """Whether KPIs were put off, and may be made by now."""
        return self._waiting and self._clock() >= self._again

    def hurry(self) -> None:
        """Put nothing off at the next update, but for what is made once a day."""
        self._again = 0.0

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
        of_kpi = self._concerned(changed)
        whole = changed.everything or new_day
        if whole or any(day < today - WEEK for days in of_kpi.values() for day in days):
            for name, weeks in self._quiet_weeks(now, today).items():
                of_kpi.setdefault(name, set()).update(weeks)
        pending = self._pending()
        if whole:
            anew = set(self._kpis)
        else:  # whatever is compared with a baseline that changed changes too
            anew = {name for name, days in of_kpi.items() if self._in_baseline(days)}
        if anew:
            days = _union(of.pop(name, set()) for of in (of_kpi, pending) for name in anew)
            self._make(anew, days, days | self._all_days(), today, now, everything=True)
            self._done(anew)
        live = {name for name in of_kpi if self._kpis[name].hourly}
        days = _union(of_kpi.pop(name) for name in live)
        self._make(live, days, days, today, now, everything=False)
        self._put_off(of_kpi)
        late = {k: days for k, days in self._pending().items() if not self._kpis[k].daily}
        if late and self._clock() >= self._again:
            began, worked = self._clock(), self._worked()
            days = _union(late.values())
            self._make(late, days, days, today, now, everything=False)
            self._done(late)
            # A process that was stopped for a while did not work for as long (see `pace.py`).
            took = min(self._clock() - began, self._worked() - worked)
            self._again = self._clock() + _REST * took
            late = {}
        self._waiting = bool(late)

    def take(self, results: Mapping[str, Result], now: datetime) -> None:
        """Put what the company's own SQL gave in the place of what it gave before. The tables are
        those of `now`. Raises duckdb.Error.
        """
        ((today,),) = self._con.execute("SELECT local_day(?::TIMESTAMP)", [now]).fetchall()
        with self._company.at_hand(results, today) as (changed, days):
            kpis = self._kpis.keys() & changed
            anew = self._in_baseline(days)
            of_values = days | self._all_days() if anew else days
            self._make(kpis, days, of_values, today, now, everything=anew)

    def _put_off(self, of_kpi: Mapping[str, set[date]]) -> None:
        """Note that these KPIs are to be made again for these days."""
        if not of_kpi:
            return
        noted = [(kpi, day) for kpi, days in sorted(of_kpi.items()) for day in sorted(days)]
        given = pa.table(  # noqa: F841 - read next
            {
                "kpi": pa.array([kpi for kpi, _ in noted], pa.string()),
                "day": pa.array([day for _, day in noted], pa.date32()),
            }
        )
        self._con.execute(
            "INSERT INTO published.kpi_pending "
            "SELECT * FROM given EXCEPT FROM published.kpi_pending"
        )

    def _pending(self) -> dict[str, set[date]]:
        """The KPIs that were put off, each with the days for which it was."""
        rows = self._con.execute("SELECT kpi, day FROM published.kpi_pending").fetchall()
        found: dict[str, set[date]] = {}
        for kpi, day in rows:
            if kpi in self._kpis:
                found.setdefault(kpi, set()).add(day)
        return found

    def _done(self, kpis: Collection[str]) -> None:
        """These are put off no more."""
        if kpis:
            self._con.execute(f"DELETE FROM published.kpi_pending WHERE kpi IN ({names(kpis)})")

    def _make(
        self,
        which: Collection[str],
        days: set[date],
        of_values: set[date],
        today: date,
        now: datetime,
        *,
        everything: bool,
    ) -> None:
        """Make the parts of these KPIs for `days` again, and the values of the periods that hold
        one of `of_values`, or `everything` there is of these KPIs, baselines too.
        """
        kpis = {name: kpi for name, kpi in self._kpis.items() if name in which}
        if not kpis:
            return
        if any(kpi.weekly for kpi in kpis.values()):  # the parts of a week stand on its Monday
            of_values = of_values | {monday_of(day) for day in of_values}
        back = any(kpi.looks_back for kpi in kpis.values())
        by_row = any(kpi.shape == "survival" for kpi in kpis.values())
        small = self._small()
        with self._room(much=by_row or len(of_values) > _FEW_DAYS):
            for weekly, at_hand in ((False, days), (True, _whole_weeks(days, today))):
                known = filter(self._company.is_at_hand, kpis.values())
                made = [kpi for kpi in known if kpi.weekly == weekly]
                for stretch in _stretches(at_hand, small) if made else ():
                    few = small or len(stretch) <= _FEW_DAYS
                    self._components.rewrite(made, self._inputs.hand(stretch, now), few=few)
            otherwise = self._components.choose(kpis.values()) - of_values
            self._components.rewrite_months(kpis.values(), days | otherwise)
            all_days = self._all_days() if otherwise or back else set()
            since = {day for day in all_days if day >= min(of_values, default=today)} | of_values
            for of, whole, some_kpis in (
                # A use case is measured in another way from now on.
                (all_days, True, {name for name, kpi in kpis.items() if otherwise and kpi.ways}),
                (since, everything, {name for name, kpi in kpis.items() if kpi.looks_back}),
                (of_values, everything, {*kpis}),
            ):
                some = {name: kpis.pop(name) for name in list(kpis) if name in some_kpis}
                # What the plan names is unknown before the first event.
                if some and (of or whole):
                    self._values(some, days, of, today, now, everything=whole)

    def _in_baseline(self, days: set[date]) -> bool:
        """Whether one of these days lies in a baseline window of the plan."""
        windows = [case.baseline for case in self._planned() if case.baseline]
        return any(window.since <= day <= window.until for window in windows for day in days)

    def _small(self) -> bool:
        """Whether so little happened that one statement may read all of it: to plan one takes
        longer than to run it.
        """
        ((rows,),) = self._con.execute(sql("kpi/rows")).fetchall()
        return bool(rows < _SMALL)

    @contextmanager
    def _room(self, *, much: bool) -> Iterator[None]:
        """More memory for DuckDB while much of the past is read, which is seldom."""
        if not much:
            yield
            return
        con = self._con.cursor()  # a failed transaction takes no statement any more
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
            con.close()

    def _make_plan_tables(self, today: date) -> None:
        """What the plan says, as KPIs' SQL reads it; it stays on the connection."""
        make_plan_tables(self._con, self._plan, today, self._timezone)
        self._con.execute(sql("kpi/macros"))
        company = self._plan.company if self._plan else _NO_COMPANY
        make_exchange(self._con, company, FIRST_DAY, today + timedelta(days=1))
        self._made_on = today

    def _all_days(self) -> set[date]:
        """Every day that a KPI can be of."""
        return {day for (day,) in self._con.execute(sql("kpi/all_days")).fetchall()}

    def _quiet_weeks(self, now: datetime, today: date) -> dict[str, set[date]]:
        """Per KPI the Mondays of weeks of which it should have parts and does not, or the other way
        round: no event tells of a week in which nothing happened.
        """
        ((first,),) = self._con.execute(sql("kpi/first_day")).fetchall()
        filled = [(kpi.id, name) for kpi in self._kpis.values() for name in WEEKS & {*kpi.inputs}]
        if first is None or first > today or not filled:
            return {}
        weeks = (today - monday_of(first)) // WEEK
        mondays = [monday_of(first) + i * WEEK for i in range(weeks + 1)]
        at_hand = self._inputs.hand(mondays, now)
        found: dict[str, set[date]] = {}
        for kpi, name in filled:
            query = f"{self._inputs.given([name], at_hand)} SELECT use_case, week FROM {name}"
            text = sql("kpi/quiet_weeks").format(weeks=query, kpi=kpi)
            rows = self._con.execute(text).fetchall()
            if rows:
                found.setdefault(kpi, set()).update(week for (week,) in rows)
        return found

    def _concerned(self, changed: Changed) -> dict[str, set[date]]:
        """The KPIs of which something was rewritten, each with the days of its inputs that were."""
        if changed.everything:
            days = self._all_days()
            return {name: set(days) for name in self._kpis}
        found = {
            name: _union(changed.days.get(SOURCES.get(source, ""), ()) for source in kpi.inputs)
            for name, kpi in self._kpis.items()
        }
        return {name: days for name, days in found.items() if days}

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
        everything: bool,
    ) -> None:
        """Values of the periods that hold one of `days`, and of the hours of those `touched`; or
        `everything` there is of these KPIs.
        """
        cases = self._cases()
        by_row = [name for name, kpi in kpis.items() if kpi.shape == "survival"]
        kpi_made_of = made_of(kpis)  # noqa: F841 - read next
        query = sql("kpi/last_days").format(
            since=today - _NEWS_OF, weekly=self._weekly, filled=self._filled
        )
        self._con.execute(query, {"by_row": by_row})
        judging = Judging(self._con, self._plan, cases, kpis, today, now, self._company.troubles)
        # What ended yesterday does not change any more, but that it is stale until there is news.
        ((stale,),) = self._con.execute(
            "SELECT count(*) FROM published.kpi_values "
            f"WHERE status = 'stale' AND kpi IN ({names(kpis)})"
        ).fetchall()
        ended = {today - DAY} if everything or stale else set()
        periods = sorted(touched_periods(cases, days | {today} | ended, today))
        self._con.execute(
            sql("kpi/forget_values").format(
                kpis=names(kpis),
                everything="true" if everything else "false",
                days=", ".join(f"DATE '{day}'" for day in sorted(touched)) or "NULL",
            )
        )
        before = [period for period in periods if period.name == BASELINE]
        if everything:
            touched = days
            found = self._measuring.periods(kpis, before, cases, today, now)
            judging.write(found, before, baselines=True)
            self._con.execute(sql("kpi/forget_hours").format(before=today - HOURS_KEPT))
        recent = {day for day in touched if day >= today - HOURS_KEPT}
        at_hand = not everything and len(touched) <= _FEW_DAYS
        hours, of_hours = self._measuring.hours(kpis, recent, now, at_hand=at_hand)
        after = [period for period in periods if period.name != BASELINE]
        groups = [*portions(kpis, after, small=self._small())]
        if len(groups) > 1 or len(hours) > _FEW_HOURS:  # a group has some of the KPIs only
            judging.write(of_hours, hours, baselines=False)
            hours, of_hours = [], []
        for group, some in groups:
            found = self._measuring.periods(group, some, cases, today, now)
            judging = replace(judging, kpis=group)
            judging.write([*found, *of_hours], [*some, *hours], baselines=False)


def _whole_weeks(days: set[date], today: date) -> set[date]:
    """All days of the weeks that hold one of these and are over: what is of a week is made from all
    of it.
    """
    mondays = {monday_of(day) for day in days}
    return {m + timedelta(days=i) for m in mondays if m + WEEK <= today for i in range(7)}


def _union(sets: Iterable[Iterable[date]]) -> set[date]:
    return {day for days in sets for day in days}


def _stretches(days: set[date], small: bool) -> Iterator[list[date]]:
    """The days in order, so many at a time that a statement over them needs little memory: of a
    small past all of them.
    """
    ordered = sorted(days)
    size = len(ordered) if small else _STRETCH
    for first in range(0, len(ordered), size or 1):
        yield ordered[first : first + size]


def _unplanned(name: str) -> UseCase:
    """A use case of which only the name is known, whatever that is."""
    return UseCase.model_construct(id=name, name=name, pack="general")
