"""Odd days of the calendar through the engine: clock changes, ISO week 53, a leap day."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.aggregating import Sent, event, person
from support.judging import NOW, Judged, at, plan_of, task, use_case

WEEK = timedelta(days=7)
TEAM = {"name": "north", "people": [{"from": date(2019, 1, 1), "count": 8}]}


def company(directory: Path, events: list[Sent], timezone: str, **more: Any) -> Judged:
    plan = plan_of(
        use_case(go_live=None, baseline=None, teams=["north"], **more),
        teams=[TEAM],
        timezone=timezone,
    )
    return Judged(directory, plan).feed(events).publish()


def call(moment: datetime, **more: Any) -> Sent:
    return event(
        "interaction", time=moment, history=True, appended=NOW, use_case="quotes", tool="writer",
        status="ok", duration=1.0, **more,
    )  # fmt: skip


def counts(judged: Judged, kpi: str, period: str) -> dict[date, int]:
    return {row["start"].date(): row["n"] for row in judged.values(kpi, period)}


@pytest.mark.parametrize(
    ("sunday", "opens", "hours"),
    [
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        (date(2025, 10, 26), datetime(2025, 10, 25, 22, tzinfo=UTC), 25),
    ],
)
def test_the_sunday_on_which_the_clock_changes_has_23_or_25_hours(
    tmp_path: Path, sunday: date, opens: datetime, hours: int
) -> None:
    moments = [opens + timedelta(hours=i, minutes=30) for i in range(-1, hours + 1)]
    with closing(company(tmp_path, [call(m) for m in moments], "Europe/Amsterdam")) as judged:
        day = timedelta(days=1)
        assert counts(judged, "error_rate", "day") == {
            sunday - day: 1, sunday: hours, sunday + day: 1,
        }  # fmt: skip
        assert counts(judged, "error_rate", "week") == {
            sunday - 6 * day: hours + 1, sunday + day: 1,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("friday", "monday", "calendar"),
    [
        # 16:00 on Friday to 10:00 on Monday, by the clock on the wall.
        (datetime(2026, 3, 27, 15, tzinfo=UTC), datetime(2026, 3, 30, 8, tzinfo=UTC), 65),
        (datetime(2025, 10, 24, 14, tzinfo=UTC), datetime(2025, 10, 27, 9, tzinfo=UTC), 67),
    ],
)
@pytest.mark.parametrize("hours", ["working", "calendar"])
def test_lead_time_over_a_clock_change_is_the_hours_that_passed_or_were_worked(
    tmp_path: Path, friday: datetime, monday: datetime, calendar: int, hours: str
) -> None:
    lasted = (monday - friday) / timedelta(hours=1)
    events = [task(friday, lasted, case=f"c{i}") for i in range(20)]
    with closing(company(tmp_path, events, "Europe/Amsterdam", hours=hours)) as judged:
        (row,) = judged.values("lead_time", "month")
        assert row["value"] == (2 if hours == "working" else calendar)


def test_iso_week_53_is_one_week_of_two_years(tmp_path: Path) -> None:
    days = [date(2020, 12, 27), date(2020, 12, 28), date(2020, 12, 31), date(2021, 1, 1),
            date(2021, 1, 3), date(2021, 1, 4)]  # fmt: skip
    monday = days[1]
    events = [
        one
        for day in days
        for one in (task(at(day, 9), 1, case=str(day), team="north"), call(at(day, 9)))
    ]
    events += [call(at(day, 10), user=person(i), team="north") for day in days for i in range(5)]
    with closing(company(tmp_path, events, "Europe/Amsterdam")) as judged:
        weeks = {monday - WEEK: 6, monday: 24, monday + WEEK: 6}
        assert counts(judged, "error_rate", "week") == weeks
        assert counts(judged, "error_rate", "year") == {date(2020, 1, 1): 18, date(2021, 1, 1): 18}
        assert counts(judged, "lead_time", "week")[monday] == 4
        done = {row["start"].date(): row["value"] for row in judged.values("throughput", "week")}
        assert (done[monday], done[monday + WEEK]) == (4 / 8, 1 / 8)
        used = {row["start"].date(): row["value"] for row in judged.values("active_users", "week")}
        assert (used[monday - WEEK], used[monday], used[monday + WEEK]) == (0, 5, 0)
        # It lies in neither year whole.
        assert counts(judged, "throughput", "year")[date(2020, 1, 1)] == 8  # week 52 alone


def test_a_leap_day_is_a_day_of_its_february_and_of_its_week(tmp_path: Path) -> None:
    days = [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]
    events = [one for day in days for one in (task(at(day, 9), 48, case=str(day)), call(at(day)))]
    with closing(company(tmp_path, events, "Europe/Amsterdam")) as judged:
        assert counts(judged, "error_rate", "day") == dict.fromkeys(days, 1)
        months = {date(2024, 2, 1): 2, date(2024, 3, 1): 1}
        assert counts(judged, "error_rate", "month") == months
        assert counts(judged, "lead_time", "month") == months
        assert counts(judged, "error_rate", "week") == {date(2024, 2, 26): 3}
        assert counts(judged, "error_rate", "quarter") == {date(2024, 1, 1): 3}
        assert judged.values("lead_time", "day", start="2024-02-29 00:00:00")[0]["value"] == 48
