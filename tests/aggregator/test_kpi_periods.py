"""Which days belong to which period."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetlat.plan.models import UseCase
from meetlat_aggregator.kpi.periods import CALENDAR, Period, calendar_period, touched_periods

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


def case(go_live: date | None = None, **more: object) -> UseCase:
    return UseCase.model_validate(
        {"id": "q", "name": "Q", "pack": "quotes", "go_live": go_live, **more}
    )


def of(use_case: UseCase, day: date, today: date = date(2026, 6, 1)) -> dict[str, Period]:
    return {period.name: period for period in touched_periods([use_case], [day], today)}


@pytest.mark.parametrize(
    ("name", "day", "first", "last"),
    [
        ("week", date(2026, 12, 31), date(2026, 12, 28), date(2027, 1, 3)),  # ISO week 53
        ("week", date(2027, 1, 3), date(2026, 12, 28), date(2027, 1, 3)),
        ("week", date(2027, 1, 4), date(2027, 1, 4), date(2027, 1, 10)),
        ("month", date(2028, 2, 29), date(2028, 2, 1), date(2028, 2, 29)),  # a leap day
        ("month", date(2026, 2, 1), date(2026, 2, 1), date(2026, 2, 28)),
        ("month", date(2026, 12, 31), date(2026, 12, 1), date(2026, 12, 31)),
        ("quarter", date(2026, 5, 31), date(2026, 4, 1), date(2026, 6, 30)),
        ("quarter", date(2026, 12, 31), date(2026, 10, 1), date(2026, 12, 31)),
        ("year", date(2028, 2, 29), date(2028, 1, 1), date(2028, 12, 31)),
    ],
)
def test_a_day_lies_in_this_period(name: str, day: date, first: date, last: date) -> None:
    assert calendar_period(name, day) == (first, last)


@given(DAYS, st.sampled_from(CALENDAR))
def test_periods_of_one_name_follow_each_other_without_gap_or_overlap(day: date, name: str) -> None:
    first, last = calendar_period(name, day)
    assert first <= day <= last
    assert calendar_period(name, first) == calendar_period(name, last) == (first, last)
    assert calendar_period(name, last + timedelta(days=1))[0] == last + timedelta(days=1)


@given(DAYS, st.none() | st.dates(date(2025, 1, 1), date(2027, 1, 1)))
def test_no_period_holds_a_day_of_the_settling_week_or_both_sides_of_go_live(
    day: date, go_live: date | None
) -> None:
    for period in touched_periods([case(go_live)], [day], date(2027, 3, 1)):
        assert period.first <= period.last
        if go_live is not None:
            before = period.last < go_live
            after = period.first >= go_live + timedelta(days=7)
            assert before or after


def test_a_month_that_holds_go_live_has_the_days_after_settling() -> None:
    found = of(case(date(2026, 3, 10)), date(2026, 3, 20))
    assert (found["month"].first, found["month"].last) == (date(2026, 3, 17), date(2026, 3, 31))
    assert found["month"].start == date(2026, 3, 1)


def test_a_week_without_a_day_outside_settling_is_no_period() -> None:
    assert "week" not in of(case(date(2026, 3, 9)), date(2026, 3, 11))


@pytest.mark.parametrize("day", [date(2026, 5, 4), date(2026, 5, 31)])
def test_the_rolling_window_is_the_28_days_before_today(day: date) -> None:
    rolling = of(case(), day)["rolling_28d"]
    assert (rolling.start, rolling.last) == (date(2026, 5, 4), date(2026, 5, 31))


@pytest.mark.parametrize("day", [date(2026, 5, 3), date(2026, 6, 1)])
def test_a_day_outside_the_rolling_window_does_not_touch_it(day: date) -> None:
    assert "rolling_28d" not in of(case(), day)


def test_since_go_live_begins_after_settling_and_is_named_by_go_live() -> None:
    since = of(case(date(2026, 3, 10)), date(2026, 5, 1))["since_go_live"]
    assert (since.start, since.first) == (date(2026, 3, 10), date(2026, 3, 17))
    assert since.last == date(2026, 6, 1)
    assert "since_go_live" not in of(case(date(2026, 6, 10)), date(2026, 5, 1))


def test_the_baseline_window_ends_before_go_live() -> None:
    window = {"from": date(2025, 12, 1), "until": date(2026, 3, 31)}
    found = of(case(date(2026, 3, 10), baseline=window), date(2026, 5, 1))["baseline"]
    assert (found.first, found.last) == (date(2025, 12, 1), date(2026, 3, 9))
