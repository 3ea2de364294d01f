"""From events and a plan to `kpi_values`: comparison, ranges, phases and status, on real tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.aggregating import Sent, event, person
from support.events import MINIMAL
from support.judging import GO_LIVE, NOW, Judged, at, plan_of, task, tasks, use_case

from meetlat.plan.models import Plan
from meetlat_aggregator.gauges import read_gauges
from meetlat_aggregator.kpi import engine

BEFORE, AFTER = date(2025, 10, 6), date(2026, 1, 12)
BASELINE_TOTALS = "SELECT * FROM baselines WHERE cut = 'total' AND kpi = 'lead_time'"
Make = Callable[..., Judged]


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(engine, "_REST", 0.0)
    made: list[Judged] = []

    def make(events: list[Sent], plan: Plan | None = None, privacy_limit: int = 5) -> Judged:
        company = Judged(tmp_path / str(len(made)), plan or plan_of(), privacy_limit)
        made.append(company)
        return company.feed(events).publish()

    yield make
    for company in made:
        company.close()


def calls(count: int, day: date, **more: Any) -> list[Sent]:
    said = {"tool": "writer", "duration": 1.0, "status": "ok", **more}
    return [
        event("interaction", time=at(day, 9 + i / count), history=True, appended=NOW, **said)
        for i in range(count)
    ]


def test_three_days_to_one_is_67_percent_faster(judged: Make) -> None:
    found = judged(
        tasks(60, BEFORE, 80, 72, assisted=False) + tasks(60, AFTER, 111, 24, assisted=True)
    ).value("lead_time")
    assert found["improvement"] == pytest.approx(2 / 3, abs=0.005)
    assert found["improvement_low"] < 2 / 3 < found["improvement_high"]
    assert (found["n"], found["baseline_n"]) == (60, 60)
    assert found["target_high"] == pytest.approx(found["baseline"] / 2)
    assert (found["status"], found["phase"]) == ("on target", "monthly")


def test_half_on_standard_and_a_tenth_on_complex_come_apart_and_are_weighed_by_the_current_mix(
    judged: Make,
) -> None:
    company = judged(
        tasks(50, BEFORE, 80, 10, segment="standard")
        + tasks(50, BEFORE, 80, 100, segment="complex")
        + tasks(90, AFTER, 111, 5, segment="standard")
        + tasks(30, AFTER, 111, 90, segment="complex")
    )
    standard = company.value("lead_time", segment="standard")
    complex_ = company.value("lead_time", segment="complex")
    assert standard["improvement"] == pytest.approx(0.5, abs=0.01)
    assert complex_["improvement"] == pytest.approx(0.1, abs=0.01)
    total = company.value("lead_time")
    now = 0.75 * standard["value"] + 0.25 * complex_["value"]
    base = 0.75 * standard["baseline"] + 0.25 * complex_["baseline"]
    assert total["compared_value"] == pytest.approx(now)
    assert total["baseline"] == pytest.approx(base)
    assert total["improvement"] == pytest.approx((base - now) / base)
    assert total["compared_share"] == 1


def test_more_easy_work_alone_is_no_improvement(judged: Make) -> None:
    found = judged(
        tasks(30, BEFORE, 80, 10, segment="standard")
        + tasks(90, BEFORE, 80, 100, segment="complex")
        + tasks(90, AFTER, 111, 10, segment="standard")
        + tasks(30, AFTER, 111, 100, segment="complex")
    ).value("lead_time")
    assert found["improvement"] == pytest.approx(0, abs=0.01)
    assert found["status"] == "off target"


def test_a_segment_without_a_baseline_is_left_out_and_its_share_told(judged: Make) -> None:
    found = judged(
        tasks(40, BEFORE, 80, 10, segment="standard")
        + tasks(40, AFTER, 111, 5, segment="standard")
        + tasks(10, AFTER, 111, 500, segment="tender")
    ).value("lead_time")
    assert found["improvement"] == pytest.approx(0.5, abs=0.01)
    assert found["compared_share"] == pytest.approx(0.8)
    assert "20 % has no baseline" in found["remark"]
    assert "20 % heeft geen nulmeting" in found["remark_nl"]


def test_the_settling_week_is_in_no_value(judged: Make) -> None:
    company = judged(
        tasks(40, BEFORE, 80, 10) + tasks(40, GO_LIVE, 7, 1000) + tasks(40, AFTER, 111, 5)
    )
    assert company.value("lead_time")["n"] == 40
    assert company.values("lead_time", "day", start=f"{GO_LIVE} 00:00:00") == []
    assert max(row["value"] for row in company.values("lead_time", "year")) < 11


def test_tasks_with_ai_before_go_live_are_in_no_baseline(judged: Make) -> None:
    company = judged(
        tasks(40, BEFORE, 80, 10, assisted=False)
        + tasks(20, BEFORE, 80, 99)  # does not say
        + tasks(40, BEFORE, 80, 1, assisted=True)
        + tasks(40, AFTER, 111, 5, assisted=True)
    )
    assert company.value("lead_time")["baseline_n"] == 60


def test_unfinished_tasks_count_as_not_yet(judged: Make) -> None:
    """Half of them took 5 hours and the others are still open: the median is not 5 hours."""
    company = judged(
        tasks(40, BEFORE, 80, 10)
        + tasks(40, AFTER, 111, 5)
        + [task(at(AFTER + timedelta(days=i)), None, case=f"open-{i}") for i in range(60)]
    )
    found = company.value("lead_time")
    assert found["n"] == 100
    assert found["value"] is None
    assert found["low"] is not None
    assert found["status"] == "too few"


def test_a_baseline_by_hand_wins_over_the_measured_one_and_makes_it_an_estimate(
    judged: Make,
) -> None:
    by_hand = {
        "kpi": "lead_time", "value": 20.0, "low": 16.0, "high": 24.0, "n": 50,
        "source": "order system, 2025",
    }  # fmt: skip
    found = judged(
        tasks(40, BEFORE, 80, 10) + tasks(40, AFTER, 111, 5),
        plan_of(use_case(baselines=[by_hand])),
    )
    row = found.value("lead_time")
    assert (row["baseline"], row["baseline_n"], row["basis"]) == (20, 50, "estimated")
    assert row["improvement"] == pytest.approx((20 - row["value"]) / 20)
    sources = {one["source"] for one in found.rows(BASELINE_TOTALS)}
    assert sources == {"order system, 2025"}


def test_there_is_no_percentage_below_20_a_side(judged: Make) -> None:
    events = tasks(40, AFTER, 111, 5)
    few = judged(tasks(19, BEFORE, 80, 10) + events).value("lead_time")
    enough = judged(tasks(20, BEFORE, 80, 10) + events).value("lead_time")
    assert few["improvement"] is few["improvement_low"] is None
    assert few["status"] == "too few"
    assert enough["improvement"] == pytest.approx(0.5, abs=0.02)


def test_what_a_control_team_changed_is_taken_off_and_it_is_in_no_total(judged: Make) -> None:
    plan = plan_of(use_case(control_team="south"))
    people = [  # more people than the privacy limit, so that teams are shown by name
        event("usage", time=at(day, 10), history=True, appended=NOW, tool="writer", action="opened",
              use_case="quotes", team=team, user=person(i + 100 * (team == "south")))
        for team in ("north", "south")
        for day in (BEFORE + timedelta(days=7 * week) for week in range(30))
        for i in range(6)
    ]  # fmt: skip
    company = judged(
        people
        + tasks(40, BEFORE, 80, 10, team="north") + tasks(40, AFTER, 111, 5, team="north")
        + tasks(40, BEFORE, 80, 10, team="south") + tasks(40, AFTER, 111, 8, team="south"),
        plan,
    )  # fmt: skip
    total, control = company.value("lead_time"), company.value("lead_time", team="south")
    assert total["n"] == 40
    assert control["improvement"] == pytest.approx(0.2, abs=0.01)
    assert total["control_change"] == control["improvement"]
    assert total["improvement"] == pytest.approx(0.3, abs=0.02)
    assert total["improvement_low"] < 0.3 < total["improvement_high"]


def test_what_a_plan_names_and_nobody_measured_is_unknown(judged: Make) -> None:
    plan = plan_of(use_case(kpis=[{"id": "lead_time"}, {"id": "response_on_time"}]))
    company = judged(tasks(40, AFTER, 111, 5), plan)
    for period in ("rolling_28d", "since_go_live", "month", "day"):
        row = company.values("response_on_time", period)[-1]
        assert (row["status"], row["n"], row["value"]) == ("unknown", 0, None)


@pytest.mark.parametrize("go_live", [None, GO_LIVE])
def test_a_baseline_is_told_before_anything_is_measured_that_is_compared_with_it(
    judged: Make, go_live: date | None
) -> None:
    target = {"low": 0.5, "high": 0.75, "kind": "relative"}
    plan = plan_of(use_case(go_live=go_live, kpis=[{"id": "lead_time", "target": target}]))
    company = judged(tasks(40, BEFORE, 80, 5, segment="standard"), plan)
    (base,) = company.rows("FROM baselines WHERE kpi = 'lead_time' AND cut = 'total'")
    row = company.value("lead_time", "rolling_28d")
    assert (row["status"], row["value"], row["n"]) == ("unknown", None, 0)
    assert (row["baseline"], row["baseline_n"]) == (base["value"], 40)
    assert (row["target_low"], row["target_high"]) == (
        0.25 * row["baseline"],
        0.5 * row["baseline"],
    )
    assert (row["improvement"], row["compared_value"], row["basis"]) == (None, None, "measured")


def test_what_nobody_reported_is_unknown_and_not_too_few(judged: Make) -> None:
    """There are tasks, and no word of complaints: that is neither zero nor a small number."""
    found = judged(tasks(40, AFTER, 111, 5)).value("complaints")
    assert (found["status"], found["value"]) == ("unknown", None)


def test_values_without_news_for_a_week_are_stale_where_the_period_is_not_over(
    judged: Make,
) -> None:
    company = judged(calls(100, NOW.date() - timedelta(days=8)))
    assert company.value("response_on_time", "rolling_28d")["status"] == "stale"
    april = company.values("response_on_time", "month")[0]
    assert (april["status"], april["value"]) == ("on target", 1)


def test_without_any_baseline_an_improvement_is_not_shown(judged: Make) -> None:
    found = judged(tasks(40, AFTER, 111, 5)).value("lead_time")
    assert (found["status"], found["improvement"], found["baseline"]) == ("no baseline", None, None)
    assert found["value"] == pytest.approx(5, abs=0.1)


def test_first_figures_are_provisional_until_the_review(judged: Make) -> None:
    plan = plan_of(use_case(go_live=date(2026, 4, 20), baseline=None))
    found = judged(calls(100, date(2026, 4, 28)), plan).value("response_on_time")
    assert (found["status"], found["phase"]) == ("provisional", "early")


def test_a_cohort_of_which_half_had_no_time_to_finish_is_provisional(judged: Make) -> None:
    company = judged(tasks(80, BEFORE, 80, 10) + tasks(111, AFTER, 111, 5))
    april = company.values("lead_time", "month")[-2]
    assert april["start"].date() == date(2026, 4, 1)
    assert (april["status"], april["remark"]) == ("provisional", "not all are finished yet")
    assert company.value("lead_time")["status"] in ("on target", "undecided")


@pytest.mark.parametrize(
    ("late", "status"), [(0, "on target"), (3, "undecided"), (30, "off target")]
)
def test_a_target_is_met_missed_or_undecided_by_the_whole_range(
    judged: Make, late: int, status: str
) -> None:
    events = calls(100 - late, date(2026, 3, 3)) + calls(late, date(2026, 3, 3), duration=9.0)
    found = judged(events).value("response_on_time", "week")
    assert found["status"] == status
    assert (found["counted"], found["n"]) == (100 - late, 100)
    assert found["low"] < found["value"] <= found["high"]


def test_a_share_of_few_is_told_as_counts(judged: Make) -> None:
    found = judged(calls(10, date(2026, 3, 3))).value("response_on_time", "week")
    assert (found["value"], found["status"]) == (None, "too few")
    assert "10 of 10" in found["remark"]
    assert "10 van 10" in found["remark_nl"]


def test_an_improvement_beyond_what_is_plausible_is_marked_to_be_checked(judged: Make) -> None:
    plan = plan_of(use_case(kpis=[
        {"id": "lead_time", "target": {"low": 0.3, "high": 0.5, "kind": "relative"}},
    ]))  # fmt: skip
    found = judged(tasks(40, BEFORE, 80, 100) + tasks(40, AFTER, 111, 5), plan).value("lead_time")
    assert found["status"] == "on target"
    assert "check this" in found["remark"]
    assert found["target_low"] < found["target_high"] < found["baseline"]


def test_a_use_case_is_derived_from_the_plan_s_tools(judged: Make) -> None:
    company = judged(calls(30, date(2026, 3, 3)) + calls(5, date(2026, 3, 3), tool="stranger"))
    assert company.value("response_on_time", "week")["n"] == 30
    assert company.value("response_on_time", "week", use_case="")["n"] == 5


def test_a_late_task_changes_the_month_in_which_it_began(judged: Make) -> None:
    company = judged(tasks(40, AFTER, 20, 5))
    before = company.values("lead_time", "month")[0]
    company.feed([task(at(AFTER), 2000, case="late")]).publish()
    after = company.values("lead_time", "month")[0]
    assert (before["n"], after["n"]) == (40, 41)
    assert after["counted"] == 41


def test_a_task_whose_start_is_corrected_leaves_the_month_it_was_in(judged: Make) -> None:
    company = judged([task(at(date(2026, 2, 10)), 5, case="c")])
    moved = event(
        "task", time=at(date(2026, 3, 20)), history=True, appended=NOW, use_case="quotes",
        process="quote", case="c", requested=at(date(2026, 3, 10)),
        finished=at(date(2026, 3, 11)),
    )  # fmt: skip
    company.feed([moved]).publish()
    months = {row["start"].month: row["n"] for row in company.values("lead_time", "month")}
    assert months == {3: 1}


def test_medians_and_their_ranges_are_those_of_numpy_and_the_binomial(judged: Make) -> None:
    rng = np.random.default_rng(3)
    hours = rng.lognormal(2, 1, 101).round(6)
    events = [
        task(at(AFTER + timedelta(days=i // 2)), float(h), case=f"n{i}")
        for i, h in enumerate(hours)
    ]
    found = judged(events).value("lead_time")
    ordered = np.sort(hours)
    assert found["value"] == pytest.approx(ordered[50], abs=1e-6)
    assert ordered[35] < found["low"] < ordered[50] < found["high"] < ordered[65]


def test_days_are_the_company_s_own_across_the_clock_change(judged: Make) -> None:
    """23:30 UTC is the next day in Amsterdam, in winter and in summer."""
    plan = plan_of(timezone="Europe/Amsterdam")
    night = [
        event("interaction", time=at(day, 23.5), history=True, appended=NOW, tool="writer",
              duration=1.0, status="ok")
        for day in (date(2026, 3, 28), date(2026, 3, 29))
        for _ in range(20)
    ]  # fmt: skip
    days = {row["start"].date(): row["n"] for row in judged(night, plan).values(
        "response_on_time", "day")}  # fmt: skip
    assert days[date(2026, 3, 29)] == 20
    assert days[date(2026, 3, 30)] == 20


def test_without_a_plan_values_stand_beside_house_targets(tmp_path: Path) -> None:
    company = Judged(tmp_path, None)
    company.feed(calls(50, date(2026, 3, 3), use_case="quotes")).publish()
    found = company.value("response_on_time", "week")
    assert (found["target_low"], found["status"], found["phase"]) == (0.95, "undecided", "")
    company.close()


def test_metrics_show_the_last_28_days_with_target_baseline_and_n(judged: Make) -> None:
    company = judged(tasks(40, BEFORE, 80, 10) + tasks(111, AFTER, 111, 5))
    values = read_gauges(company.bench.con, NOW.replace(tzinfo=None), 5)
    row = company.value("lead_time", "rolling_28d")
    labels = ("quotes", "lead_time")
    shown = {name: dict(rows) for name, rows in values.items() if name.startswith("meetlat_kpi_")}
    assert {name: rows[labels] for name, rows in shown.items()} == {
        "meetlat_kpi_value": row["value"],
        "meetlat_kpi_target": row["target_high"],
        "meetlat_kpi_baseline": row["baseline"],
        "meetlat_kpi_observations": row["n"],
    }


def test_the_sql_of_every_kpi_runs_where_values_are_made(judged: Make) -> None:
    """Events of every type, then more of them: what the engine reads is what the SQL expects."""
    day = NOW.date() - timedelta(days=3)
    everything = [
        event(name, time=at(day, 8 + i), history=True, appended=NOW, use_case="quotes")
        for name in MINIMAL
        for i in range(3)
        if name not in ("void", "sdk_report", "collector_report")
    ]
    company = judged(everything + tasks(30, AFTER, 111, 5))
    company.feed(calls(30, day)).publish()
    known = {row["kpi"] for row in company.rows("SELECT DISTINCT kpi FROM kpi_values")}
    assert {"lead_time", "response_on_time", "error_rate", "response_time_p95"} <= known
    assert len(known) >= 9


def test_a_case_is_whole_also_when_its_last_step_comes_later(judged: Make) -> None:
    began = at(date(2026, 2, 2))
    first = [task(began, 24, case=f"w{i}", step="draft") for i in range(30)]
    company = judged(first)
    assert company.values("end_to_end_lead_time", "month")[0]["value"] == pytest.approx(24)
    later = began + timedelta(days=40)
    company.feed([task(later, 24, case=f"w{i}", step="send") for i in range(30)]).publish()
    (month,) = company.values("end_to_end_lead_time", "month")
    assert (month["start"].month, month["n"]) == (2, 30)
    assert month["value"] == pytest.approx(41 * 24)


def reviews(count: int, day: date, right: int) -> list[Sent]:
    return [
        event("review", time=at(day), history=True, appended=NOW, use_case="quotes",
              sampled=True, sampling_rate=1.0, first_time_right=i < right)
        for i in range(count)
    ]  # fmt: skip


def test_a_use_case_s_first_proposals_are_judged_in_one_way_in_all_periods(judged: Make) -> None:
    february, march = date(2026, 2, 2), date(2026, 3, 2)
    said = {"assisted": True, "revisions": 0}
    company = judged(tasks(40, february, 10, 5, **said) + tasks(40, march, 10, 5, **said))
    company.feed(reviews(19, march, 10)).publish()

    def shown() -> list[tuple[float | None, int]]:
        rows = company.values("first_time_right", "month")
        return [(row["value"], row["n"]) for row in rows]

    assert shown() == [(1, 40), (1, 40)]  # few checks do not take the place of the tasks
    company.feed(reviews(11, march, 5)).publish()
    assert shown() == [(0.5, 30)]  # and where there are enough, no task stands beside them
    (february_tasks, _) = company.values("first_time_right", "month", part="tasks")
    assert (february_tasks["value"], february_tasks["n"]) == (1, 40)
    assert company.value("first_time_right")["n"] == 30


def test_what_a_use_case_is_measured_by_is_so_on_both_sides_of_a_comparison(judged: Make) -> None:
    said = {"assisted": True, "revisions": 1}
    before, after = date(2025, 11, 3), date(2026, 2, 2)
    company = judged(tasks(40, before, 10, 5, **said) + tasks(40, after, 10, 5, **said))
    company.feed(reviews(40, before, 20)).publish()
    company.feed(reviews(40, after, 30)).publish()
    row = company.value("first_time_right", "month", start="2026-02-01 00:00:00")
    assert (row["value"], row["baseline"]) == (0.75, 0.5)


def test_finished_and_open_cases_are_counted_in_the_hours_that_the_plan_says(judged: Make) -> None:
    friday, monday = at(date(2026, 2, 6), 15), at(date(2026, 2, 9), 10)
    events = [
        one
        for i in range(30)
        for one in (
            task(friday, 1, case=f"w{i}", step="draft"),
            task(monday, 1, case=f"w{i}", step="send"),
            task(friday, None, case=f"open{i}"),
        )
    ]
    events = [replace(one, appended=monday + timedelta(hours=2)) for one in events]
    hours = {"working": 4.0, "calendar": 68.0}  # Friday 15 to 17, Monday 9 to 11; 3 days less 4
    for name, expected in hours.items():
        company = judged(events, plan_of(use_case(hours=name)))
        row = company.value("end_to_end_lead_time", "month")
        assert (row["value"], row["n"], row["counted"]) == (expected, 60, 30), name


def test_a_day_that_comes_late_leaves_the_rest_of_its_week_in_place(judged: Make) -> None:
    plan = plan_of(
        use_case(teams=["sales"]),
        teams=[{"name": "sales", "people": [{"from": date(2025, 1, 1), "count": 10}]}],
    )
    monday = date(2026, 2, 9)
    company = judged(tasks(50, monday, 5, 1), plan)
    company.feed([task(at(monday + timedelta(days=3)), 1, case="late")]).publish()
    week = company.values("throughput", "week", start=f"{monday} 00:00:00")[0]
    assert week["value"] == pytest.approx(5.1)


def test_no_percentage_and_no_high_percentile_of_so_few_not_even_their_range(judged: Make) -> None:
    company = judged(calls(71, date(2026, 3, 3)) + calls(19, date(2026, 3, 4)))
    for kpi, start, n in (("response_time_p95", 3, 71), ("error_rate", 4, 19)):
        row = company.value(kpi, "day", start=f"2026-03-0{start} 00:00:00")
        assert (row["status"], row["n"]) == ("too few", n)
        assert (row["value"], row["low"], row["high"]) == (None, None, None), kpi
        assert "check this" not in row["remark"]
    company.feed(calls(1, date(2026, 3, 3)) + calls(1, date(2026, 3, 4))).publish()
    for kpi, start in (("response_time_p95", 3), ("error_rate", 4)):
        assert company.value(kpi, "day", start=f"2026-03-0{start} 00:00:00")["high"] is not None
