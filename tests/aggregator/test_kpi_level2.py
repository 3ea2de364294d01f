"""Process KPIs against numbers made by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from support.kpi_inputs import HOUR, NOW, Inputs, select

from meetlat.kpis.catalogue import catalogue

H, DAY = timedelta(hours=1), timedelta(days=1)
IDS = [name for name, kpi in catalogue().items() if kpi.level == 2 and kpi.pack == "all"]
WEEK, NEXT_WEEK = date(2026, 3, 2), date(2026, 3, 9)


@pytest.fixture
def inputs() -> Inputs:
    return Inputs()


@pytest.mark.parametrize("kpi", IDS)
def test_without_rows_a_process_kpi_is_unknown(inputs: Inputs, kpi: str) -> None:
    assert inputs.parts(kpi) == []
    assert inputs.value(kpi) is None


def test_lead_time_is_the_median_from_request_or_start_to_finish(inputs: Inputs) -> None:
    hours = [5, 1, 30, 8, 12]
    for number in hours[:-1]:
        inputs.task(requested=HOUR, started=HOUR + H / 2, finished=HOUR + number * H)
    inputs.task(started=HOUR, finished=HOUR + 12 * H)
    assert inputs.value("lead_time") == np.median(hours)


def test_open_tasks_count_as_not_yet_finished(inputs: Inputs) -> None:
    for number in (1, 2):
        inputs.task(requested=HOUR, finished=HOUR + number * H)
    for _ in range(3):
        inputs.task(requested=HOUR)
    # Two of five are finished: the median lies beyond what is known.
    assert inputs.value("lead_time") is None
    rows = inputs.parts("lead_time")
    assert max((row["value"], row["ended"]) for row in rows) == ((NOW - HOUR) / H, False)
    assert {row["day"] for row in rows} == {HOUR.date()}


def test_lead_time_is_in_the_hours_that_the_plan_counts(inputs: Inputs) -> None:
    inputs.task(requested=HOUR, finished=HOUR + 3 * DAY, lead_us=4 * 3_600_000_000)
    assert inputs.value("lead_time") == 4


def test_steps_and_tasks_without_begin_or_that_end_before_it_have_no_lead_time(
    inputs: Inputs,
) -> None:
    inputs.task(requested=HOUR, finished=HOUR + H, step="draft")
    inputs.task(finished=HOUR + H)
    inputs.task(requested=HOUR, finished=HOUR - H)
    assert inputs.parts("lead_time") == []
    inputs.task(requested=HOUR, finished=HOUR)
    assert inputs.value("lead_time") == 0


def test_lead_time_keeps_segment_and_use_of_ai_apart(inputs: Inputs) -> None:
    inputs.task(requested=HOUR, finished=HOUR + H, segment="standard", assisted="true")
    inputs.task(requested=HOUR, finished=HOUR + 9 * H, segment="complex", assisted="false")
    assert inputs.value("lead_time", segment="standard", assisted="true") == 1
    assert inputs.value("lead_time", segment="complex", assisted="false") == 9


def test_end_to_end_runs_from_the_first_start_to_the_last_finish_of_a_case(inputs: Inputs) -> None:
    one = {"case": "q1"}
    inputs.task(**one, requested=HOUR, finished=HOUR + 2 * H, step="qualify", team="sales")
    inputs.task(**one, process="invoice", started=HOUR + 3 * DAY, finished=HOUR + 4 * DAY, step="z")
    inputs.task(
        **one, requested=HOUR + H, finished=HOUR + 5 * H, team="quotes", segment="standard",
        assisted="true",
    )  # fmt: skip
    (row,) = inputs.parts("end_to_end_lead_time")
    assert (row["day"], row["value"], row["ended"]) == (HOUR.date(), 96, True)
    # Of the whole task, which has no step.
    assert (row["team"], row["segment"], row["assisted"]) == ("quotes", "standard", "true")


def test_a_case_is_open_while_one_of_its_steps_is(inputs: Inputs) -> None:
    inputs.task(case="q1", requested=HOUR, finished=HOUR + H, step="qualify", age_us=None)
    inputs.task(case="q1", started=HOUR + DAY, step="write")
    inputs.task(case="q2", requested=HOUR, finished=HOUR + H)
    inputs.task(requested=HOUR, finished=HOUR + 90 * H)  # names no case
    rows = {row["ended"]: row["value"] for row in inputs.parts("end_to_end_lead_time")}
    assert rows == {False: (NOW - HOUR) / H, True: 1}


def test_a_case_of_another_use_case_is_another_case(inputs: Inputs) -> None:
    inputs.task(case="1", requested=HOUR, finished=HOUR + H)
    inputs.task(case="1", requested=HOUR + DAY, finished=HOUR + DAY + H, use_case="hr")
    assert [row["value"] for row in inputs.parts("end_to_end_lead_time")] == [1, 1]


def test_errors_are_per_hundred_tasks_whose_errors_are_known_and_by_kind(inputs: Inputs) -> None:
    inputs.add("tasks_daily", tasks=50, errors_sum=6, errors_count=40, assisted="true")
    inputs.add("tasks_daily", tasks=40, errors_sum=0, errors_count=40, assisted="true",
               day=(HOUR + DAY).date())  # fmt: skip
    inputs.add("tasks_daily", tasks=99)  # unknown is not zero
    inputs.add("tasks_daily", tasks=9, errors_sum=9, errors_count=9, state="open")
    inputs.add("tasks_daily", tasks=9, errors_sum=9, errors_count=9, step="draft")
    for kind, errors in (("typo", 3), ("inconsistency", 1), ("colour", 1), ("tone", 1)):
        inputs.add("task_errors_daily", kind=kind, tasks=1, errors=errors, assisted="true")
    inputs.add("task_errors_daily", kind="typo", tasks=1, errors=50, step="draft", assisted="true")
    assert inputs.value("process_errors") == pytest.approx(7.5)
    assert inputs.value("process_errors", "typo") == pytest.approx(3.75)
    assert inputs.value("process_errors", "inconsistency") == pytest.approx(1.25)
    assert inputs.value("process_errors", "missing_attachment") == 0
    assert inputs.value("process_errors", "other") == pytest.approx(2.5)


def test_automation_is_a_share_of_tasks_that_say_whether_a_human_touched_them(
    inputs: Inputs,
) -> None:
    inputs.add("tasks_daily", {"tasks": 17}, automated="true", segment="standard")
    inputs.add("tasks_daily", {"tasks": 3}, automated="false", segment="standard")
    inputs.add("tasks_daily", {"tasks": 10}, automated="false", segment="complex")
    inputs.add("tasks_daily", {"tasks": 90}, automated="")
    inputs.add("tasks_daily", {"tasks": 90}, automated="true", state="open")
    inputs.add("tasks_daily", {"tasks": 90}, automated="true", step="sort")
    assert inputs.value("automation_rate", segment="standard") == 0.85
    assert inputs.value("automation_rate", segment="complex") == 0
    assert inputs.value("automation_rate") == pytest.approx(17 / 30)


def test_rework_is_the_mean_over_assisted_tasks_that_say_it(inputs: Inputs) -> None:
    minutes = [0, 4, 11]
    micros = [m * 60_000_000 for m in minutes]
    row = {
        "tasks": 5, "rework_sum": sum(micros), "rework_count": 3,
        "rework_squares": sum(m * m for m in micros),
    }  # fmt: skip
    inputs.add("tasks_daily", row, assisted="true")
    inputs.add("tasks_daily", row, assisted="false")
    inputs.add("tasks_daily", row, assisted="true", step="draft")
    inputs.add("tasks_daily", row, assisted="true", state="open")
    inputs.add("tasks_daily", {"tasks": 9}, assisted="true")
    (part,) = inputs.parts("rework_time")
    assert part["squares"] == pytest.approx(sum(m * m for m in minutes))
    assert part["n"] == 3
    assert inputs.value("rework_time") == pytest.approx(np.mean(minutes))


def quotes(inputs: Inputs, tasks: int, week: date = WEEK, **columns: object) -> None:
    inputs.add("tasks_daily", tasks=tasks, day=week + 2 * DAY, **columns)


def test_throughput_is_finished_tasks_per_person_week(inputs: Inputs) -> None:
    inputs.add("plan_use_case_teams", use_case="quotes", team="sales")
    inputs.add("plan_people", team="sales", until=NEXT_WEEK, people=4, entitled=4)
    inputs.add("plan_people", team="sales", since=NEXT_WEEK, people=5, entitled=4)
    quotes(inputs, 5, team="sales", segment="standard")
    quotes(inputs, 3, team="sales", segment="complex")
    quotes(inputs, 25, NEXT_WEEK, team="sales")
    quotes(inputs, 99, team="sales", state="open")
    quotes(inputs, 99, team="sales", step="draft")
    assert inputs.value("throughput", day=WEEK) == 2
    assert inputs.value("throughput", day=NEXT_WEEK) == 5
    assert inputs.value("throughput") == pytest.approx(33 / 9)


def test_teams_that_finished_nothing_or_are_not_shown_count_with_their_people(
    inputs: Inputs,
) -> None:
    for team, people in (("north", 10), ("south", 6), ("tiny", 3)):
        inputs.add("plan_use_case_teams", use_case="quotes", team=team)
        inputs.add("plan_people", team=team, people=people, entitled=people)
        for week in (WEEK, NEXT_WEEK):
            hidden = team == "tiny" or (team == "south" and week == NEXT_WEEK)
            inputs.add("teams", week=week, team=team, shown="(small)" if hidden else team)
    quotes(inputs, 20, team="north")
    quotes(inputs, 3, NEXT_WEEK, team="(small)")
    quotes(inputs, 20, NEXT_WEEK, team="north")
    assert inputs.value("throughput", day=WEEK, team="south") == 0
    assert inputs.value("throughput", day=WEEK) == pytest.approx(20 / 19)
    small = select(inputs.parts("throughput"), day=NEXT_WEEK, team="(small)")
    assert sum(row["n"] for row in small) == 9
    assert inputs.value("throughput", day=NEXT_WEEK) == pytest.approx(23 / 19)


def test_a_week_in_which_nobody_finished_a_task_is_a_week_with_none(inputs: Inputs) -> None:
    inputs.add("plan_use_case_teams", use_case="quotes", team="sales")
    inputs.add("plan_people", team="sales", people=4, entitled=4)
    quotes(inputs, 8, team="sales")
    inputs.add("quiet_weeks", use_case="quotes", week=NEXT_WEEK)
    assert inputs.value("throughput") == 1
    assert inputs.value("throughput", day=NEXT_WEEK) == 0


def test_weeks_before_the_plan_counts_people_are_in_no_throughput(inputs: Inputs) -> None:
    inputs.add("plan_use_case_teams", use_case="quotes", team="sales")
    inputs.add("plan_people", team="sales", since=NEXT_WEEK, people=4, entitled=4)
    quotes(inputs, 8, team="sales")
    quotes(inputs, 8, NEXT_WEEK, team="sales")
    assert inputs.value("throughput") == 2


def test_throughput_is_of_all_segments_together_since_people_work_on_all(inputs: Inputs) -> None:
    inputs.add("plan_use_case_teams", use_case="quotes", team="sales")
    inputs.add("plan_people", team="sales", people=4, entitled=4)
    quotes(inputs, 8, team="sales", segment="standard")
    assert {row["segment"] for row in inputs.parts("throughput")} == {""}


def test_without_head_counts_throughput_is_unknown(inputs: Inputs) -> None:
    quotes(inputs, 20, team="north")
    assert inputs.value("throughput") is None


def test_throughput_of_iso_week_53_is_of_its_monday(inputs: Inputs) -> None:
    inputs.add("plan_use_case_teams", use_case="quotes", team="sales")
    inputs.add("plan_people", team="sales", people=2, entitled=2)
    monday = date(2026, 12, 28)
    for day in (monday, date(2027, 1, 3)):
        inputs.add("tasks_daily", tasks=2, day=day, team="sales")
    assert inputs.value("throughput") == 2
    assert {row["day"] for row in inputs.parts("throughput")} == {monday}
