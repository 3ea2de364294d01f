"""Where a status, phase or comparison ends and the next begins: to the day, to the observation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.aggregating import Sent, event
from support.judging import GO_LIVE, NOW, Judged, at, plan_of, tasks, use_case

from meetlat.plan.models import Plan

DAY = timedelta(days=1)
TODAY = NOW.date()
FEBRUARY = date(2026, 2, 2)
Make = Callable[..., Judged]


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Make]:
    made: list[Judged] = []

    def make(events: list[Sent], plan: Plan | None = None) -> Judged:
        company = Judged(tmp_path / str(len(made)), plan or plan_of())
        made.append(company)
        return company.feed(events).publish()

    yield make
    for company in made:
        company.close()


def calls(day: date, count: int = 1, **more: Any) -> list[Sent]:
    said = {"tool": "writer", "duration": 1.0, "status": "ok", **more}
    return [
        event("interaction", time=at(day, 9 + i / count), history=True, appended=NOW, **said)
        for i in range(count)
    ]


def moved(day: date) -> Sent:
    """Something else that is appended on a day, which is then today."""
    return event("probe", time=at(day), appended=at(day), tool="other", success=True)


def test_each_phase_begins_on_its_day(judged: Make) -> None:
    phases = {-1: "baseline", 7: "early", 34: "early", 35: "review", 62: "review", 63: "monthly"}
    company = judged([one for days in phases for one in calls(GO_LIVE + days * DAY)])
    found = {row["start"].date(): row["phase"] for row in company.values("error_rate", "day")}
    assert {day: found[day] for day in found if day < TODAY - DAY} == {
        GO_LIVE + days * DAY: phase for days, phase in phases.items()
    }


def test_hours_of_the_day_of_go_live_are_settling_and_of_the_day_before_are_not(
    judged: Make,
) -> None:
    live = TODAY - 3 * DAY
    days = {live - DAY: "baseline", live: "settling", live + 2 * DAY: "settling"}
    events = [one for day in days for one in calls(day)]
    company = judged(events, plan_of(use_case(go_live=live, baseline=None)))
    assert {r["start"].date(): r["phase"] for r in company.values("error_rate", "hour")} == days


def test_the_review_begins_on_the_day_that_the_plan_says(judged: Make) -> None:
    review = GO_LIVE + 28 * DAY
    days = {review - DAY: "early", review: "review", review + 28 * DAY: "monthly"}
    events = [one for day in days for one in calls(day)]
    company = judged(events, plan_of(use_case(review=review)))
    assert {r["start"].date(): r["phase"] for r in company.values("error_rate", "day")} == days


def test_a_day_is_closed_when_more_than_ten_days_are_over_since(judged: Make) -> None:
    company = judged(calls(TODAY - 11 * DAY) + calls(TODAY - 10 * DAY))
    closed = {row["start"].date(): row["closed"] for row in company.values("error_rate", "day")}
    assert closed[TODAY - 11 * DAY]
    assert not closed[TODAY - 10 * DAY]


@pytest.mark.parametrize(("days", "stale"), [(7, False), (8, True)])
def test_a_period_is_stale_after_seven_days_without_news(
    judged: Make, days: int, stale: bool
) -> None:
    company = judged([*calls(TODAY - days * DAY, 40), moved(TODAY)])
    assert (company.value("error_rate", "rolling_28d")["status"] == "stale") == stale


def test_a_period_that_ended_yesterday_may_be_stale_and_one_of_before_may_not(
    judged: Make,
) -> None:
    first, last = date(2026, 4, 1), date(2026, 4, 30)
    for today, stale in ((last + DAY, True), (last + 2 * DAY, False)):
        events = [e for e in calls(first, 40) if e]
        company = judged([*(_at(e, today) for e in events), moved(today)])
        (row,) = company.values("error_rate", "month", start=f"{first} 00:00:00")
        assert (row["status"] == "stale") == stale, today


def _at(sent: Sent, day: date) -> Sent:
    return Sent(sent.value, at(day))


@pytest.mark.parametrize(("count", "known"), [(19, False), (20, True)])
def test_a_share_of_twenty_is_shown_and_of_nineteen_is_not(
    judged: Make, count: int, known: bool
) -> None:
    row = judged(calls(FEBRUARY, count)).value("error_rate", "month")
    assert (row["value"] is not None, row["status"] == "too few") == (known, not known)
    assert row["n"] == count


@pytest.mark.parametrize(
    ("before", "after", "known"), [(20, 20, True), (19, 40, False), (40, 19, False)]
)
def test_a_percentage_takes_twenty_on_each_side(
    judged: Make, before: int, after: int, known: bool
) -> None:
    events = tasks(before, date(2025, 11, 3), 10, 10) + tasks(after, FEBRUARY, 10, 5)
    row = judged(events).value("lead_time", "month", start="2026-02-01 00:00:00")
    assert (row["improvement"] is not None) == known
    assert row["baseline_n"] == before


@pytest.mark.parametrize(
    ("target", "status"), [(9, "off target"), (10, "on target"), (11, "on target")]
)
def test_a_figure_without_a_range_is_on_target_when_it_is_the_target(
    judged: Make, target: float, status: str
) -> None:
    down = [
        event("probe", time=at(FEBRUARY, 9 + i / 60), history=True, appended=NOW, tool="writer",
              use_case="quotes", success=i >= 10, interval=60)
        for i in range(60)
    ]  # fmt: skip
    choice = {"id": "downtime", "target": {"low": target}}
    company = judged(down, plan_of(use_case(go_live=date(2025, 6, 1), kpis=[choice])))
    row = company.value("downtime", "month", start="2026-02-01 00:00:00")
    assert (row["value"], row["status"]) == (10, status)


@pytest.mark.parametrize(("days", "provisional"), [(27, True), (28, False)])
def test_a_cohort_is_provisional_until_its_middle_has_had_the_time_to_finish(
    judged: Make, days: int, provisional: bool
) -> None:
    began = TODAY - days * DAY
    choice = {"id": "lead_time", "maturity_days": 28}
    plan = plan_of(use_case(go_live=date(2025, 6, 1), baseline=None, kpis=[choice]))
    row = judged(tasks(30, began, 1, 5), plan).value("lead_time", "day", start=f"{began} 00:00:00")
    assert (row["status"] == "provisional") == provisional


def test_teams_are_compared_with_their_own_baseline_and_parts_with_theirs(judged: Make) -> None:
    plan = plan_of(use_case(teams=["north", "south"]))
    used = [
        event("interaction", time=at(day), history=True, appended=NOW, tool="writer",
              use_case="quotes", user=f"u_{i:032x}", team=team)
        for team in ("north", "south") for i in range(6)
        for day in (date(2025, 11, 3), date(2025, 11, 10), FEBRUARY, FEBRUARY + 7 * DAY)
    ]  # fmt: skip
    events = list(used)
    for team, before, after in (("north", 10, 5), ("south", 40, 10)):
        events += tasks(30, date(2025, 11, 3), 10, before, team=team, handling=600.0)
        for assisted, minutes in ((True, 100.0), (False, 500.0)):
            said = {"team": team, "assisted": assisted, "handling": minutes}
            events += tasks(30, FEBRUARY, 10, after, **said)
    company = judged(events, plan)
    february = {"start": "2026-02-01 00:00:00"}
    for team, baseline in (("north", 10), ("south", 40)):
        row = company.value("lead_time", "month", team=team, **february)
        assert row["baseline"] == pytest.approx(baseline, rel=0.2)
        assert row["baseline_n"] == 30
    row = company.value("task_time", "month", **february)
    assert (row["value"], row["baseline"]) == (5, 10)
    parts = {p: company.value("task_time", "month", part=p, **february) for p in PARTS}
    assert {p: (r["value"], r["baseline"]) for p, r in parts.items()} == {
        "with_ai": (pytest.approx(100 / 60), None), "without_ai": (pytest.approx(500 / 60), None),
    }  # fmt: skip


PARTS = ("with_ai", "without_ai")
