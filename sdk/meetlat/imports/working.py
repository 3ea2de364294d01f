"""Working time between two moments, by the company's calendar and its clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from meetlat.imports.mapping import WorkingHours
from meetlat.imports.moments import micros, moment_of

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class WorkingTime:
    """Counts the part of a span that lies in working hours, in microseconds.

    Opening and closing are times of the calendar's clock, so that a day on which the clock changes
    has the hours that its people worked.
    """

    def __init__(self, calendar: WorkingHours) -> None:
        self._zone = ZoneInfo(calendar.zone)
        self._days = frozenset(_DAYS.index(day) for day in calendar.days)
        self._holidays = frozenset(calendar.holidays)
        self._calendar = calendar
        self._open = lru_cache(maxsize=10_000)(self._hours_of)

    def between(self, start: int, end: int) -> int:
        """Microseconds of work from `start` to `end`, both microseconds since 1970."""
        day = moment_of(start).astimezone(self._zone).date()
        last = moment_of(end).astimezone(self._zone).date()
        total = 0
        while day <= last:
            opens, closes = self._open(day)
            total += max(0, min(end, closes) - max(start, opens))
            day += timedelta(days=1)
        return total

    def _hours_of(self, day: date) -> tuple[int, int]:
        """When work begins and ends on a day; the same moment twice on a day without work."""
        if day.weekday() not in self._days or day in self._holidays:
            return 0, 0
        opens = datetime.combine(day, self._calendar.opens, self._zone)
        closes = datetime.combine(day, self._calendar.closes, self._zone)
        return micros(opens.astimezone(UTC)), micros(closes.astimezone(UTC))
