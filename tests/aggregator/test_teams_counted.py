"""Teams whose work is by hand: as many people as the plan counts, and shown if those are enough."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.aggregating import Sent, event, person
from support.judging import GO_LIVE, NOW, Judged, at, plan_of, tasks, use_case

from meetlat.plan.models import Plan
from meetlat_aggregator.kpi.plan_store import PlanStore

BEFORE, AFTER = date(2025, 10, 6), date(2026, 2, 2)


def team(name: str, count: int, since: date = date(2025, 1, 6)) -> dict[str, Any]:
    return {"name": name, "people": [{"from": since, "count": count}]}


def plan(*teams: dict[str, Any], **of_case: Any) -> Plan:
    names = [one["name"] for one in teams]
    return plan_of(use_case(teams=names, **of_case), teams=list(teams))


def used(day: date, team: str, people: int) -> list[Sent]:
    """So many people of a team used the AI on a day."""
    return [
        event("usage", time=at(day, 9), history=True, appended=NOW, tool="writer",
              use_case="quotes", team=team, session=f"{day}-{team}-{i}", user=person(100 + i))
        for i in range(people)
    ]  # fmt: skip


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    made: list[Judged] = []

    def judged(of: Plan, events: list[Sent]) -> Judged:
        made.append(Judged(tmp_path, of).feed(events).publish())
        return made[-1]

    yield judged
    for one in made:
        one.close()


def teams_of(company: Judged) -> dict[str, int]:
    rows = company.rows("SELECT team, sum(tasks)::BIGINT AS n FROM tasks_daily GROUP BY ALL")
    return {row["team"]: row["n"] for row in rows}


def test_a_control_team_that_works_by_hand_is_taken_off_and_in_no_total(make: Any) -> None:
    events = [
        *tasks(40, BEFORE, 80, 72, team="alpha"), *tasks(40, BEFORE, 80, 72, team="beta"),
        *tasks(40, AFTER, 60, 24, team="alpha"), *tasks(40, AFTER, 60, 54, team="beta"),
    ]  # fmt: skip
    company = make(plan(team("alpha", 12), team("beta", 12), control_team="beta"), events)
    found = company.value("lead_time")
    assert found["n"] == 40
    assert found["control_change"] == pytest.approx(0.25, abs=0.01)
    assert found["improvement"] == pytest.approx(2 / 3 - 0.25, abs=0.01)
    of_team = company.value("lead_time", team="alpha")
    assert (of_team["baseline_n"], of_team["n"]) == (40, 40)


def test_a_team_of_few_people_one_the_plan_does_not_count_and_one_before_it_does_stay_small(
    make: Any,
) -> None:
    later = team("later", 12, since=GO_LIVE + timedelta(days=365))
    events = [
        event_
        for name in ("many", "few", "unknown", "later")
        for event_ in tasks(10, AFTER, 10, 5, team=name)
    ]
    company = make(plan(team("many", 5), team("few", 4), later), events)
    assert teams_of(company) == {"many": 10, "(small)": 30}


def test_a_week_in_which_few_of_a_team_used_the_ai_hides_it_and_others_do_not(make: Any) -> None:
    day = date(2026, 2, 4)
    company = make(
        plan(team("north", 12), team("south", 12)),
        [
            *tasks(7, AFTER, 7, 5, team="north"), *tasks(7, AFTER, 7, 5, team="south"),
            *tasks(3, AFTER + timedelta(days=7), 3, 5, team="north"),
            *used(day, "north", 3), *used(day, "south", 8),
        ],
    )  # fmt: skip
    assert teams_of(company)["north"] == 3, "the week after, in which nobody used it"
    assert "south" not in teams_of(company), "one alone is not hidden: the next one joins"


def test_fewer_people_in_the_plan_than_used_it_hide_a_team(make: Any) -> None:
    day = date(2026, 2, 4)
    events = [*used(day, "four", 6), *used(day, "other", 7), *used(day, "third", 9)]
    company = make(plan(team("four", 4), team("other", 12), team("third", 12)), events)
    shown = {row["team"] for row in company.rows("SELECT DISTINCT team FROM user_weeks")}
    assert shown == {"third", "(small)"}


def test_another_head_count_shows_teams_anew(tmp_path: Path) -> None:
    company = Judged(tmp_path, plan(team("north", 4)))
    company.feed(tasks(10, AFTER, 10, 5, team="north")).publish()
    assert teams_of(company) == {"(small)": 10}
    moment = NOW.replace(tzinfo=None) + timedelta(hours=1)
    PlanStore(company.bench.con).take(plan(team("north", 6)), "two", moment)
    assert teams_of(company.publish()) == {"north": 10}
    company.close()
