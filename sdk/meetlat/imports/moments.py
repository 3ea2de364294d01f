"""Reads the times of an event log as microseconds since 1970, also where clocks change.

Integers, since lead times are differences of them and have to come out exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from meetlat.contract.fields import EARLIEST, LATEST
from meetlat.imports.mapping import Time

SECOND = 1_000_000
FUTURE = 300 * SECOND  # what the collector and the aggregator take, and no more
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EPOCHS = {"epoch": SECOND, "epoch_ms": 1000}


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(microseconds: int) -> datetime:
    """The time, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


class Moments:
    """Reads the times of one log. `now` is the latest time that can be, in microseconds.

    `changes` counts the times that a clock change left open, by what was made of them.
    """

    def __init__(self, rules: Time, now: int) -> None:
        self.changes: Counter[str] = Counter()
        self._rules = rules
        self._zone = ZoneInfo(rules.zone) if rules.zone else None
        self._first, self._last = micros(EARLIEST), micros(LATEST)
        self._latest = now + FUTURE
        unit = _EPOCHS.get(rules.format or "")
        self._read = self._reader(unit)

    def __call__(self, cell: Any) -> int:
        """The time in a cell: text, or a datetime or date of a typed file. Raises ValueError."""
        if isinstance(cell, str):
            found = self._read(cell)
        elif isinstance(cell, datetime):
            found = cell
        elif isinstance(cell, date):
            found = datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - placed below
        else:
            raise ValueError(f"is {type(cell).__name__}, not a time")
        at = found if isinstance(found, int) else micros(self._placed(found))
        if not self._first <= at < self._last:
            raise ValueError("lies outside the years 2000 to 2199")
        if at > self._latest:
            raise ValueError("lies in the future")
        return at

    def _reader(self, unit: int | None) -> Callable[[str], datetime | int]:
        form = self._rules.format
        if form is None:
            return _iso
        if unit is not None:
            return lambda text: _since_1970(text, unit)
        return lambda text: _by_format(text, form)

    def _placed(self, moment: datetime) -> datetime:
        """A time with its zone: its own, or that of the map, by the rules for clock changes."""
        if moment.tzinfo is not None:
            return moment
        if self._zone is None:
            raise ValueError("says no time zone; name it in the map: [time] zone")
        first = moment.replace(tzinfo=self._zone)
        second = first.replace(fold=1)
        if first.utcoffset() == second.utcoffset():
            return first
        if first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != moment:
            if self._rules.nonexistent == "refuse":
                raise ValueError("was never on that clock: it leapt over it, to summer time")
            self.changes["moved forward over the hour that the clock leaps over"] += 1
            return first  # the offset of before the leap: as much later as the clock leaps
        if self._rules.ambiguous == "refuse":
            raise ValueError("was on that clock twice, at the end of summer time; say which")
        self.changes[f"in the hour that the clock shows twice, taken as the {self._rules.ambiguous}"
        ] += 1  # fmt: skip
        return first if self._rules.ambiguous == "first" else second


def _iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time as 2026-03-02T09:30:00; say its [time] format in the map"
        ) from None


def _by_format(text: str, form: str) -> datetime:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - placed by the caller
    except ValueError:
        raise ValueError(f"{text!r} is not a time of the form {form}") from None


def _since_1970(text: str, unit: int) -> int:
    try:
        return int(Decimal(text) * unit)
    except (InvalidOperation, ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a number of seconds since 1970") from None
