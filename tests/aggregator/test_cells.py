"""Every additive table by numbers made by hand: sums, counts, squares, decimals to the nano."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.aggregating import HOUR, MINUTE, NOON, Bench, event

from meetlat_aggregator.tables import CELLS

DIMENSIONS: dict[str, dict[str, Any]] = {
    # event type → data that fills every dimension of its cell
    "interaction": {
        "use_case": "help", "feature": "f", "team": "t", "segment": "s", "provider": "p",
        "model": "m", "operation": "chat", "prompt_version": "3", "error_type": "e",
        "cost": "1", "currency": "EUR", "duration": 1,
    },
    "escalation": {"use_case": "help", "feature": "f", "team": "t", "segment": "s",
                   "reason": "policy", "to": "desk"},
    "usage": {"use_case": "help", "feature": "f", "team": "t", "segment": "s", "action": "copied",
              "template": "letter"},
    "feedback": {"use_case": "help", "tool": "bot", "feature": "f", "team": "t", "segment": "s",
                 "by": "bot", "assisted": False, "question": "q", "score": 1, "scale_min": 1,
                 "scale_max": 5},
    "review": {"use_case": "help", "tool": "bot", "feature": "f", "team": "t", "segment": "s",
               "prompt_version": "3", "sampled": True, "sampling_rate": 0.05, "stratum": "x"},
    "probe": {"use_case": "help", "check": "login", "location": "home", "maintenance": True,
              "error_type": "dns"},
    "measurement": {"use_case": "help", "tool": "bot", "team": "t", "segment": "s", "unit": "EUR",
                    "period": "2026-03"},
    "selection_counts": {"use_case": "help", "tool": "bot", "team": "t", "segment": "s",
                         "assisted": True, "period": "2026-03"},
    "support_request": {"use_case": "help", "tool": "bot", "feature": "f", "team": "t",
                        "segment": "s", "topic": "login"},
}  # fmt: skip


def exact(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Decimals as plain text, so that 1.50 and 1.5 are told apart from 1.4999."""
    return tuple(str(value.normalize()) if isinstance(value, Decimal) else value for value in row)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_a_dimension_that_is_said_is_kept_and_an_absent_one_is_empty_never_null(
    bench: Bench, cell: Any
) -> None:
    said = DIMENSIONS[cell.source]
    bench.feed(event(cell.source, **said), event(cell.source))
    names = ", ".join(f'"{name}"' for name in cell.key if name in said)
    rows = bench.rows(f"SELECT DISTINCT {names} FROM {cell.name}")
    wanted = tuple(
        Decimal(str(said[name])) if isinstance(said[name], int | float) and name != "assisted"
        and not isinstance(said[name], bool)
        else str(said[name]).lower() if isinstance(said[name], bool) else said[name]
        for name in cell.key
        if name in said
    )  # fmt: skip
    assert wanted in rows
    for name in cell.key:
        nulls = bench.rows(f'SELECT 1 FROM {cell.name} WHERE "{name}" IS NULL')
        assert nulls == [], name


def test_calls_add_up_with_counts_and_squares(bench: Bench) -> None:
    bench.feed(
        event(duration=0.25, first_token=0.1, input_tokens=100, output_tokens=20),
        event(duration=1.000001, cache_read_tokens=7, output_tokens=3, reasoning_tokens=2),
        event(output_pages=3),
    )
    columns = (
        "requests, duration_sum, duration_count, duration_squares, first_token_sum, "
        "first_token_count, first_token_squares, input_tokens, cache_read_tokens, "
        "cache_write_tokens, output_tokens, reasoning_tokens, tokens_squares, usage_requests, "
        "output_pages, output_pages_count"
    )
    assert bench.cell("interactions_hourly", columns) == (
        3, 1_250_001, 2, 250_000**2 + 1_000_001**2, 100_000, 1, 100_000**2, 100, 7, 0, 23, 2,
        120**2 + 10**2, 2, 3, 1,
    )  # fmt: skip


