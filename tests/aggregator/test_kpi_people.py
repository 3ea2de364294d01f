"""The people side, for the works council, against numbers computed by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from support.kpi_inputs import Inputs
from support.kpi_rows import mean_and_deviation, measure, parts_of

TUESDAY, WEDNESDAY = date(2026, 3, 3), date(2026, 3, 4)


def company() -> Inputs:
    """Two teams of the use case, one of which grew on Wednesday, and a third team elsewhere."""
    inputs = Inputs()
    inputs.add(
        "plan_people",
        {"team": "north", "people": 10, "until": WEDNESDAY},
        {"team": "north", "people": 16, "since": WEDNESDAY},
        {"team": "south", "people": 30},
        {"team": "elsewhere", "people": 44},
    )
    inputs.add("plan_use_case_teams", {"team": "north"}, {"team": "south"}, use_case="quotes")
    return inputs


# --- trained_share


def test_trained_share_is_of_the_people_in_the_team_on_that_day() -> None:
    inputs = company()
    measure(inputs, "trained_people", 5, day=TUESDAY, team="north")
    measure(inputs, "trained_people", 12, day=WEDNESDAY, team="north")
    assert inputs.value("trained_share", day=TUESDAY) == 5 / 10
    assert inputs.value("trained_share", day=WEDNESDAY) == 12 / 16
    assert inputs.value("trained_share") == 17 / 26


def test_a_report_without_a_team_is_of_all_teams_of_the_use_case() -> None:
    inputs = company()
    measure(inputs, "trained_people", 23)
    measure(inputs, "trained_people", 45, use_case="")
    assert inputs.value("trained_share", use_case="quotes") == 23 / 46
    assert inputs.value("trained_share", use_case="") == 45 / 90


def test_reports_of_one_day_are_a_level_and_not_added_up() -> None:
    inputs = company()
    measure(inputs, "trained_people", 12, 14, team="south")
    measure(inputs, "trained_people", 16, team="south", tool="other", period="2026-03")
    assert inputs.value("trained_share") == pytest.approx((12 + 14 + 16) / 3 / 30)


def test_trained_share_is_unknown_without_a_head_count() -> None:
    inputs = company()
    assert inputs.value("trained_share") is None
    measure(inputs, "trained_people", 3, team="unheard of")
    measure(inputs, "trained_people", 3, team="(small)")
    assert inputs.parts("trained_share") == []
    inputs.add("plan_use_case_teams", {"use_case": "quotes", "team": "unheard of"})
    measure(inputs, "trained_people", 20)
    assert inputs.parts("trained_share") == []


def test_a_team_of_nobody_has_no_share() -> None:
    inputs = Inputs()
    inputs.add("plan_people", {"team": "north", "people": 0})
    measure(inputs, "trained_people", 0, team="north")
    assert inputs.parts("trained_share") == []


def test_nobody_trained_is_zero_when_it_is_reported() -> None:
    inputs = company()
    measure(inputs, "trained_people", 0, team="south")
    assert inputs.value("trained_share") == 0


# --- training_hours and hours_redeployed


@pytest.mark.parametrize("name", ["training_hours", "hours_redeployed"])
def test_hours_are_added_up_by_team_and_day(name: str) -> None:
    inputs = Inputs()
    assert inputs.value(name) is None
    measure(inputs, name, 8, 2.5, day=TUESDAY, team="north")
    measure(inputs, name, 4, team="south", segment="sales")
    measure(inputs, "idea", 99)
    assert inputs.value(name) == 14.5
    assert inputs.value(name, team="north") == 10.5
    assert sum(row["n"] for row in inputs.parts(name)) == 3


@pytest.mark.parametrize("name", ["training_hours", "hours_redeployed"])
def test_a_correction_below_zero_is_taken_off(name: str) -> None:
    inputs = Inputs()
    measure(inputs, name, 8)
    measure(inputs, name, -8, day=TUESDAY)
    assert inputs.value(name) == 0


# --- headcount


def test_head_count_is_the_mean_of_its_reports() -> None:
    inputs = Inputs()
    assert inputs.value("headcount") is None
    reports = np.array([40.0, 42, 41, 39])
    measure(inputs, "headcount", *reports[:2], day=TUESDAY)
    measure(inputs, "headcount", *reports[2:])
    assert mean_and_deviation(inputs.parts("headcount")) == (
        reports.mean(),
        pytest.approx(reports.std(ddof=1)),
        4,
    )


def test_teams_are_parts_of_the_head_count_and_do_not_lower_its_mean() -> None:
    inputs = Inputs()
    measure(inputs, "headcount", 40)
    measure(inputs, "headcount", 25, team="north")
    measure(inputs, "headcount", 15, team="south")
    assert parts_of(inputs.parts("headcount")) == {"", "north", "south"}
    assert inputs.value("headcount") == 40
    assert inputs.value("headcount", "north") == 25
