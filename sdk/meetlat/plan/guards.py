"""Applies every guard to a plan: the mistakes that the system must stop people from making."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from meetlat.kpis.catalogue import Kpi
from meetlat.kpis.catalogue import catalogue as shipped
from meetlat.plan import (  # noqa: F401 - each puts its guards on the list
    guards_kpis,
    guards_money,
    guards_names,
    guards_own,
    guards_people,
    guards_targets,
    guards_time,
)
from meetlat.plan.guarding import GUARDS, Subject
from meetlat.plan.models import Plan
from meetlat.plan.positions import Positions
from meetlat.plan.problems import Problem, dotted, in_order


def check(
    plan: Plan,
    positions: Positions | None = None,
    *,
    catalogue: Mapping[str, Kpi] | None = None,
    today: date,
) -> tuple[Problem, ...]:
    """All errors and warnings of a plan, errors first.

    `positions` gives the lines; without them every line is 1. `today` is the day in the company's
    time zone; warnings depend on it, errors never.
    """
    positions = positions or Positions()
    kpis = shipped() if catalogue is None else catalogue
    subject = Subject(plan, kpis, today, positions.unfilled)
    problems = [
        Problem(positions.line(path), dotted(path), reason, remedy, guard.severity, rule=guard.name)
        for guard in GUARDS.values()
        for path, reason, remedy in guard.judge(subject)
    ]
    problems += [
        Problem(
            positions.line(path),
            dotted(path),
            f"`{dotted(path)}` is still to be filled in",
            "write your own text there; until then it counts as absent",
            "warning",
            rule="unfilled",
        )
        for path in positions.unfilled
    ]
    return in_order(problems)
