"""The series of /metrics: exact, bounded, and the same after a restart."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.aggregating import DAY, HOUR, MINUTE, NOON, SECOND, Bench, Sent, counters, event, void

from meetlat.metrics import (
    DURATION_BUCKETS,
    LABELS_FOLDED,
    MAX_LABEL_VALUES,
    OPERATION_DURATION,
    SCORE_BUCKETS,
    TOKEN_BUCKETS,
)
from meetlat_aggregator.gauges import read_gauges
from meetlat_aggregator.live import families


def shown(bench: Bench, metric: str) -> dict[tuple[str, ...], dict[str, float]]:
    """Label values → sample suffix and `le` → value, as a scrape would see it."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for family in families(bench.live.values):
        for sample in family.samples:
            if sample.name.startswith(metric):
                labels = dict(sample.labels)
                bound = labels.pop("le", "")
                key = tuple(labels.values())
                found.setdefault(key, {})[sample.name.removeprefix(metric) + bound] = sample.value
    return found


def everything() -> list[Sent]:
    return [
        event(
            use_case="help", feature="f", operation="chat", provider="p", model="m", duration=0.3,
            first_token=0.1, input_tokens=5, output_tokens=0, cost="0.25", currency="EUR",
        ),
        event(status="error", error_type="Timeout", output_tokens=9),
        event("escalation", reason="policy"),
        event("feedback", score=3, scale_min=1, scale_max=5),
        event("usage", feature="f", count=2),
        Sent(b"bad", NOON),
    ]  # fmt: skip


def test_counters_count_calls_cost_hand_overs_uses_and_events(bench: Bench) -> None:
    one, *rest = everything()
    bench.feed(one, *rest, one.again(), void(event(id="never came")))
    live = bench.live.values
    assert counters(live, "meetlat_requests_total") == {
        ("help", "bot", "ok"): 1,
        ("", "bot", "error"): 1,
    }
    assert counters(live, "meetlat_cost_total") == {("help", "bot", "m", "EUR"): Decimal("0.25")}
    assert counters(live, "meetlat_unpriced_requests_total") == {("bot", ""): 1}
    assert counters(live, "meetlat_escalations_total") == {("", "bot", "policy"): 1}
    assert counters(live, "meetlat_feature_uses_total") == {("help", "f"): 1, ("", "f"): 2}
    assert counters(live, "meetlat_events_total") == {
        ("meetlat.interaction.v1", "counted"): 2,
        ("meetlat.interaction.v1", "duplicate"): 1,
        ("meetlat.escalation.v1", "counted"): 1,
        ("meetlat.feedback.v1", "counted"): 1,
        ("meetlat.usage.v1", "counted"): 1,
        ("meetlat.void.v1", "counted"): 1,
        ("", "dead"): 1,
    }


@pytest.mark.parametrize("bound", [0.1, 3, 30, 120])
def test_a_wait_at_a_bucket_bound_is_in_the_bucket_and_a_microsecond_more_is_not(
    bench: Bench, bound: float
) -> None:
    bench.feed(event(duration=bound), event(duration=bound + 1e-6))
    ((_, series),) = shown(bench, OPERATION_DURATION.name).items()
    place = DURATION_BUCKETS.index(bound)
    assert series[f"_bucket{float(bound)}"] == 1
    above = [*DURATION_BUCKETS, float("inf")][place + 1]
    assert series["_bucket+Inf" if above == float("inf") else f"_bucket{float(above)}"] == 2
    assert series["_count"] == 2
    assert series["_sum"] == pytest.approx(2 * bound + 1e-6, abs=1e-12)


def test_histograms_of_tokens_and_scores(bench: Bench) -> None:
    bench.feed(*everything())
    tokens = shown(bench, "gen_ai_client_token_usage")
    assert tokens["help", "bot", "chat", "p", "m", "", "input"]["_sum"] == 5
    assert tokens["help", "bot", "chat", "p", "m", "", "output"]["_bucket1.0"] == 1
    assert tokens["", "bot", "", "", "", "Timeout", "output"][f"_bucket{float(TOKEN_BUCKETS[2])}"]
    scores = shown(bench, "meetlat_feedback_score")["", "csat"]
    # 3 of 1 to 5 lies in the middle: 5.5 of 1 to 10
    assert scores["_sum"] == 5.5
    assert (scores["_bucket5.0"], scores["_bucket6.0"]) == (0, 1)
    assert len([key for key in scores if "bucket" in key]) == len(SCORE_BUCKETS) + 1
    first = shown(bench, "gen_ai_client_operation_time_to_first_chunk_seconds")
    assert first["help", "bot", "chat", "p", "m", ""]["_sum"] == 0.1


