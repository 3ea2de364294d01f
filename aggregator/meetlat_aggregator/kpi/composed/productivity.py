"""Agent productivity: what was done in an hour of work, in hours of work of before."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

import numpy as np

from meetlat_aggregator.kpi.composed.before import handling_before
from meetlat_aggregator.kpi.composed.clustered import ratio_of
from meetlat_aggregator.kpi.composed.figure import NO_BASELINE, UNKNOWN, Figure, Interval, Question
from meetlat_aggregator.kpi.composed.ingredients import Ingredients, known_sum
from meetlat_aggregator.kpi.remark import NOTHING, Remark


def agent_productivity(asked: Question) -> Iterator[Figure]:
    """Σ closed × baseline handling of its segment / hours worked; in all, and per team."""
    now, before = asked.now(), asked.before()
    yield from _figure(asked, now[~now.control], before[~before.control], "")
    for team in filter(None, now.names("team")):
        of_team, of_team_before = (rows[rows.saying("team", team)] for rows in (now, before))
        yield from _figure(asked, of_team, of_team_before, team)


def _figure(asked: Question, now: Ingredients, before: Ingredients, team: str) -> Iterator[Figure]:
    """The hours of before are weights, taken as known: they stand in the baseline too, and how
    sure they are is no matter of how much is done now.
    """
    cases, worked = now.of("cases"), now.of("hours")
    closed, hours = float(np.nansum(cases.n)), known_sum(worked.total)
    if not closed:
        return
    if not hours > 0:
        if not asked.of_baseline:
            said = Remark(
                "nobody reports the hours that agents worked (`agent_hours`)",
                "niemand meldt de uren die medewerkers werkten (`agent_hours`)",
            )
            yield Figure(Interval(), closed, "", team, said, UNKNOWN)
        return
    segments = cases.segments()
    known = handling_before(asked.use_case, before.of("cases"), segments, team)
    covered = _weight(segments, known) / _weight(segments, segments)
    if not known or not covered > 0:
        if not asked.of_baseline:
            said = Remark(
                "no case says what it took before go-live",
                "van geen zaak is bekend wat zij voor de livegang kostte",
            )
            yield Figure(Interval(), closed, "", team, said, NO_BASELINE)
        return
    names = cases.texts["segment"]
    hours_each = [known[name].hours.value if name in known else 0.0 for name in names]
    factor = np.array(hours_each)[cases.segment]
    day = np.concatenate([cases.day, worked.day])
    done = np.concatenate([np.nan_to_num(cases.n) * factor, np.zeros(len(worked))])
    spent = np.concatenate([np.zeros(len(cases)), worked.total]) * covered
    found = ratio_of(day, done, spent)
    compared = sum(float(np.nansum(segments[name].n)) for name in known)
    said = NOTHING
    if compared < closed:
        left = f"{100 * (1 - compared / closed):.0f} %"
        said = Remark(
            f"{left} has no baseline and is left out",
            f"{left} heeft geen nulmeting en telt niet mee",
        )
    estimated = any(one.estimated for one in known.values())
    yield Figure(found, compared, "", team, said, None, estimated)


def _weight(segments: dict[str, Ingredients], names: Collection[str]) -> float:
    """How much of the work these segments are: by the hours that their cases take now; where those
    are not known of all, by cases.
    """
    weights = {}
    for name, rows in segments.items():
        closed, handled = float(np.nansum(rows.n)), float(np.nansum(rows.weight))
        weights[name] = (closed, closed * np.nansum(rows.total) / handled if handled else math.nan)
    timed = [hours for _, hours in weights.values()]
    by_hours = bool(all(map(math.isfinite, timed)) and sum(timed) > 0)
    return float(sum(weights[name][int(by_hours)] for name in segments if name in names))
