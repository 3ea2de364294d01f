"""General productivity: time and errors of the same tasks with and without AI."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.kpi_inputs import Inputs
from support.kpi_rows import mean_and_deviation, parts_of, tasks_daily


def test_task_time_is_the_mean_handling_in_minutes() -> None:
    inputs = Inputs()
    with_ai, by_hand = np.array([600.0, 300, 450]), np.array([1200.0, 3600])
    tasks_daily(inputs, [*({"handling": s} for s in with_ai), {}], assisted="true")
    tasks_daily(inputs, [{"handling": s} for s in by_hand], assisted="false")
    tasks_daily(inputs, [{"handling": 60.0}])
    tasks_daily(inputs, [{"handling": 9e4}] * 9, assisted="true", step="calculation")
    tasks_daily(inputs, [{"handling": 9e4}] * 9, assisted="true", state="open")
    rows = inputs.parts("task_time")
    everything = np.concatenate([with_ai, by_hand, [60.0]])
    for part, seconds in (("", everything), ("with_ai", with_ai), ("without_ai", by_hand)):
        assert mean_and_deviation(rows, part) == (
            pytest.approx(seconds.mean() / 60),
            pytest.approx(seconds.std(ddof=1) / 60),
            len(seconds),
        )


def test_segments_stay_apart_so_that_they_can_be_compared_within() -> None:
    inputs = Inputs()
    for segment, assisted, minutes, count in (
        ("standard", "false", 60, 10),
        ("complex", "false", 100, 10),
        ("standard", "true", 30, 30),
        ("complex", "true", 90, 10),
    ):
        told = [{"handling": 60.0 * minutes}] * count
        tasks_daily(inputs, told, segment=segment, assisted=assisted)
    # The article's example: 50 % on standard and 10 % on complex ones.
    for segment, saved in (("standard", 0.5), ("complex", 0.1)):
        before = inputs.value("task_time", "without_ai", segment=segment)
        now = inputs.value("task_time", "with_ai", segment=segment)
        assert before is not None and now is not None
        assert 1 - now / before == pytest.approx(saved)


@pytest.mark.parametrize("kpi", ["task_time", "task_errors"])
def test_tasks_that_say_nothing_are_unknown(kpi: str) -> None:
    inputs = Inputs()
    assert inputs.parts(kpi) == []
    tasks_daily(inputs, [{}] * 30, assisted="true")
    assert inputs.value(kpi) is None


def test_one_and_identical_task_times() -> None:
    inputs = Inputs()
    tasks_daily(inputs, [{"handling": 90.0}])
    assert inputs.value("task_time") == 1.5
    tasks_daily(inputs, [{"handling": 90.0}] * 6, team="north")
    mean, deviation, n = mean_and_deviation(inputs.parts("task_time"))
    assert (mean, deviation, n) == (1.5, pytest.approx(0, abs=1e-6), 7)


def test_task_errors_is_the_share_with_an_error_not_their_number() -> None:
    inputs = Inputs()
    told: list[dict[str, Any]] = [{"errors": n} for n in (0, 0, 1, 4, 0)]
    tasks_daily(inputs, [*told, {}, {}], assisted="true")
    tasks_daily(inputs, [{"errors": 2}, {"errors": 0}], assisted="false", segment="complex")
    tasks_daily(inputs, [{"errors": 0}])
    tasks_daily(inputs, [{"errors": 3}] * 9, step="calculation")
    tasks_daily(inputs, [{"errors": 3}] * 9, state="open")
    assert inputs.value("task_errors") == 3 / 8
    assert inputs.value("task_errors", "with_ai") == 2 / 5
    assert inputs.value("task_errors", "without_ai") == 1 / 2
    assert inputs.value("task_errors", segment="complex") == 1 / 2


def test_tasks_of_unknown_assistance_are_in_the_whole_only() -> None:
    inputs = Inputs()
    tasks_daily(inputs, [{"errors": 0, "handling": 60}] * 3)
    assert parts_of(inputs.parts("task_errors")) == parts_of(inputs.parts("task_time")) == {""}
    assert inputs.value("task_errors") == 0