def test_absent_is_not_zero(bench: Bench) -> None:
    bench.feed(
        event(),
        event(duration=0, input_tokens=0, cost="0", currency="EUR", output_pages=0),
    )
    rows = bench.rows(
        "SELECT currency, requests, duration_count, usage_requests, priced_requests, "
        "output_pages_count FROM interactions_hourly ORDER BY currency"
    )
    assert rows == [("", 1, 0, 0, 0, 0), ("EUR", 1, 1, 1, 1, 1)]


def test_money_is_exact_to_the_nano(bench: Bench) -> None:
    bench.feed(*[event(cost="0.000000001", currency="EUR") for _ in range(3)])
    bench.feed(event(cost="999999.999999999", currency="EUR"))
    assert exact(bench.cell("interactions_hourly", "cost, cost_squares, priced_requests")) == (
        "1000000.000000002",
        str((3 * Decimal("1e-18") + Decimal("999999.999999999") ** 2).normalize()),
        4,
    )


def test_an_unknown_cost_adds_nothing_to_the_squares_and_a_huge_one_that_of_a_million(
    bench: Bench,
) -> None:
    bench.feed(event(), event(cost="3", currency="EUR"), event(cost="2000000", currency="USD"))
    found = bench.rows("SELECT currency, cost_squares FROM interactions_hourly ORDER BY ALL")
    assert found == [("", 0), ("EUR", 9), ("USD", 10**12)]


def test_a_call_with_tokens_and_no_cost_is_unpriced(bench: Bench) -> None:
    bench.feed(
        event(output_tokens=5),
        event(),
        event(output_tokens=5, cost="1", currency="EUR"),
    )
    total = "sum(unpriced_requests)::BIGINT, sum(priced_requests)::BIGINT"
    assert bench.row(f"SELECT {total} FROM interactions_hourly") == (1, 1)
    assert bench.row("SELECT sum(unpriced)::BIGINT FROM health_hourly") == (1,)


@pytest.mark.parametrize(
    ("data", "on_time"),
    [
        ({"duration": 3}, 1),
        ({"duration": 3.000001}, 0),
        ({"duration": 30, "operation": "generate"}, 1),
        ({"duration": 30.000001, "operation": "generate"}, 0),
        ({"duration": 1, "status": "error"}, 0),
        ({}, 0),
    ],
)
def test_on_time_is_ok_within_3_s_or_30_s_for_a_text(
    bench: Bench, data: dict[str, Any], on_time: int
) -> None:
    bench.feed(event(**data))
    assert bench.cell("interactions_hourly", "on_time") == (on_time,)


def test_an_hour_begins_at_its_first_microsecond(bench: Bench) -> None:
    hour, micro = timedelta(hours=1), timedelta(microseconds=1)
    bench.feed(event(time=NOON - micro), event(), event(time=NOON + hour - micro))
    assert bench.rows("SELECT hour, requests FROM interactions_hourly ORDER BY hour") == [
        (HOUR - hour, 1),
        (HOUR, 2),
    ]


def test_batches_of_far_apart_hours_merge_into_what_is_there(bench: Bench) -> None:
    """The merge looks only at the hours of the batch; none may fall out of that range."""
    days = [event(time=NOON - n * timedelta(days=1), history=True) for n in range(5)]
    again = [event(time=NOON - n * timedelta(days=1), history=True) for n in range(5)]
    bench.feed(*days)
    bench.feed(*again[3:], *again[:2])
    bench.feed(again[2])
    assert bench.rows("SELECT requests FROM interactions_hourly") == [(2,)] * 5


def test_escalations_and_support_requests_are_counted(bench: Bench) -> None:
    bench.feed(
        event("escalation", reason="policy"),
        event("escalation", reason="policy"),
        event("escalation", reason="error"),
        event("support_request", topic="login"),
    )
    assert bench.rows("SELECT reason, escalations FROM escalations_hourly ORDER BY 1") == [
        ("error", 1),
        ("policy", 2),
    ]
    assert bench.rows("SELECT topic, requests FROM support_hourly") == [("login", 1)]


def test_uses_say_how_many_and_default_to_one(bench: Bench) -> None:
    bench.feed(event("usage"), event("usage", count=4), event("usage", count=0))
    assert bench.cell("usage_hourly", "events, uses") == (3, 5)