def test_cancelled_calls_are_counted_but_in_no_histogram(bench: Bench) -> None:
    bench.feed(event(status="cancelled", duration=1, first_token=1, output_tokens=4, feature="f"))
    names = {key.metric for key in bench.live.values}
    assert names == {
        "meetlat_requests_total",
        "meetlat_events_total",
        "meetlat_unpriced_requests_total",
    }


def test_after_a_restart_every_series_stands_where_it_stood(bench: Bench) -> None:
    bench.feed(*everything())
    before = dict(bench.live.values)
    assert len(before) > 15
    bench.reopen()
    assert dict(bench.live.values) == before
    bench.feed(event())
    bench.reopen()
    assert counters(bench.live.values, "meetlat_requests_total")["", "bot", "ok"] == 1


@pytest.mark.parametrize(
    ("how", "touched"),
    [
        ({"late": 60 * MINUTE}, True),
        ({"late": 60 * MINUTE + SECOND}, False),
        ({"late": SECOND, "history": True}, False),
        ({"late": 40 * DAY, "history": True}, False),
    ],
)
def test_history_and_events_over_an_hour_old_do_not_touch_them(
    bench: Bench, how: dict[str, Any], touched: bool
) -> None:
    bench.feed(
        event(duration=1, output_tokens=3, feature="f", **how),
        event("usage", feature="f", **how),
        event("escalation", **how),
        event("feedback", score=1, scale_min=1, scale_max=5, **how),
    )
    names = {key.metric for key in bench.live.values} - {"meetlat_events_total"}
    assert bool(names) == touched
    assert sum(counters(bench.live.values, "meetlat_events_total").values()) == 4


def test_a_label_takes_100_values_and_the_rest_becomes_other_and_is_counted(bench: Bench) -> None:
    assert MAX_LABEL_VALUES == 100
    bench.feed(*[event("usage", feature=f"f{n}") for n in range(60)])
    bench.feed(*[event("usage", feature=f"f{n}", count=3) for n in range(55, 120)])
    uses = counters(bench.live.values, "meetlat_feature_uses_total")
    assert len(uses) == 101
    assert uses["", "other"] == 20 * 3
    assert uses["", "f57"] == 1 + 3
    assert counters(bench.live.values, LABELS_FOLDED.name) == {("feature",): 20}
    bench.reopen()
    bench.feed(event("usage", feature="f99"), event("usage", feature="f100"))
    uses = counters(bench.live.values, "meetlat_feature_uses_total")
    assert (uses["", "f99"], uses["", "other"]) == (4, 61)
    assert counters(bench.live.values, LABELS_FOLDED.name) == {("feature",): 21}


def test_30_000_label_values_make_101_series(bench: Bench) -> None:
    one = event("usage", feature="f#", id="e#")
    bench.feed(*[replace(one, value=one.value.replace(b"#", b"%d" % n)) for n in range(30_000)])
    assert len(counters(bench.live.values, "meetlat_feature_uses_total")) == 101


def test_the_first_values_in_the_order_of_the_log_are_the_ones_shown(tmp_path: Path) -> None:
    events = [event("usage", feature=f"f{n}") for n in range(110)]
    together, apart = Bench(tmp_path / "together"), Bench(tmp_path / "apart")
    together.feed(*events)
    for first in range(0, 110, 40):
        apart.feed(*events[first : first + 40])
    assert together.live.values == apart.live.values
    assert ("", "f99") in counters(together.live.values, "meetlat_feature_uses_total")
    together.close()
    apart.close()


def test_labels_of_a_batch_that_was_rolled_back_take_no_place(bench: Bench) -> None:
    def refuse() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        bench.feed(*[event("usage", feature=f"lost{n}") for n in range(100)], before_commit=refuse)
    assert not bench.live.values
    bench.feed(event("usage", feature="kept"))
    assert ("", "kept") in counters(bench.live.values, "meetlat_feature_uses_total")
    bench.reopen()
    assert counters(bench.live.values, LABELS_FOLDED.name) == {}


