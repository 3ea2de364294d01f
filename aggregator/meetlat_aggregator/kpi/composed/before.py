"""What a task of each segment took before: measured in the baseline window, or written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from meetlat.plan.models import UseCase
from meetlat_aggregator.kpi.composed.figure import Interval
from meetlat_aggregator.kpi.composed.ingredients import Ingredients
from meetlat_aggregator.kpi.statistics import mean_t


@dataclass(frozen=True, slots=True)
class Handling:
    """Mean hours of human work per task, and whether somebody wrote it down."""

    hours: Interval
    estimated: bool


def mean_handling(tasks: Ingredients) -> Interval:
    """Of rows with hours as `total`, their squares, and as `weight` the tasks that say them."""
    total, squares, n = (
        np.array([np.nansum(one)]) for one in (tasks.total, tasks.squares, tasks.weight)
    )
    return Interval.of(mean_t(total, squares, n))


def handling_before(
    use_case: UseCase, tasks: Ingredients, segments: Mapping[str, object], team: str = ""
) -> dict[str, Handling]:
    """By segment, as far as known. What the plan writes down is a baseline of `task_time`, in
    minutes: of the segment, of the team where one is asked for. One of all segments together holds
    where nothing else is known.
    """
    by_hand = {
        one.segment: Interval(*(float(end) / 60 for end in (one.value, one.low, one.high)))
        for one in use_case.baselines
        if (one.kpi, one.part, one.team) == ("task_time", "", team)
    }
    found: dict[str, Handling] = {}
    for segment in segments:
        measured = mean_handling(tasks[tasks.saying("segment", segment)])
        if segment in by_hand:
            found[segment] = Handling(by_hand[segment], estimated=True)
        elif np.isfinite(measured.value):
            found[segment] = Handling(measured, estimated=False)
        elif "" in by_hand:
            found[segment] = Handling(by_hand[""], estimated=True)
    return found
