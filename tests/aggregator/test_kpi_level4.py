"""Adoption KPIs against numbers made by hand; nothing about fewer than five people."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from support.kpi_inputs import HOUR, MONDAY, Inputs, select

from meetlat.kpis.catalogue import catalogue

DAY = timedelta(days=1)
NEXT = MONDAY + 7 * DAY
IDS = [name for name, kpi in catalogue().items() if kpi.level == 4 and kpi.pack == "all"]


@pytest.fixture
def inputs() -> Inputs:
    return Inputs()


def planned(inputs: Inputs, **teams: int) -> None:
    """Teams of the use case with their entitled people."""
    for team, entitled in teams.items():
        inputs.add("plan_use_case_teams", use_case="quotes", team=team)
        inputs.add("plan_people", team=team, people=entitled + 1, entitled=entitled)


def week(
    inputs: Inputs, team: str, people: int, regular: int | None, uses: int = 0, day: date = MONDAY
) -> None:
    inputs.add(
        "user_weeks", week=day, team=team, people=people, regular_people=regular, uses=uses
    )  # fmt: skip


@pytest.mark.parametrize("kpi", IDS)
def test_without_rows_an_adoption_kpi_is_unknown(inputs: Inputs, kpi: str) -> None:
    planned(inputs, sales=10)
    inputs.add("plan_features", use_case="quotes", feature="draft")
    assert inputs.parts(kpi) == []
    assert inputs.value(kpi) is None


def test_active_users_are_the_mean_of_the_weeks_over_all_teams(inputs: Inputs) -> None:
    week(inputs, "sales", 10, 8)
    week(inputs, "service", 9, 5)
    week(inputs, "sales", 10, 6, day=NEXT)
    week(inputs, "service", 9, 0, day=NEXT)
    assert inputs.value("active_users") == (13 + 6) / 2
    assert inputs.value("active_users", team="sales") == 7
    assert inputs.value("active_users", day=NEXT, team="service") == 0


def test_a_team_with_one_to_four_regular_people_is_hidden_and_counts_as_none_in_the_total(
    inputs: Inputs,
) -> None:
    planned(inputs, sales=10, service=10)
    week(inputs, "sales", 10, 8)
    week(inputs, "service", 9, None)
    for kpi in ("active_users", "adoption_rate"):
        assert inputs.value(kpi, team="service") is None
    assert inputs.value("active_users") == 8
    assert inputs.value("adoption_rate") == 0.4


def people(inputs: Inputs, uses: list[int], team: str = "sales", **columns: object) -> None:
    for number, count in enumerate(uses):
        rows = [{"use": f"s{place}"} for place in range(count)]
        inputs.add("use_rows", *rows, user=f"{team}{number}", team=team, **columns)


def test_the_plan_says_how_many_uses_are_regular_and_from_when(inputs: Inputs) -> None:
    planned(inputs, sales=20)
    inputs.add("plan_regular", use_case="quotes", until=NEXT, uses=3)
    inputs.add("plan_regular", use_case="quotes", since=NEXT, uses=5)
    inputs.add("plan_regular", use_case="hr", uses=1)
    for day in (MONDAY, NEXT):
        week(inputs, "sales", 10, 9, day=day)
        people(inputs, [3, 3, 3, 3, 2, 5, 5, 6, 7, 9], week=day)
        # Another feature: in the same session it is the same use, in others 2 + 3 are five.
        for person, sessions in (("sales3", ("s0", "s1", "s2")), ("sales4", ("s3", "s4", "s5"))):
            rows = [{"use": session} for session in sessions]
            inputs.add("use_rows", *rows, user=person, feature="tone", team="sales", week=day)
    assert inputs.value("active_users", day=MONDAY) == 9
    assert inputs.value("active_users", day=NEXT) == 6
    assert inputs.value("adoption_rate", day=NEXT) == 0.3


def test_below_five_people_the_own_number_of_uses_hides_them_too(inputs: Inputs) -> None:
    inputs.add("plan_regular", use_case="quotes", uses=5)
    week(inputs, "sales", 7, 6)
    people(inputs, [9, 9, 9, 9, 1, 1, 1])
    week(inputs, "service", 6, 6)
    people(inputs, [1] * 6, "service")
    week(inputs, "hidden", 6, None)
    people(inputs, [8] * 3, "unseen")  # fewer than five: not in user_weeks
    rows = {row["team"]: row["total"] for row in inputs.parts("active_users")}
    assert rows == {"sales": None, "service": 0, "hidden": 0}


def test_adoption_is_of_those_entitled_on_the_monday(inputs: Inputs) -> None:
    planned(inputs, sales=10)
    inputs.con.execute("UPDATE plan_people SET until = DATE '2026-03-04'")
    inputs.add("plan_people", team="sales", since=date(2026, 3, 4), people=30, entitled=20)
    week(inputs, "sales", 9, 7)
    week(inputs, "sales", 9, 7, day=NEXT)
    assert inputs.value("adoption_rate", day=MONDAY) == 0.7
    assert inputs.value("adoption_rate", day=NEXT) == 0.35
    assert inputs.value("adoption_rate") == pytest.approx(14 / 30)


def test_teams_that_use_nothing_or_are_not_shown_count_with_their_entitled_people(
    inputs: Inputs,
) -> None:
    planned(inputs, sales=10, service=10, tiny=4, few=3)
    week(inputs, "sales", 9, 6, 60)
    week(inputs, "(small)", 6, 5, 20)
    week(inputs, "guests", 5, 5, 10)  # the plan does not know them
    # service, tiny and few stand under (small): 17 people.
    assert inputs.value("adoption_rate", team="(small)") == pytest.approx(5 / 17)
    assert inputs.value("adoption_rate", team="guests") is None
    assert inputs.value("adoption_rate") == pytest.approx(16 / 27)
    assert inputs.value("usage_intensity") == pytest.approx(90 / 27)


def test_a_team_that_nobody_used_it_in_has_adoption_zero_and_few_entitled_are_hidden(
    inputs: Inputs,
) -> None:
    planned(inputs, sales=10, service=10, tiny=4)
    week(inputs, "sales", 9, 6)
    assert inputs.value("adoption_rate", team="service") == 0
    assert inputs.parts("adoption_rate") and not select(inputs.parts("adoption_rate"), team="tiny")


def test_a_week_without_any_use_is_a_week_with_none(inputs: Inputs) -> None:
    planned(inputs, sales=20)
    week(inputs, "sales", 10, 8, uses=40)
    inputs.add("quiet_weeks", use_case="quotes", week=NEXT)
    assert inputs.value("active_users") == 4
    assert inputs.value("adoption_rate") == 0.2
    assert inputs.value("adoption_rate", day=NEXT) == 0
    assert inputs.value("usage_intensity") == 1
    assert inputs.value("usage_intensity", "active") == 4


def test_weeks_before_the_plan_counts_people_are_in_no_rate(inputs: Inputs) -> None:
    inputs.add("plan_use_case_teams", use_case="quotes", team="sales")
    inputs.add("plan_people", team="sales", since=NEXT, people=20, entitled=20)
    for day in (MONDAY, NEXT):
        week(inputs, "sales", 10, 8, uses=40, day=day)
    assert inputs.value("adoption_rate") == 0.4
    assert inputs.value("usage_intensity") == 2


def test_a_higher_privacy_limit_hides_more(inputs: Inputs) -> None:
    inputs.con.execute("SET VARIABLE privacy_limit = 8")
    planned(inputs, sales=7)
    inputs.add("plan_features", use_case="quotes", feature="draft")
    inputs.add("plan_regular", use_case="quotes", uses=1)
    week(inputs, "sales", 10, 10)
    people(inputs, [1] * 7, feature="draft")
    assert [row["total"] for row in inputs.parts("active_users")] == [None]
    assert inputs.parts("adoption_rate") == []
    assert inputs.parts("feature_concentration") == []


def test_intensity_is_uses_per_entitled_and_per_active_person_and_week(inputs: Inputs) -> None:
    planned(inputs, sales=10)
    week(inputs, "sales", 8, 6, 40)
    week(inputs, "sales", 5, 5, 80, NEXT)
    assert inputs.value("usage_intensity") == pytest.approx(120 / 20)
    assert inputs.value("usage_intensity", "active") == pytest.approx(120 / 13)
    assert inputs.value("usage_intensity", day=NEXT) == 8


def test_feature_usage_is_a_share_with_unused_features_at_zero(inputs: Inputs) -> None:
    for feature in ("draft", "tone", "translate"):
        inputs.add("plan_features", use_case="quotes", feature=feature)
    for feature in ("screen", "macro"):
        inputs.add("plan_features", use_case="hr", feature=feature)
    tomorrow = (HOUR + DAY).date()
    inputs.add("interactions_hourly", requests=6, feature="draft")
    inputs.add("interactions_hourly", requests=50, feature="draft", status="cancelled")
    inputs.add("interactions_hourly", requests=1)
    inputs.add("usage_daily", uses=2, events=1, feature="tone", day=tomorrow)
    inputs.add("usage_daily", uses=1, events=1, feature="macro", day=tomorrow)
    assert inputs.value("feature_usage", "draft") == 0.6
    assert inputs.value("feature_usage", "tone") == 0.2
    assert inputs.value("feature_usage", "translate") == 0
    assert inputs.value("feature_usage", "other") == 0.2
    assert inputs.value("feature_usage", "screen") is None


def test_feature_usage_without_features_in_the_plan_is_all_other(inputs: Inputs) -> None:
    inputs.add("interactions_hourly", requests=6, feature="draft")
    assert inputs.value("feature_usage", "other") == 1


def test_concentration_is_the_share_of_features_that_80_percent_do_not_go_beyond(
    inputs: Inputs,
) -> None:
    features = [f"f{number}" for number in range(10)]
    for feature in features:
        inputs.add("plan_features", use_case="quotes", feature=feature)
    used = [1, 1, 1, 2, 2, 2, 2, 2, 7, 10]
    for number, count in enumerate(used):
        for feature in features[:count]:
            inputs.add("use_rows", user=f"u{number}", feature=feature, team=f"t{number % 2}")
        inputs.add("use_rows", user=f"u{number}", feature="unlisted")
    exact = np.quantile(np.array(used) / 10, 0.8, method="inverted_cdf")
    assert inputs.value("feature_concentration") == pytest.approx(exact) == pytest.approx(0.2)
    (row,) = inputs.parts("feature_concentration")
    assert (row["team"], row["n"]) == ("", 10)


def test_concentration_of_fewer_than_five_people_or_without_features_is_not_shown(
    inputs: Inputs,
) -> None:
    people(inputs, [3] * 6, feature="draft")
    assert inputs.parts("feature_concentration") == []  # the plan offers none
    inputs.add("plan_features", use_case="quotes", feature="draft")
    assert inputs.value("feature_concentration") == 1
    people(inputs, [3] * 4, feature="draft", week=NEXT)
    assert select(inputs.parts("feature_concentration"), day=NEXT) == []


def survey(inputs: Inputs, scores: list[int], low: int, high: int, **columns: object) -> None:
    inputs.add(
        "feedback_daily", scale_min=low, scale_max=high, scores=len(scores), events=len(scores),
        score_sum=sum(scores), score_squares=sum(s * s for s in scores),
        **{"kind": "survey", "asked": len(scores), **columns},
    )  # fmt: skip


def test_satisfaction_is_the_mean_of_survey_scores_on_one_to_ten(inputs: Inputs) -> None:
    survey(inputs, [7, 8, 10], 1, 10)
    survey(inputs, [1, 5], 1, 5)
    survey(inputs, [1] * 50, 1, 10, kind="customer")
    converted = [7, 8, 10, 1, 10]
    (row,) = select(inputs.parts("satisfaction"))
    assert row["total"] == pytest.approx(sum(converted))
    assert row["squares"] == pytest.approx(sum(s * s for s in converted))
    assert inputs.value("satisfaction") == pytest.approx(np.mean(converted))


def test_the_response_rate_stands_beside_satisfaction(inputs: Inputs) -> None:
    survey(inputs, [7, 8, 10], 1, 10)
    inputs.add("feedback_daily", kind="survey", events=9, asked=9)
    assert inputs.value("satisfaction", "response_rate") == 0.25
    assert inputs.value("satisfaction") == pytest.approx(25 / 3)


def test_asked_people_who_say_nothing_give_a_rate_of_zero_and_no_score(inputs: Inputs) -> None:
    inputs.add("feedback_daily", kind="survey", events=9, asked=9)
    assert inputs.value("satisfaction") is None
    assert inputs.value("satisfaction", "response_rate") == 0


def test_answers_on_a_scale_of_one_point_say_nothing(inputs: Inputs) -> None:
    survey(inputs, [3, 3], 3, 3)
    assert inputs.value("satisfaction") is None


def test_support_is_requests_per_hundred_people_with_a_use_and_week(inputs: Inputs) -> None:
    week(inputs, "sales", 20, 9)
    week(inputs, "sales", 30, 9, day=NEXT)
    for day, count in ((MONDAY, 2), (MONDAY + 6 * DAY, 1), (NEXT, 2)):
        inputs.add("support_daily", day=day, team="sales", requests=count)
    inputs.add("support_daily", day=NEXT, team="quiet", requests=1)  # of the use case, no people
    inputs.add("support_daily", day=NEXT + 7 * DAY, team="sales", requests=50)  # not over
    inputs.add("support_daily", day=MONDAY, use_case="hr", requests=50)
    assert inputs.value("support_requests", day=MONDAY) == pytest.approx(15)
    assert inputs.value("support_requests") == pytest.approx(100 * 6 / 50)
    assert inputs.value("support_requests", team="quiet") is None


def test_use_without_questions_is_no_support_at_all(inputs: Inputs) -> None:
    week(inputs, "sales", 20, 9)
    assert inputs.value("support_requests") == 0
