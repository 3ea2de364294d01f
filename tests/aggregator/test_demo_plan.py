"""The simulated company's plan is one that a company could have, and fits what happens there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from meetlat.kpis.catalogue import catalogue
from meetlat.plan.load import Loaded, load
from meetlat_aggregator.demo.company import TEAMS, TOOLS, Period
from meetlat_aggregator.demo.history import make_history
from meetlat_aggregator.demo.plan import NAME, plan_text

END = datetime(2026, 3, 2, tzinfo=UTC)


def read(period: Period, folder: Path) -> Loaded:
    file = folder / NAME
    file.write_text(plan_text(period), "utf-8")
    return load(file, today=period.end.date())


@pytest.mark.parametrize("weeks", [2, 10, 60])
def test_its_days_are_those_of_the_story_however_long_that_is(tmp_path: Path, weeks: int) -> None:
    period = Period(END, weeks, weeks)
    loaded = read(period, tmp_path)
    assert loaded.errors == ()
    assert loaded.plan is not None
    for case in loaded.plan.use_cases:
        assert case.go_live == period.go_live.date()
        assert case.baseline is not None
        assert case.baseline.until == case.go_live - timedelta(days=1)
        assert case.baseline.since == case.go_live - timedelta(weeks=10)
        assert case.review == case.go_live + timedelta(days=35)


def test_it_is_warned_only_of_small_teams_and_of_a_level_that_hr_does_without(
    tmp_path: Path,
) -> None:
    loaded = read(Period(END), tmp_path)
    assert [problem.rule for problem in loaded.warnings] == ["small-team", "small-team", "levels"]


def test_it_names_the_companys_teams_tools_and_features(tmp_path: Path) -> None:
    plan = read(Period(END), tmp_path).plan
    assert plan is not None
    sizes = {team.name: team.people[0].count for team in plan.teams}
    assert sizes == {team.name: team.size for team in TEAMS}
    assert {(tool, case.id) for case in plan.use_cases for tool in case.tools} == {
        (tool.name, tool.use_case) for tool in TOOLS
    }
    used: dict[str, set[str]] = {case.id: set() for case in plan.use_cases}
    for delivery in make_history(Period(END, 2, 2), 1):
        fields = delivery.happening.fields
        if "feature" in fields:
            used[fields["use_case"]].add(fields["feature"])
    assert {case.id: set(case.features) for case in plan.use_cases} == used


def test_every_use_case_has_a_kpi_with_a_target_that_is_compared_with_before(
    tmp_path: Path,
) -> None:
    plan = read(Period(END), tmp_path).plan
    assert plan is not None
    for case in plan.use_cases:
        assert 3 <= len(case.kpis) <= 6
        compared = [one for one in case.kpis if catalogue()[one.id].baseline and one.target]
        assert compared, case.id
        assert all(one.decision for one in case.kpis)


def test_a_day_of_the_file_that_does_not_exist_would_be_told_at_once() -> None:
    """Every date is moved as a date: one from leap day to leap day too."""
    leap = Period(datetime(2028, 2, 28, tzinfo=UTC), 2, 8)
    assert leap.go_live.date() == date(2028, 1, 3)
    assert "from = 2028-01-03" in plan_text(leap)
