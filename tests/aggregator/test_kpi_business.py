"""Complaints, repair cost and customer rating: quality as customers notice it."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from support.kpi_inputs import Inputs, Row
from support.kpi_rows import feedback, mean_and_deviation, measure, parts_of, tasks_daily

TUESDAY, WEDNESDAY = date(2026, 3, 3), date(2026, 3, 4)


def per_hundred(rows: list[Row]) -> float | None:
    """Known totals / n, times 100. Nothing known, or no n: unknown."""
    rows = [row for row in rows if row.get("part", "") == ""]
    known = [row["total"] for row in rows if row["total"] is not None]
    n = sum(row["n"] for row in rows)
    return 100 * sum(known) / n if known and n else None


def test_complaints_per_hundred_finished_tasks() -> None:
    inputs = Inputs()
    measure(inputs, "complaint", 2, 1, day=TUESDAY, team="north", segment="web")
    measure(inputs, "complaint", 4, day=WEDNESDAY)
    tasks_daily(inputs, [{}] * 90, day=TUESDAY, team="north", segment="standard")
    tasks_daily(inputs, [{}] * 50, day=WEDNESDAY, team="south", segment="complex")
    # What is not a finished task, or not a complaint, does not count.
    tasks_daily(inputs, [{}] * 1000, state="open")
    tasks_daily(inputs, [{}] * 1000, step="calculation")
    measure(inputs, "idea", 77)
    assert per_hundred(inputs.parts("complaints")) == pytest.approx(100 * 7 / 140)


def test_complaints_are_of_the_whole_use_case_because_few_name_a_team() -> None:
    inputs = Inputs()
    measure(inputs, "complaint", 3)
    tasks_daily(inputs, [{}] * 10, team="north", segment="standard")
    rows = inputs.parts("complaints")
    assert {(row["team"], row["segment"]) for row in rows} == {("", "")}


def test_complaints_of_use_cases_stay_apart() -> None:
    inputs = Inputs()
    measure(inputs, "complaint", 3, use_case="service")
    tasks_daily(inputs, [{}] * 10, use_case="service")
    tasks_daily(inputs, [{}] * 10, use_case="quotes")
    rows = inputs.parts("complaints")
    assert per_hundred([row for row in rows if row["use_case"] == "service"]) == 30
    assert per_hundred([row for row in rows if row["use_case"] == "quotes"]) is None


@pytest.mark.parametrize("kpi", ["complaints", "repair_cost"])
def test_nothing_reported_is_unknown_and_a_reported_zero_is_zero(kpi: str) -> None:
    name = {"complaints": "complaint", "repair_cost": "repair_cost"}[kpi]
    inputs = Inputs()
    assert inputs.parts(kpi) == []
    tasks_daily(inputs, [{}] * 40)
    assert per_hundred(inputs.parts(kpi)) is None
    measure(inputs, name, 0, unit="EUR")
    assert per_hundred(inputs.parts(kpi)) == 0


@pytest.mark.parametrize("kpi", ["complaints", "repair_cost"])
def test_without_tasks_there_is_no_rate(kpi: str) -> None:
    name = {"complaints": "complaint", "repair_cost": "repair_cost"}[kpi]
    inputs = Inputs()
    measure(inputs, name, 5, unit="EUR")
    assert per_hundred(inputs.parts(kpi)) is None
    assert inputs.value(kpi) is None


def test_repair_cost_is_in_the_companys_money_at_the_rate_of_its_day() -> None:
    inputs = Inputs(currency="EUR")
    inputs.add("plan_rates", {"until": WEDNESDAY, "rate": 0.9}, currency="USD")
    inputs.add("plan_rates", {"since": WEDNESDAY, "rate": 0.8}, currency="USD")
    measure(inputs, "repair_cost", 100, 20, day=TUESDAY, unit="USD")
    measure(inputs, "repair_cost", 50, day=WEDNESDAY, unit="USD")
    measure(inputs, "repair_cost", 12, day=WEDNESDAY, unit="EUR")
    tasks_daily(inputs, [{}] * 30)
    expected = 100 * (120 * 0.9 + 50 * 0.8 + 12) / 30
    assert per_hundred(inputs.parts("repair_cost")) == pytest.approx(expected)


def test_repair_cost_without_a_rate_is_unknown_not_zero() -> None:
    inputs = Inputs(currency="EUR")
    measure(inputs, "repair_cost", 100, unit="JPY")
    tasks_daily(inputs, [{}] * 30)
    assert per_hundred(inputs.parts("repair_cost")) is None


def test_amounts_of_repair_cost_without_a_rate_are_counted() -> None:
    inputs = Inputs(currency="EUR")
    measure(inputs, "repair_cost", 100, 7, day=TUESDAY, unit="JPY")
    measure(inputs, "repair_cost", 3, day=WEDNESDAY, unit="")
    measure(inputs, "repair_cost", 3, unit="EUR")
    left_out = [row for row in inputs.parts("repair_cost") if row["part"] == "unconverted"]
    assert [(row["total"], row["n"]) for row in left_out] == [(2, 2), (1, 1)]


def test_customer_rating_is_the_mean_on_one_to_ten() -> None:
    inputs = Inputs()
    ten, five = [7, 8, 10, 3], [1, 4, 5]
    feedback(inputs, "customer", ten[:2], day=TUESDAY)
    feedback(inputs, "customer", ten[2:], day=WEDNESDAY)
    feedback(inputs, "customer", five, scale=(1, 5))
    feedback(inputs, "csat", [1, 1, 1])
    inputs.add("feedback_daily", {"kind": "customer", "events": 9, "asked": 9})
    on_ten = np.array([*ten, *(1 + 9 * (score - 1) / 4 for score in five)])
    rows = inputs.parts("customer_rating")
    assert mean_and_deviation(rows) == (
        pytest.approx(on_ten.mean()),
        pytest.approx(on_ten.std(ddof=1)),
        7,
    )


def test_the_scales_that_were_used_stand_beside_the_rating() -> None:
    inputs = Inputs()
    feedback(inputs, "customer", [7, 9])
    feedback(inputs, "customer", [0, 1, 1], scale=(0, 1))
    rows = inputs.parts("customer_rating")
    assert parts_of(rows) == {"", "1-10", "0-1"}
    assert inputs.value("customer_rating", "1-10") == pytest.approx(8)
    assert inputs.value("customer_rating", "0-1") == pytest.approx((1 + 10 + 10) / 3)


def test_identical_ratings_have_no_spread_and_none_has_no_value() -> None:
    inputs = Inputs()
    assert inputs.value("customer_rating") is None
    feedback(inputs, "customer", [4, 4, 4, 4], scale=(1, 5))
    mean, deviation, n = mean_and_deviation(inputs.parts("customer_rating"))
    assert (mean, deviation, n) == (pytest.approx(7.75), pytest.approx(0, abs=1e-6), 4)


def test_one_rating_is_its_own_mean() -> None:
    inputs = Inputs()
    feedback(inputs, "customer", [6])
    (row,) = (row for row in inputs.parts("customer_rating") if row["part"] == "")
    assert (row["total"], row["squares"], row["n"]) == (6, 36, 1)
