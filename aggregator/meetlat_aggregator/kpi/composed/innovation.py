"""Innovation: ideas by the hours that AI freed; by employees while it is not clear that it did."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from meetlat_aggregator.kpi.composed.figure import UNKNOWN, Figure, Interval, Question
from meetlat_aggregator.kpi.composed.freed import hours_freed
from meetlat_aggregator.kpi.composed.ingredients import known_sum
from meetlat_aggregator.kpi.remark import Remark
from meetlat_aggregator.kpi.statistics import ratio

PER_HOURS = Remark("per 100 hours freed", "per 100 vrijgespeelde uren")
PER_HEAD = Remark(
    "per 100 employees: the hours freed are not clearly above zero",
    "per 100 medewerkers: de vrijgespeelde uren liggen niet duidelijk boven nul",
)


def innovation(asked: Question) -> Iterator[Figure]:
    """Ideas per 100 hours freed, or per 100 employees; part `per_100_employees` always."""
    if asked.of_baseline:
        return
    now, before = asked.now(), asked.before()
    reported = now.of("ideas")
    count, n = known_sum(reported.total), float(np.nansum(reported.n))
    if not n:
        return
    ideas = poisson(count)
    people = employees(asked)
    per_head = ideas.times(100 / people) if people else Interval()
    if people:
        yield Figure(per_head, n, "per_100_employees")
    tasks, tasks_before = now.of("tasks"), before.of("tasks")
    freed = hours_freed(asked, tasks[~tasks.control], tasks_before[~tasks_before.control])
    if asked.live and freed.hours.low > 0:
        found = Interval.of(ratio(ideas.range(), freed.hours.range())).times(100)
        yield Figure(found, n, said=PER_HOURS, estimated=freed.estimated)
        return
    if people:
        yield Figure(per_head, n, said=PER_HEAD)
    else:
        said = Remark(
            f"{PER_HEAD.en}, and head counts are not known",
            f"{PER_HEAD.nl}, en het aantal medewerkers is niet bekend",
        )
        yield Figure(Interval(), n, said=said, verdict=UNKNOWN)


def poisson(count: float) -> Interval:
    """A count with its exact interval (Garwood, Biometrika 1936)."""
    from scipy import special

    low = float(special.gammaincinv(count, 0.025)) if count > 0 else 0.0
    return Interval(count, low, float(special.gammaincinv(count + 1, 0.975)))


def employees(asked: Question) -> float:
    """Head count on the period's last day of the teams that work with it, of all teams where the
    plan names none; 0 when it is not known.
    """
    plan = asked.context.plan
    names = asked.use_case.teams
    total = 0
    for team in plan.teams if plan else ():
        dated = [row for row in team.people if row.since <= asked.last]
        if dated and (not names or team.name in names):
            total += max(dated, key=lambda row: row.since).count
    return float(total)