def test_feedback_keeps_scales_apart_and_counts_invitations(bench: Bench) -> None:
    five = {"scale_min": 1, "scale_max": 5}
    bench.feed(
        event("feedback", score=4.5, **five),
        event("feedback", score=3, asked=True, **five),
        event("feedback", score=0.5, scale_min=0, scale_max=1),
        event("feedback", asked=True),
        event("feedback", asked=False),
    )
    rows = bench.rows(
        "SELECT scale_min, scale_max, events, asked, scores, positives, score_sum, score_squares "
        "FROM feedback_hourly ORDER BY scale_max"
    )
    assert [tuple(map(float, row)) for row in rows] == [
        (0, 0, 2, 1, 0, 0, 0, 0),
        (0, 1, 1, 0, 1, 0, 0.5, 0.25),
        (1, 5, 2, 1, 2, 1, 7.5, 29.25),
    ]


@pytest.mark.parametrize(
    ("score", "positive"), [(11 / 3 - 0.001, 0), (11 / 3 + 0.001, 1), (3.6, 0), (4, 1)]
)
def test_a_score_is_positive_from_two_thirds_of_its_scale_on(
    bench: Bench, score: float, positive: int
) -> None:
    bench.feed(event("feedback", score=score, scale_min=1, scale_max=5))
    assert bench.cell("feedback_hourly", "positives") == (positive,)


def test_reviews_count_each_field_apart(bench: Bench) -> None:
    bench.feed(
        event("review", correct=True, language_correct=False, rework=1.5, quality=7.25),
        event("review", correct=False, first_time_right=True, quality=8, correctness=6.5),
        event("review", completeness=9, customer_focus=1),
    )
    assert exact(
        bench.cell(
            "reviews_hourly",
            "reviews, correct, correct_count, language_correct, language_count, first_time_right, "
            "first_time_right_count, rework_sum, rework_count, rework_squares, quality_sum, "
            "quality_count, quality_squares, correctness_sum, correctness_count, "
            "correctness_squares, completeness_sum, customer_focus_squares",
        )
    ) == (
        3, 1, 2, 0, 1, 1, 1, 1_500_000, 1, 1_500_000**2, "15.25", 2, "116.5625", "6.5", 1, "42.25",
        "9", "1",
    )  # fmt: skip


def test_the_sampling_rate_of_reviews_is_a_dimension(bench: Bench) -> None:
    bench.feed(event("review", sampled=True, sampling_rate=0.05), event("review"))
    assert exact(
        tuple(row[0] for row in bench.rows("SELECT sampling_rate FROM reviews_hourly ORDER BY 1"))
    ) == ("0", "0.05")


def test_a_failed_probe_is_down_for_its_interval(bench: Bench) -> None:
    bench.feed(
        event("probe", success=True, interval=60, duration=0.5),
        event("probe", success=False, interval=30),
        event("probe", success=False),
    )
    assert bench.cell(
        "probes_hourly",
        "probes, successes, failures, covered, downtime, interval_count, duration_sum, "
        "duration_count, duration_squares",
    ) == (3, 1, 2, 90_000_000, 30_000_000, 2, 500_000, 1, 500_000**2)


def test_maintenance_of_probes_is_a_dimension(bench: Bench) -> None:
    bench.feed(event("probe", maintenance=True), event("probe", maintenance=False), event("probe"))
    assert bench.rows("SELECT maintenance, probes FROM probes_hourly ORDER BY 1") == [
        ("false", 2),
        ("true", 1),
    ]


def test_measurements_are_exact_decimals_also_below_zero(bench: Bench) -> None:
    bench.feed(
        event("measurement", value="0.000000001"),
        event("measurement", value="-999999999999.5"),
        event("measurement", value="12.25"),
    )
    assert exact(bench.cell("measurements_hourly", "count, value_sum, value_squares")) == (
        3,
        "-999999999987.249999999",
        str((Decimal("999999999999.5") ** 2 + Decimal("12.25") ** 2).normalize()),
    )


def test_selection_counts_add_up_per_group(bench: Bench) -> None:
    bench.feed(
        event("selection_counts", counts={"f": 3, "m": 4}),
        event("selection_counts", counts={"f": 1, "x": 0}),
    )
    rows = bench.rows('SELECT "group", events, count FROM selection_counts_hourly ORDER BY "group"')
    assert rows == [("f", 2, 4), ("m", 1, 4), ("x", 1, 0)]


