"""Ranges of means: Student's t, from sums of squares or between days as clusters."""

from __future__ import annotations

import numpy as np

from meetlat_aggregator.kpi.statistics.base import (
    LEVEL,
    Floats,
    Groups,
    Ints,
    Range,
    quiet,
    t_quantile,
)

_ROUNDING = 8 * np.finfo(np.float64).eps


@quiet
def mean_t(total: Floats, squares: Floats, n: Floats, level: float = LEVEL) -> Range:
    """total / n with the t interval (Student, Biometrika 1908), from Σx, Σx² and n.

    NaN where n is not above 0; no interval where n is 1. A spread that is no more than what
    rounding leaves of the squares is none: all alike, the interval is the value.
    """
    usable = (n > 0) & np.isfinite(n)
    some = np.where(usable, n, 1.0)
    mean = np.where(usable, total, np.nan) / some
    spread = squares - total * mean
    spread = np.where(spread <= _ROUNDING * squares, 0.0, spread)
    return _around(mean, spread / np.where(some > 1, some - 1, np.nan) / some, some - 1, level)


@quiet
def ratio_by_day(totals: Floats, counts: Floats, starts: Ints, level: float = LEVEL) -> Range:
    """Σ totals / Σ counts with days as clusters: what happens on one day is alike.

    totals, counts: per day, days standing together by group; `starts`: first day of each group.
    Gives one per group: the ratio estimator with its linearised variance (Cochran, Sampling
    Techniques, 1977, ch. 6) and t with days - 1 degrees of freedom. Days on which nothing
    happened do not count. No interval with fewer than two days.
    """
    groups = Groups(starts, len(counts))
    share, squares, total, days = residual_squares(totals, counts, groups)
    freedom = np.where(days > 1, days - 1, np.nan)
    usable = np.where(total > 0, total, np.nan)
    return _around(share, squares * days / freedom / usable**2, freedom, level)


def residual_squares(
    totals: Floats, counts: Floats, groups: Groups
) -> tuple[Floats, Floats, Floats, Floats]:
    """Per group: R = Σt / Σn, Σ (t - R n)² over days, Σn, and the number of days with any of it."""
    n = groups.sum(counts)
    share = groups.sum(totals) / np.where(n > 0, n, np.nan)
    apart = totals - share[groups.of_row] * counts
    days = groups.sum((counts != 0) | (totals != 0))
    return share, groups.sum(apart**2), n, days


def _around(mean: Floats, variance: Floats, freedom: Floats, level: float) -> Range:
    half = t_quantile((1 + level) / 2, freedom) * np.sqrt(variance)
    return Range(mean, mean - half, mean + half)
