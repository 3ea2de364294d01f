"""Ranges of shares: Wilson's score interval, for plain, weighted and clustered counts."""

from __future__ import annotations

import numpy as np

from meetlat_aggregator.kpi.statistics.base import (
    LEVEL,
    Floats,
    Groups,
    Ints,
    Range,
    normal_quantile,
    quiet,
    t_quantile,
)
from meetlat_aggregator.kpi.statistics.means import residual_squares

FEWEST_DAYS = 8  # below it, how much days differ is a guess


@quiet
def wilson(hits: Floats, n: Floats, effect: Floats | float = 1.0, level: float = LEVEL) -> Range:
    """hits / n with Wilson's interval without continuity correction (Wilson, JASA 1927).

    n may be a fraction, as an effective number is. `effect` is a design effect: n / effect
    independent observations would know as much. NaN where n is not above 0 or hits not in 0..n.
    """
    usable = (n > 0) & (hits >= 0) & (hits <= n) & np.isfinite(n)
    some = np.where(usable, n, 1.0)
    share = np.where(usable, hits, np.nan) / some
    some = some / effect
    z2 = normal_quantile((1 + level) / 2) ** 2
    centre = (share * some + z2 / 2) / (some + z2)
    half = np.sqrt(z2 * (share * (1 - share) * some + z2 / 4)) / (some + z2)
    # At 0 and at 1 the interval ends there; rounding would put it a hair beside.
    low = np.where(share == 0, 0.0, np.minimum(centre - half, share))
    high = np.where(share == 1, 1.0, np.maximum(centre + half, share))
    return Range(share, low, high)


@quiet
def weighted_wilson(
    hits: Floats, weight: Floats, weight_squares: Floats, level: float = LEVEL
) -> Range:
    """hits / weight, sums of weights, with Wilson's interval over Kish's effective number of
    observations, weight² / weight_squares (Kish, Survey Sampling, 1965).
    """
    usable = (weight > 0) & (weight_squares > 0) & (hits >= 0)
    some = np.where(usable, weight, 1.0)
    # Both are sums of the same weights, so rounding alone can put one above the other.
    share = np.where(usable & (hits <= some * (1 + 1e-12)), np.minimum(hits / some, 1.0), np.nan)
    n = some**2 / np.where(usable, weight_squares, 1.0)
    return wilson(share * n, n, 1.0, level)


@quiet
def design_effect(hits: Floats, n: Floats, starts: Ints, level: float = LEVEL) -> Floats:
    """By how much to divide n for the interval of a share, since what happens on one day is alike.

    hits, n: per day, days standing together by group; `starts`: first day of each group. Gives one
    per group: the linearised variance of a ratio (Cochran, Sampling Techniques, 1977, ch. 6) over
    p (1 - p) / n, times (t / z)², as it is known from so many days only (Korn and Graubard, Survey
    Methodology 1998). Never below 1; 1 with fewer than 8 days, or where all or none are hits.
    """
    groups = Groups(starts, len(n))
    share, squares, total, days = residual_squares(hits, n, groups)
    binomial = share * (1 - share) * total
    usable = (days >= FEWEST_DAYS) & (binomial > 0)
    freedom = np.where(days > 1, days - 1, np.nan)
    tail = (1 + level) / 2
    wider = (t_quantile(tail, freedom) / normal_quantile(tail)) ** 2
    effect = squares * days / freedom / np.where(usable, binomial, 1.0) * wider
    return np.where(usable, np.maximum(effect, 1.0), 1.0)
