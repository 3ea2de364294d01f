"""Quantiles of times of which some have not ended yet (Kaplan-Meier), per group.

A lead time of the tasks that are done alone would look better than it is: the quick ones are done
first.
"""

from __future__ import annotations

import numpy as np

from meetlat_aggregator.kpi.statistics.base import (
    LEVEL,
    Bools,
    Floats,
    Groups,
    Ints,
    Range,
    normal_quantile,
    quiet,
    refuse_unsorted,
    taken,
)
from meetlat_aggregator.kpi.statistics.quantiles import quantile_ranks

_ROUNDING = 1e-9  # of ln S: far below one of a hundred million


@quiet
def kaplan_meier(
    values: Floats, ended: Bools, starts: Ints, q: float = 0.5, level: float = LEVEL
) -> Range:
    """The time by which a share q has ended, per group, and its interval.

    values are sorted within groups; `ended` is False where the time is only "so far". The value is
    the first time with S(t) <= 1 - q (Kaplan and Meier, JASA 1958), NaN when S does not come down
    to it; of ends alone it is the order statistic. The interval is that of Brookmeyer and Crowley
    (Biometrics 1982) on the scale ln(-ln S): from the first time at which S(t) = 1 - q is not
    rejected to the first after the last such time, infinity when the data end before. Beyond that:

    * S still above 1 - q at the last end: `low` is that time, `high` is infinite.
    * S falls from clearly above to clearly below at once (all alike): both ends are that time, if
      there are enough observations for an interval of order statistics.

    NaN are left out. Raises ValueError when values are not sorted.
    """
    groups = Groups(starts, len(values))
    known = ~np.isnan(values)
    if not known.all():
        groups, values, ended = groups.only(known), values[known], ended[known]
    refuse_unsorted(values, groups)
    times, events, died, at_risk = _events(values, ended, groups)

    gone = died == at_risk  # only ever the last event of a group
    step = np.where(gone, 0.0, died / at_risk)
    log_s = np.where(gone, -np.inf, events.running(np.log1p(-step)))
    left = np.where(gone, np.inf, at_risk - died)
    spread = np.sqrt(np.maximum(events.running(died / (at_risk * left)), 0.0))  # Greenwood's

    reached = events.first(log_s <= np.log1p(-q) + _ROUNDING)
    apart = np.log(-log_s) - np.log(-np.log1p(-q))
    slack = normal_quantile((1 + level) / 2) * spread / -log_s
    inside = np.abs(apart) <= slack
    below = events.first(apart > slack)
    first, last = events.first(inside), events.last(inside)
    ends = events.starts + events.sizes - 1  # the last event of each group

    # Where S is inside nowhere: it jumps over, or stays above.
    never = (first < 0) & (events.sizes > 0)
    jumps = never & (below >= 0) & _enough(taken(at_risk, below), q, level)
    above = never & (below < 0)
    low = np.where(jumps, below, np.where(above, ends, first))
    high = np.where(jumps, below, np.where((last >= 0) & (last < ends), last + 1, -1))
    endless = above | ((last >= 0) & (last == ends))
    return Range(
        taken(times, reached), taken(times, low), np.where(endless, np.inf, taken(times, high))
    )


def _events(values: Floats, ended: Bools, groups: Groups) -> tuple[Floats, Groups, Floats, Floats]:
    """The times at which any ended, those of a group together; how many ended, and how many had
    not before.
    """
    new = np.ones(len(values), np.bool_)
    new[1:] = (values[1:] != values[:-1]) | (groups.of_row[1:] != groups.of_row[:-1])
    rows = np.flatnonzero(new)  # the first of those with one time
    times = groups.only(new)
    died = Groups(rows, len(values)).sum(ended)
    of_group = times.of_row
    at_risk = groups.sizes[of_group] - (rows - groups.starts[of_group])
    some = died > 0
    return (
        values[rows][some],
        times.only(some),
        died[some],
        at_risk[some].astype(np.float64),
    )


def _enough(n: Floats, q: float, level: float) -> Bools:
    ranks = quantile_ranks(n, q, level)
    return ~np.isnan(ranks.low) & ~np.isnan(ranks.high)
