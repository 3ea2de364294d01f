"""Times of an event log: formats, zones, clock changes, all to the microsecond."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.importing import NOW, PLAIN, data_of, prepared

from meetlat.imports.mapping import Time
from meetlat.imports.moments import FUTURE, SECOND, Moments, micros, moment_of

AMSTERDAM = "Europe/Amsterdam"
LOCAL = datetime(2026, 3, 2, 9, 30)  # noqa: DTZ001 - as a typed cell without a zone


def read(cell: Any, **rules: Any) -> datetime:
    return moment_of(Moments(Time(column="t", **rules), micros(NOW))(cell))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cell", "rules", "expected"),
    [
        ("2026-03-02T09:30:00.123456Z", {}, "2026-03-02T09:30:00.123456"),
        ("2026-03-02T09:30:00+02:00", {"zone": "UTC"}, "2026-03-02T07:30:00"),
        ("2026-03-02 09:30", {"zone": AMSTERDAM}, "2026-03-02T08:30:00"),
        ("2025-07-02", {"zone": AMSTERDAM}, "2025-07-01T22:00:00"),
        ("02/03/2026 09:30", {"format": "%d/%m/%Y %H:%M", "zone": "UTC"}, "2026-03-02T09:30:00"),
        ("2026-03-02 09:30 +0100", {"format": "%Y-%m-%d %H:%M %z"}, "2026-03-02T08:30:00"),
        ("1772443800", {"format": "epoch"}, "2026-03-02T09:30:00"),
        ("1772443800.000001", {"format": "epoch"}, "2026-03-02T09:30:00.000001"),
        ("1772443800123", {"format": "epoch_ms"}, "2026-03-02T09:30:00.123000"),
        (LOCAL, {"zone": AMSTERDAM, "format": "%d"}, "2026-03-02T08:30:00"),
        (datetime(2026, 3, 2, 9, 30, tzinfo=UTC), {}, "2026-03-02T09:30:00"),
        (date(2026, 3, 2), {"zone": AMSTERDAM}, "2026-03-01T23:00:00"),
        ("2024-02-29T12:00:00Z", {}, "2024-02-29T12:00:00"),
    ],
)  # fmt: skip
def test_a_time_is_read_as_it_is_written(cell: Any, rules: Any, expected: str) -> None:
    assert read(cell, **rules) == utc(expected)


@pytest.mark.parametrize(
    ("cell", "rules", "reason"),
    [
        ("yesterday", {}, "'yesterday' is not a time as 2026-03-02T09:30:00"),
        ("2026-02-30T12:00:00Z", {}, "is not a time"),
        ("2026-03-02T09:30:00", {}, r"says no time zone; name it in the map: \[time\] zone"),
        ("2026-03-02", {"format": "%d-%m-%Y", "zone": "UTC"}, "not a time of the form %d-%m-%Y"),
        ("soon", {"format": "epoch"}, "not a number of seconds since 1970"),
        ("Infinity", {"format": "epoch"}, "not a number of seconds since 1970"),
        ("1999-12-31T23:59:59Z", {}, "outside the years 2000 to 2199"),
        ("0001-01-01T00:00:00", {"zone": AMSTERDAM}, "outside|not a time|range"),
        ("9999-12-31T23:59:59-10:00", {}, "outside|range"),
    ],
)
def test_a_time_that_cannot_be_read_is_a_reason(cell: Any, rules: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(cell, **rules)


def test_a_time_may_lie_as_far_in_the_future_as_the_collector_takes_it() -> None:
    edge = NOW + timedelta(microseconds=FUTURE)
    assert read(edge) == edge
    with pytest.raises(ValueError, match="in the future"):
        read(edge + timedelta(microseconds=1))


def test_an_hour_that_the_clock_shows_twice_is_taken_as_the_map_says() -> None:
    cell = "2025-10-26T02:30:00"  # from 03:00 +02:00 back to 02:00 +01:00
    moments = Moments(Time(column="t", zone=AMSTERDAM), micros(NOW))
    assert moment_of(moments(cell)) == utc("2025-10-26T00:30:00")
    assert moments.changes == {"in the hour that the clock shows twice, taken as the first": 1}
    assert read(cell, zone=AMSTERDAM, ambiguous="second") == utc("2025-10-26T01:30:00")
    with pytest.raises(ValueError, match="was on that clock twice"):
        read(cell, zone=AMSTERDAM, ambiguous="refuse")


def test_a_time_that_the_clock_leaps_over_moves_forward_by_the_leap() -> None:
    cell = "2026-03-29T02:30:00"  # from 02:00 +01:00 on to 03:00 +02:00
    moments = Moments(Time(column="t", zone=AMSTERDAM), micros(NOW))
    assert moment_of(moments(cell)).astimezone(ZoneInfo(AMSTERDAM)).isoformat() == (
        "2026-03-29T03:30:00+02:00"
    )
    assert moments.changes == {"moved forward over the hour that the clock leaps over": 1}
    with pytest.raises(ValueError, match="was never on that clock"):
        read(cell, zone=AMSTERDAM, nonexistent="refuse")


def test_lead_time_over_a_clock_change_counts_the_hours_that_passed(tmp_path: Path) -> None:
    zone = 'time = { column = "time", zone = "Europe/Amsterdam" }'
    rows = "case,activity,time\na,asked,2026-03-28 12:00\na,closed,2026-03-29 12:00\n"
    rows += "b,asked,2025-10-25 12:00\nb,closed,2025-10-26 12:00\n"
    done = prepared(tmp_path, rows, PLAIN.replace('time = { column = "time" }', zone))
    assert sorted(done.measures.all.lead) == [23 * 3600 * SECOND, 25 * 3600 * SECOND]
    assert data_of(done)["a"]["requested"] == "2026-03-28T11:00:00.000000Z"
    assert data_of(done)["a"]["finished"] == "2026-03-29T10:00:00.000000Z"


@given(st.datetimes(datetime(2000, 1, 2), datetime(2026, 5, 30)))  # noqa: DTZ001 - local times
def test_a_local_time_that_exists_once_comes_back_as_it_was(local: datetime) -> None:
    moments = Moments(Time(column="t", zone=AMSTERDAM), micros(NOW))
    back = moment_of(moments(local.isoformat())).astimezone(ZoneInfo(AMSTERDAM))
    if not moments.changes:
        assert back.replace(tzinfo=None) == local
    elif "moved" in min(moments.changes):
        assert back.replace(tzinfo=None) == local + timedelta(hours=1)
    else:
        assert (back.replace(tzinfo=None), back.fold) == (local, 0)
