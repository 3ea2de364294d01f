"""Working hours freed: what all tasks would have taken before, less what they take now.

Over all tasks, not those with AI alone: people pick AI for the easy ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meetlat_aggregator.kpi.composed.before import handling_before, mean_handling
from meetlat_aggregator.kpi.composed.figure import Interval, Question
from meetlat_aggregator.kpi.composed.ingredients import Ingredients
from meetlat_aggregator.kpi.statistics import Range, difference, weighted_sum


@dataclass(frozen=True, slots=True)
class Freed:
    """Hours freed in a period; below zero, work takes longer than before. NaN when not known.
    `tasks` of `all_tasks` are in segments with a baseline, the others are left out.
    """

    hours: Interval
    tasks: float
    all_tasks: float
    estimated: bool


def hours_freed(asked: Question, now: Ingredients, before: Ingredients) -> Freed:
    """Σ over segments of all tasks × (mean handling of the baseline - of now).

    Rows have as `n` the tasks, as `total` and `squares` their hours, and as `weight` the tasks that
    say them; an automated one that does not say its handling took none.
    """
    segments = now.segments()
    known = handling_before(asked.use_case, before, segments)
    tasks, base, current = [], [], []
    for name, rows in segments.items():
        mean = mean_handling(rows)
        if name in known and np.isfinite(mean.value):
            tasks.append(float(np.nansum(rows.n)))
            base.append(known[name].hours)
            current.append(mean)
    everything = float(np.nansum(now.n))
    if not tasks:
        return Freed(Interval(), 0.0, everything, estimated=False)
    per_task = difference(_ranges(base), _ranges(current))
    found = Interval.of(weighted_sum(per_task, np.array(tasks), np.array([0])))
    estimated = any(one.estimated for one in known.values())
    return Freed(found, sum(tasks), everything, estimated)


def _ranges(intervals: list[Interval]) -> Range:
    return Range(
        np.array([one.value for one in intervals]),
        np.array([one.low for one in intervals]),
        np.array([one.high for one in intervals]),
    )
