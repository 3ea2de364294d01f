"""Technical KPIs against numbers made by hand, and by numpy from single observations."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from support.aggregating import Bench, event
from support.kpi_inputs import HOUR, Inputs, bucket_of, select

from meetlat.kpis.catalogue import catalogue

DAY = timedelta(days=1)
HOURS_LATER = HOUR + timedelta(hours=1)
SQL_KPIS = [name for name, kpi in catalogue().items() if kpi.level == 1 and kpi.sql]


@pytest.fixture
def inputs() -> Inputs:
    return Inputs()


@pytest.mark.parametrize("kpi", SQL_KPIS)
def test_without_rows_a_technical_kpi_is_unknown(inputs: Inputs, kpi: str) -> None:
    assert inputs.parts(kpi) == []
    assert inputs.value(kpi) is None


def waits(inputs: Inputs, seconds: list[float], **columns: object) -> None:
    for wait in seconds:
        inputs.add("duration_histogram", bucket=bucket_of(wait), count=1, **columns)


@pytest.mark.parametrize(
    ("kpi", "measure"), [("response_time_p95", "duration"), ("first_token_p95", "first_token")]
)
def test_the_95th_percentile_of_waits_is_within_one_percent(
    inputs: Inputs, kpi: str, measure: str
) -> None:
    seconds = np.random.default_rng(7).lognormal(0, 1, 300).tolist()
    waits(inputs, seconds, measure=measure)
    waits(inputs, [500.0] * 90, measure=measure, status="cancelled")
    exact = np.quantile(seconds, 0.95, method="inverted_cdf")
    assert inputs.value(kpi) == pytest.approx(exact, rel=0.01)


def test_response_time_counts_timeouts_and_leaves_errors_and_first_words_out(
    inputs: Inputs,
) -> None:
    waits(inputs, [1.0] * 94)
    waits(inputs, [60.0] * 6, status="timeout")
    waits(inputs, [0.01] * 500, status="error")
    waits(inputs, [0.01] * 500, measure="first_token")
    assert inputs.value("response_time_p95") == pytest.approx(60, rel=0.01)


def test_waits_of_zero_seconds_and_one_wait_alone_have_a_percentile(inputs: Inputs) -> None:
    waits(inputs, [0.0], measure="first_token")
    assert inputs.value("first_token_p95") == 0
    waits(inputs, [2.0])
    assert inputs.value("response_time_p95") == pytest.approx(2, rel=0.01)


def test_answered_on_time_is_of_all_calls_that_nobody_cancelled(inputs: Inputs) -> None:
    inputs.add("interactions_hourly", {"requests": 10, "on_time": 8})
    inputs.add("interactions_hourly", {"requests": 6}, status="error")
    inputs.add("interactions_hourly", {"requests": 100}, status="cancelled")
    assert inputs.value("response_on_time") == 0.5


def test_the_limit_in_force_on_the_day_judges_and_one_for_the_operation_goes_first(
    inputs: Inputs,
) -> None:
    change = (HOUR + DAY).date()
    inputs.add("plan_limits", use_case="quotes", until=change, seconds=5.0)
    inputs.add("plan_limits", use_case="quotes", since=change, seconds=1.0)
    inputs.add("plan_limits", use_case="quotes", operation="generate", seconds=20.0)
    for hour in (HOUR, HOUR + DAY):
        for operation in ("chat", "generate"):
            where = {"hour": hour, "operation": operation}
            inputs.add("interactions_hourly", requests=4, on_time=4, **where)
            waits(inputs, [0.0, 0.5, 4.0, 12.0], **where)
            waits(inputs, [0.1], status="error", **where)
            waits(inputs, [0.1], measure="first_token", **where)
    rows = inputs.parts("response_on_time")
    # chat: 3 of 4 within 5 s, then 2 of 4 within 1 s; generate: 4 of 4 within 20 s, both days.
    assert [(row["hour"], row["hits"], row["n"]) for row in rows] == [
        (HOUR, 7, 8),
        (HOUR + DAY, 6, 8),
    ]


def test_a_limit_of_another_use_case_or_of_later_leaves_the_own_judgement(inputs: Inputs) -> None:
    inputs.add("plan_limits", use_case="hr", seconds=0.001)
    inputs.add("plan_limits", use_case="quotes", since=(HOUR + DAY).date(), seconds=0.001)
    inputs.add("interactions_hourly", requests=4, on_time=3)
    waits(inputs, [1.0, 2.0, 3.0, 40.0])
    assert inputs.value("response_on_time") == 0.75


REVIEWS = {
    "accuracy": ("correct", "correct_count"),
    "language_quality": ("language_correct", "language_count"),
    "first_time_right": ("first_time_right", "first_time_right_count"),
}


@pytest.mark.parametrize("kpi", REVIEWS)
def test_reviews_stand_for_as_many_outputs_as_they_were_drawn_from(
    inputs: Inputs, kpi: str
) -> None:
    good, count = REVIEWS[kpi]
    drawn = {"sampled": "true"}
    inputs.add("reviews_daily", {"sampling_rate": 0.1, good: 9, count: 10}, **drawn)
    inputs.add("reviews_daily", {"sampling_rate": 0.5, good: 10, count: 20}, **drawn)
    inputs.add("reviews_daily", {"sampling_rate": 1, good: 0, count: 0, "reviews": 9}, **drawn)
    inputs.add("reviews_daily", {"sampling_rate": 0, good: 70, count: 70}, **drawn)
    inputs.add("reviews_daily", {"sampling_rate": 0.5, good: 70, count: 70}, sampled="false")
    inputs.add("reviews_daily", {"sampling_rate": 0.5, good: 70, count: 70}, sampled="")
    (row,) = select(inputs.parts(kpi))
    assert row["hits"] == pytest.approx(9 / 0.1 + 10 / 0.5)
    assert row["weight"] == pytest.approx(10 / 0.1 + 20 / 0.5)
    assert row["weight_squares"] == pytest.approx(10 / 0.01 + 20 / 0.25)
    assert row["n"] == 30
    assert inputs.value(kpi) == pytest.approx(110 / 140)


@pytest.mark.parametrize("kpi", REVIEWS)
def test_reviews_that_judge_something_else_say_nothing(inputs: Inputs, kpi: str) -> None:
    inputs.add("reviews_daily", sampled="true", sampling_rate=0.1, reviews=10)
    assert inputs.parts(kpi) == []


def test_first_time_right_is_of_reviews_or_of_tasks_with_ai(inputs: Inputs) -> None:
    inputs.add(
        "tasks_daily", {"tasks": 9, "without_revision": 2, "revisions_count": 8}, assisted="true"
    )
    never = {"tasks": 50, "without_revision": 50, "revisions_count": 50}
    inputs.add("tasks_daily", never, assisted="false")
    inputs.add("tasks_daily", never, assisted="true", state="open")
    inputs.add("tasks_daily", never, assisted="true", step="draft")
    inputs.add("tasks_daily", {"tasks": 50}, assisted="true")  # revisions unknown
    inputs.add(
        "reviews_daily", sampled="true", sampling_rate=0.5, first_time_right=3,
        first_time_right_count=4, team="elsewhere",
    )  # fmt: skip
    assert inputs.value("first_time_right", "reviews") == 0.75
    assert inputs.value("first_time_right", "tasks") == 0.25


MINUTE_US = 60_000_000


def probes(inputs: Inputs, good: int, bad: int, **columns: object) -> None:
    """Probes, each for one minute."""
    for count, failed in ((good, 0), (bad, 1)):
        if count:
            inputs.add(
                "probes_hourly", probes=count, successes=count * (1 - failed),
                failures=count * failed, covered=count * MINUTE_US, interval_count=count,
                downtime=count * failed * MINUTE_US, error_type="refused" if failed else "",
                **columns,
            )  # fmt: skip


def test_availability_is_the_covered_time_without_downtime(inputs: Inputs) -> None:
    probes(inputs, 57, 3)
    probes(inputs, 60, 0, hour=HOURS_LATER)
    probes(inputs, 0, 60, maintenance="true", hour=HOURS_LATER)
    rows = select(inputs.parts("availability"))
    assert sum(row["weight"] for row in rows) == 7200
    assert sum(row["n"] for row in rows) == 120
    # With equal intervals the effective n is the number of probes.
    squares = sum(row["weight_squares"] for row in rows)
    assert 7200**2 / squares == pytest.approx(120)
    assert inputs.value("availability") == pytest.approx(1 - 3 / 120)
    assert inputs.value("downtime") == pytest.approx(3)


def test_probes_that_name_no_interval_or_only_maintenance_leave_availability_unknown(
    inputs: Inputs,
) -> None:
    inputs.add("probes_hourly", probes=50, successes=50)
    probes(inputs, 50, 10, maintenance="true")
    assert inputs.value("availability") is None
    assert inputs.value("downtime") is None


def test_a_tool_is_down_when_most_places_fail(inputs: Inputs) -> None:
    probes(inputs, 50, 10, location="ams")
    probes(inputs, 48, 12, location="par")
    probes(inputs, 0, 60, location="nyc")  # its own line is cut
    assert inputs.value("downtime") == pytest.approx(12)
    assert inputs.value("availability") == pytest.approx(0.8)


def test_of_two_places_both_have_to_fail(inputs: Inputs) -> None:
    probes(inputs, 60, 0, location="ams")
    probes(inputs, 30, 30, location="par")
    assert inputs.value("downtime") == 0
    assert inputs.value("availability") == 1


def test_the_worst_check_of_a_tool_counts_and_tools_add_up(inputs: Inputs) -> None:
    probes(inputs, 60, 0, check="ping")
    probes(inputs, 54, 6, check="answer")
    probes(inputs, 30, 0, tool="writer")
    assert inputs.value("downtime", "bot") == pytest.approx(6)
    assert inputs.value("downtime", "writer") == 0
    assert inputs.value("downtime") == pytest.approx(6)
    assert inputs.value("availability", "bot") == pytest.approx(0.9)
    assert inputs.value("availability") == pytest.approx(84 / 90)


def test_availability_wants_598_probes_to_be_proven() -> None:
    kpi = catalogue()["availability"]
    # The fewest without a failure that rule out less than 99.5 % at 95 % confidence.
    assert 0.995**kpi.minimum <= 0.05 < 0.995 ** (kpi.minimum - 1)


def test_failed_calls_are_errors_and_timeouts(inputs: Inputs) -> None:
    for status, requests in (("ok", 90), ("error", 6), ("timeout", 4), ("cancelled", 900)):
        inputs.add("interactions_hourly", requests=requests, status=status)
    assert inputs.value("error_rate") == 0.1


def test_only_cancelled_calls_are_no_calls(inputs: Inputs) -> None:
    inputs.add(
        "interactions_hourly", requests=5, status="cancelled", usage_requests=5, input_tokens=9,
        priced_requests=5, cost=1, currency="EUR",
    )  # fmt: skip
    for kpi in ("error_rate", "response_on_time", "tokens_per_request", "cost_per_request"):
        assert inputs.parts(kpi) == []


def test_cost_per_request_is_in_company_money_at_the_rate_of_the_day(inputs: Inputs) -> None:
    inputs.add("plan_rates", currency="USD", until=date(2026, 3, 5), rate=0.9)
    inputs.add("plan_rates", currency="USD", since=date(2026, 3, 5), rate=0.8)
    inputs.add("interactions_hourly", currency="EUR", cost=1, priced_requests=2, requests=9)
    inputs.add("interactions_hourly", currency="USD", cost=10, priced_requests=4)
    inputs.add("interactions_hourly", currency="USD", cost=10, priced_requests=4, hour=HOUR + DAY)
    inputs.add("interactions_hourly", currency="GBP", cost=99, priced_requests=1)  # no rate
    inputs.add("interactions_hourly", requests=7, unpriced_requests=7)
    assert inputs.value("cost_per_request") == pytest.approx((1 + 9 + 8) / 10)
    (left_out,) = select(inputs.parts("cost_per_request"), part="unconverted")
    assert (left_out["total"], left_out["n"]) == (1, 1)


def test_calls_that_cost_nothing_have_a_price(inputs: Inputs) -> None:
    inputs.add("interactions_hourly", currency="EUR", cost=0, priced_requests=3)
    assert inputs.value("cost_per_request") == 0


def test_tokens_per_request_adds_all_four_kinds_and_reasoning_once(inputs: Inputs) -> None:
    inputs.add(
        "interactions_hourly", requests=9, usage_requests=4, input_tokens=100, cache_read_tokens=20,
        cache_write_tokens=30, output_tokens=50, reasoning_tokens=40,
    )  # fmt: skip
    inputs.add("interactions_hourly", requests=9)
    assert inputs.value("tokens_per_request") == 50


def test_unpriced_calls_are_a_share_of_those_with_usage(inputs: Inputs) -> None:
    inputs.add("interactions_hourly", requests=90, usage_requests=40, unpriced_requests=10)
    inputs.add("interactions_hourly", requests=90)
    assert inputs.value("unpriced_share") == 0.25
    assert select(inputs.parts("unpriced_share"))[0]["n"] == 40


def test_controls_passed_are_a_share_of_those_due_on_whatever_day_they_are_told(
    inputs: Inputs,
) -> None:
    tomorrow = (HOUR + DAY).date()
    inputs.add("measurements_daily", name="control_due", count=1, value_sum=20)
    inputs.add("measurements_daily", name="control_passed", count=9, value_sum=19, day=tomorrow)
    inputs.add("measurements_daily", name="complaint", count=1, value_sum=500)
    assert inputs.value("controls_passed") == 0.95
    assert inputs.value("controls_passed", day=tomorrow) is None


def test_events_outside_production_are_in_no_technical_kpi(bench: Bench) -> None:
    for _ in range(3):
        bench.feed(event(status="ok", duration=1.0), event(status="error", duration=1.0))
        bench.feed(event(status="error", duration=9.0, environment="staging"))
    with bench.published() as con:
        rows = con.execute(catalogue()["error_rate"].sql).fetchall()
    assert [row[-2:] for row in rows] == [(3, 6)]