def test_no_series_names_a_person_session_or_case(bench: Bench) -> None:
    secret = {"user": "u_" + "5" * 32, "session": "s-secret", "case": "c-secret"}
    bench.feed(
        event(**secret, feature="f", duration=1, output_tokens=1),
        event("escalation", **secret),
        event("feedback", **secret, score=1, scale_min=1, scale_max=5),
        event("usage", **secret, feature="f"),
        event("task", **secret),
        event("probe", **secret),
    )
    text = repr(bench.live.values) + repr(read_gauges(bench.con, HOUR, 1))
    assert not any(value in text for value in secret.values())


# --- gauges


def gauges(bench: Bench, name: str, at: Any = HOUR, limit: int = 5) -> dict[tuple[str, ...], float]:
    return dict(read_gauges(bench.con, at, limit)[name])


def test_active_people_below_the_privacy_limit_are_not_shown(bench: Bench) -> None:
    def people(number: int, use_case: str, **more: Any) -> list[Sent]:
        users = [f"u_{n:032x}" for n in range(number)]
        return [event(use_case=use_case, user=user, **more) for user in users]

    bench.feed(*people(4, "few"), *people(5, "many"), *people(6, "old", time=NOON - 3 * DAY))
    assert gauges(bench, "meetlat_active_users", HOUR + MINUTE) == {
        ("many", "day"): 5,
        ("many", "week"): 5,
        ("old", "week"): 6,
    }
    assert gauges(bench, "meetlat_active_users", HOUR + MINUTE, limit=6) == {("old", "week"): 6}


def test_regular_people_had_three_uses_in_the_last_full_week(bench: Bench) -> None:
    sunday = NOON.replace(hour=23) - 3 * DAY
    uses = [
        event(user=f"u_{user:032x}", session=f"{user}/{n}", time=sunday - n * DAY)
        for user in range(6)
        for n in range(3 if user < 5 else 2)
    ]
    bench.feed(*uses)
    found = gauges(bench, "meetlat_active_users", HOUR + MINUTE)
    assert found["", "regular"] == 5
    assert ("", "regular") not in gauges(bench, "meetlat_active_users", HOUR + 7 * DAY)


def test_availability_leaves_maintenance_out_and_has_no_value_without_probes(bench: Bench) -> None:
    assert gauges(bench, "meetlat_availability_ratio") == {}
    bench.feed(
        event("probe", success=True, interval=90),
        event("probe", success=False, interval=10),
        event("probe", success=False, interval=500, maintenance=True),
        event("probe", success=False),
        event("probe", success=False, interval=100, time=NOON - 3 * DAY),
        event("probe", tool="other", success=False, interval=1, maintenance=True),
    )
    assert gauges(bench, "meetlat_availability_ratio", HOUR + MINUTE) == pytest.approx(
        {("bot", "1h"): 0.9, ("bot", "1d"): 0.9, ("bot", "7d"): 0.45, ("bot", "30d"): 0.45}
    )


def test_the_last_probe_from_each_place_is_shown(bench: Bench) -> None:
    bench.feed(
        event("probe", success=False, duration=2.5, location="home", time=NOON + MINUTE),
        event("probe", success=True, duration=9, location="home"),
        event("probe", success=True),
    )
    assert gauges(bench, "meetlat_probe_success") == {("bot", "home"): 0, ("bot", ""): 1}
    assert gauges(bench, "meetlat_probe_duration_seconds") == {("bot", "home"): 2.5}


def test_what_senders_dropped_is_their_total_over_restarts(bench: Bench) -> None:
    bench.feed(
        event("sdk_report", source="/app", dropped={"queue_full": 5}),
        event("sdk_report", source="/app", dropped={"queue_full": 9}, time=NOON + MINUTE),
        event("sdk_report", source="/app", dropped={"queue_full": 2}, started=NOON + MINUTE),
        event("collector_report", source="/gate", refused={"data.tool": 3}),
    )
    assert gauges(bench, "meetlat_sdk_dropped_total") == {
        ("/app", "dropped:queue_full"): 11,
        ("/gate", "refused:data.tool"): 3,
    }
