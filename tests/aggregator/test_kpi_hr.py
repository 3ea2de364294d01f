"""The pack for recruiting, against numbers computed by hand or anew from single observations."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from support.kpi_inputs import NOW, Inputs, select
from support.kpi_rows import feedback, mean_and_deviation, parts_of, tasks_daily

GO_LIVE = date(2026, 3, 9)
BEFORE, AFTER = date(2026, 3, 4), date(2026, 3, 11)
OPENED = datetime(2026, 1, 5, 9)  # noqa: DTZ001 - as DuckDB shows UTC


def plan() -> Inputs:
    inputs = Inputs()
    inputs.add("plan_use_cases", {"use_case": "hr", "pack": "hr", "go_live": GO_LIVE})
    return inputs


# --- screening_time


def test_screening_is_the_mean_minutes_per_application() -> None:
    inputs = plan()
    by_hand, with_ai = np.array([1800.0, 2100, 1500]), np.array([300.0, 240])
    dimensions = {"use_case": "hr", "step": "screening"}
    tasks_daily(inputs, [{"handling": s} for s in by_hand] + [{}], assisted="false", **dimensions)
    tasks_daily(inputs, [{"handling": s} for s in with_ai], assisted="true", **dimensions)
    tasks_daily(inputs, [{"handling": 9e4}] * 9, use_case="hr")
    tasks_daily(inputs, [{"handling": 9e4}] * 9, use_case="hr", step="interview")
    tasks_daily(inputs, [{"handling": 9e4}] * 9, state="open", **dimensions)
    rows = inputs.parts("screening_time")
    both = np.concatenate([by_hand, with_ai])
    for part, seconds in (("", both), ("without_ai", by_hand), ("with_ai", with_ai)):
        assert mean_and_deviation(rows, part) == (
            pytest.approx(seconds.mean() / 60),
            pytest.approx(seconds.std(ddof=1) / 60),
            len(seconds),
        )


def test_screenings_without_handling_are_unknown_and_zero_seconds_are_zero() -> None:
    inputs = plan()
    tasks_daily(inputs, [{}] * 5, use_case="hr", step="screening")
    assert inputs.value("screening_time") is None
    tasks_daily(inputs, [{"handling": 0}] * 4, use_case="hr", step="screening")
    assert inputs.value("screening_time") == 0


# --- match_accuracy


def interviews(inputs: Inputs, outcome: str, count: int, **said: Any) -> None:
    tasks_daily(
        inputs,
        [{}] * count,
        **{"use_case": "hr", "step": "first_interview", "assisted": "true", "day": AFTER}
        | {"outcome": outcome}
        | said,
    )


def test_match_accuracy_is_who_goes_on_after_a_first_interview() -> None:
    inputs = plan()
    interviews(inputs, "advanced", 5)
    interviews(inputs, "hired", 1)
    interviews(inputs, "rejected", 3)
    interviews(inputs, "withdrawn", 1)
    for undecided in ("", "open", "preselected"):
        interviews(inputs, undecided, 40)
    interviews(inputs, "rejected", 40, state="open")
    interviews(inputs, "rejected", 40, step="")
    interviews(inputs, "rejected", 40, step="screening")
    assert inputs.value("match_accuracy") == 6 / 10


def test_candidates_chosen_by_hand_count_before_go_live_only() -> None:
    inputs = plan()
    interviews(inputs, "advanced", 1, assisted="false", day=BEFORE)
    interviews(inputs, "rejected", 3, assisted="", day=BEFORE)
    interviews(inputs, "rejected", 50, assisted="false", day=AFTER)
    interviews(inputs, "advanced", 2)
    assert inputs.value("match_accuracy", day=BEFORE) == 1 / 4
    assert inputs.value("match_accuracy", day=AFTER) == 1


def test_nobody_who_goes_on_is_zero_and_no_interview_is_unknown() -> None:
    inputs = plan()
    assert inputs.value("match_accuracy") is None
    interviews(inputs, "rejected", 1)
    assert inputs.value("match_accuracy") == 0


# --- time_to_hire


def vacancy(inputs: Inputs, days: float | None, outcome: str = "hired", **said: Any) -> None:
    finished = None if days is None else OPENED + timedelta(days=days)
    told = {"use_case": "hr", "requested": OPENED, "finished": finished, "outcome": outcome}
    inputs.task(**told | said)


def test_time_to_hire_is_the_median_of_days_by_the_day_of_the_vacancy() -> None:
    inputs = plan()
    days = [21, 35.5, 60, 28, 44]
    for value in days:
        vacancy(inputs, value)
    assert inputs.value("time_to_hire") == pytest.approx(np.median(days))
    assert {row["day"] for row in inputs.parts("time_to_hire")} == {OPENED.date()}


def test_open_vacancies_count_as_not_yet() -> None:
    inputs = plan()
    for value in (10, 20, 30):
        vacancy(inputs, value)
    for _ in range(2):
        vacancy(inputs, None, outcome="")
    rows = select(inputs.parts("time_to_hire"))
    open_days = (NOW - OPENED) / timedelta(days=1)
    assert [row["value"] for row in rows if not row["ended"]] == [pytest.approx(open_days)] * 2
    # The third of five: 30, not 20, which is the median of those that were filled.
    assert inputs.value("time_to_hire") == 30


def test_a_vacancy_closed_without_a_hire_is_not_a_quick_hire() -> None:
    inputs = plan()
    vacancy(inputs, 1, outcome="rejected")
    vacancy(inputs, 40)
    rows = select(inputs.parts("time_to_hire"))
    assert sorted((row["value"], row["ended"]) for row in rows) == [(1, False), (40, True)]
    assert inputs.value("time_to_hire") == 40


@pytest.mark.parametrize(
    "said",
    [{"step": "first_interview"}, {"outcome": ""}, {"outcome": "open"}, {"requested": None}],
    ids=["a step", "no outcome", "open", "no start"],
)
def test_a_vacancy_that_says_no_time_is_unknown(said: dict[str, Any]) -> None:
    inputs = plan()
    vacancy(inputs, 12, **said)
    assert inputs.parts("time_to_hire") == []


def test_hires_with_and_without_ai_stand_beside_all() -> None:
    inputs = plan()
    for days, assisted in ((20, "true"), (25, "true"), (22, "true"), (50, "false"), (30, "")):
        vacancy(inputs, days, assisted=assisted)
    assert inputs.value("time_to_hire") == 25
    assert inputs.value("time_to_hire", "with_ai") == 22
    assert inputs.value("time_to_hire", "without_ai") == 50


# --- interview_quality


def test_interview_quality_by_who_judged_and_with_or_without_a_guide() -> None:
    inputs = plan()
    interviewer_ai, interviewer_hand, candidate_ai = [8, 9, 7], [6, 5], [4, 5, 3]
    feedback(inputs, "interviewer", interviewer_ai, assisted="true")
    feedback(inputs, "interviewer", interviewer_hand, assisted="false")
    feedback(inputs, "candidate", candidate_ai, scale=(1, 5), assisted="true")
    feedback(inputs, "candidate", [7], assisted="")
    feedback(inputs, "csat", [1, 1, 1, 1], assisted="true")
    stretched = [1 + 9 * (score - 1) / 4 for score in candidate_ai]
    rows = inputs.parts("interview_quality")
    expected: dict[str, list[float]] = {
        "": [*interviewer_ai, *interviewer_hand, *stretched, 7],
        "interviewer": interviewer_ai + interviewer_hand,
        "candidate": [*stretched, 7],
        "with_ai": interviewer_ai + stretched,
        "without_ai": interviewer_hand,
        "interviewer_with_ai": interviewer_ai,
        "interviewer_without_ai": interviewer_hand,
        "candidate_with_ai": stretched,
    }
    assert parts_of(rows) == expected.keys()
    assert {row["assisted"] for row in select(rows)} == {"true", "false", ""}
    for part, scores in expected.items():
        assert mean_and_deviation(rows, part) == (
            pytest.approx(np.mean(scores)),
            pytest.approx(np.std(scores, ddof=1)),
            len(scores),
        )


def test_invitations_without_a_score_are_no_interview_quality() -> None:
    inputs = plan()
    inputs.add("feedback_daily", {"kind": "candidate", "events": 5, "asked": 5})
    assert inputs.parts("interview_quality") == []