def test_the_health_of_a_dead_record_is_of_no_source_in_the_hour_it_was_appended(
    bench: Bench,
) -> None:
    ahead = event(time=NOON + timedelta(hours=3), appended=NOON, source="/ahead")
    bench.feed(ahead, event(source="/good"))
    rows = bench.rows("SELECT hour, source, received, counted, dead FROM health_hourly ORDER BY 2")
    assert rows == [(HOUR, "", 1, 0, 1), (HOUR, "/good", 1, 1, 0)]


def test_what_was_received_is_the_sum_of_what_became_of_it(bench: Bench) -> None:
    one = event()
    bench.feed(one, one.again(), event(late=timedelta(days=9)), event(status="x"), event("walk"))
    found = bench.verdicts()
    assert found.pop("received") == sum(found.values()) == 5


# --- the histogram


def buckets(bench: Bench, measure: str = "duration") -> dict[int, int]:
    return dict(
        bench.rows(
            "SELECT bucket, sum(count)::BIGINT FROM duration_histogram "
            f"WHERE measure = '{measure}' GROUP BY bucket"
        )
    )


def test_zero_has_a_bucket_of_its_own_and_a_microsecond_the_next(bench: Bench) -> None:
    bench.feed(event(duration=0), event(duration=0.000_001), event(duration=0.000_000_4))
    assert buckets(bench) == {-1: 2, 0: 1}


def test_each_measure_has_its_own_buckets_and_an_absent_one_none(bench: Bench) -> None:
    bench.feed(event(duration=1, first_token=0), event())
    assert sum(buckets(bench).values()) == 1
    assert buckets(bench, "first_token") == {-1: 1}


def quantile(found: dict[int, int], share: float) -> float:
    """The value in microseconds at rank ceil(share * n), as the middle of its bucket."""
    rank = math.ceil(share * sum(found.values()))
    gamma = 1.01 / 0.99
    running = 0
    for bucket, number in sorted(found.items()):
        running += number
        if running >= rank:
            return 0.0 if bucket == -1 else 2 * gamma**bucket / (gamma + 1)
    raise AssertionError("no such rank")


DISTRIBUTIONS = {
    "log-normal": lambda random, n: random.lognormal(0.3, 1.2, n),
    "uniform": lambda random, n: random.uniform(0, 120, n),
    "exponential": lambda random, n: random.exponential(2, n),
    "two humps": lambda random, n: np.where(
        random.random(n) < 0.5, random.normal(0.4, 0.01, n), random.normal(30, 3, n)
    ).clip(0),
    "heavy tail": lambda random, n: (random.pareto(1.1, n) / 1000).clip(0, 31_622_400),
    "many zeros": lambda random, n: random.exponential(1, n) * (random.random(n) < 0.7),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_quantile_from_the_buckets_is_off_by_one_percent_at_most(name: str, seed: int) -> None:
    waits = np.round(DISTRIBUTIONS[name](np.random.default_rng(seed), 800) * 1e6)
    bench = _shared_bench()
    bench.con.execute("DELETE FROM duration_histogram")
    bench.feed(*[event(duration=wait / 1e6) for wait in waits.tolist()])
    found = buckets(bench)
    for share in (0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1):
        true = float(np.quantile(waits, share, method="inverted_cdf"))
        assert quantile(found, share) == pytest.approx(true, rel=0.01, abs=1e-9)


_kept: list[Bench] = []


def _shared_bench() -> Bench:
    """One for all examples: to make one takes longer than to fill it."""
    if not _kept:
        import tempfile
        from pathlib import Path

        _kept.append(Bench(Path(tempfile.mkdtemp(prefix="meetlat-test-"))))
    return _kept[0]


def test_a_rate_of_one_a_minute_over_a_day_is_all_there(bench: Bench) -> None:
    bench.feed(*[event(time=NOON - n * MINUTE) for n in range(24 * 60)])
    assert bench.row("SELECT count(*), sum(requests)::BIGINT FROM interactions_hourly") == (
        25,
        1440,
    )
