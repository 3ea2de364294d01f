"""Periods that values are of: which days belong to which, per use case.

Days of the settling week after go-live belong to no period, and a period that holds go-live has the
days after it only. Days in the plan's baseline window belong to the period `baseline`, which every
other one is compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from meetlat.plan.models import SETTLING, UseCase

DAY, WEEK = timedelta(days=1), timedelta(days=7)
ROLLING_DAYS = 28
CALENDAR = ("day", "week", "month", "quarter", "year")
HOUR, ROLLING, SINCE, BASELINE = "hour", "rolling_28d", "since_go_live", "baseline"
# Shorter than a month, or of no whole ones. The others are added up from their whole months and the
# days `apart`.
SHORT = ("day", "week", ROLLING, BASELINE)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Days `first` to `last`, both included; `start` names it in `kpi_values`."""

    use_case: str
    name: str
    start: date
    first: date
    last: date


def monday_of(day: date) -> date:
    """The first day of its ISO week."""
    return day - timedelta(days=day.weekday())


def calendar_period(name: str, day: date) -> tuple[date, date]:
    """First and last day of the period of that name that holds `day`."""
    if name == "day":
        return day, day
    if name == "week":
        return monday_of(day), monday_of(day) + timedelta(days=6)
    if name == "year":
        return date(day.year, 1, 1), date(day.year, 12, 31)
    months = {"month": 1, "quarter": 3}[name]
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    return first, _months_on(first, months) - DAY


def apart(period: Period) -> Iterator[date]:
    """The days of a period that are in none of its whole calendar months; of a short one, all."""
    day = period.first
    while day <= period.last:
        first, last = calendar_period("month", day)
        if period.name not in SHORT and period.first <= first and last <= period.last:
            day = last
        else:
            yield day
        day += DAY


def _months_on(first: date, months: int) -> date:
    total = first.month - 1 + months
    return date(first.year + total // 12, total % 12 + 1, 1)


def touched_periods(
    use_cases: Iterable[UseCase], days: Iterable[date], today: date
) -> Iterator[Period]:
    """The periods that hold one of `days`, per use case, and always the baseline and the time since
    go-live. `today` is the day that is not over yet: the rolling window ends the day before.
    """
    days = set(days)
    window = {today - timedelta(days=i) for i in range(1, ROLLING_DAYS + 1)}
    calendar = sorted({(name, *calendar_period(name, day)) for day in days for name in CALENDAR})
    for use_case in use_cases:
        settled = use_case.go_live + SETTLING if use_case.go_live else None
        for name, first, last in calendar:
            yield from _without_settling(use_case, Period(use_case.id, name, first, first, last))
        rolling = Period(
            use_case.id, ROLLING, today - timedelta(days=ROLLING_DAYS),
            today - timedelta(days=ROLLING_DAYS), today - DAY,
        )  # fmt: skip
        if days & window:
            yield from _without_settling(use_case, rolling)
        if use_case.go_live and settled and settled <= today:
            yield Period(use_case.id, SINCE, use_case.go_live, settled, today)
        if use_case.baseline:
            since, until = use_case.baseline.since, use_case.baseline.until
            until = min(until, use_case.go_live - DAY) if use_case.go_live else until
            if since <= until:
                yield Period(use_case.id, BASELINE, since, since, until)


def _without_settling(use_case: UseCase, period: Period) -> Iterator[Period]:
    """Its days after the settling week; before go-live, those up to it. Never both: a month that
    holds go-live would mix what is compared.
    """
    if use_case.go_live is None:
        yield period
        return
    live, settled = use_case.go_live, use_case.go_live + SETTLING
    if period.last >= settled:
        yield replace(period, first=max(period.first, settled))
    elif period.first < live:
        yield replace(period, last=min(period.last, live - DAY))
