"""How much calls of one day are alike, from sums alone: for ratios, and for shares of calls.

The days are the clusters of a ratio estimator; its variance is the linearised one (Cochran,
Sampling Techniques, 3rd ed., 6.4 and 9A): var(T/N) = d/(d-1) · Σ(t_i − R·n_i)² / N² over d days.
"""

from __future__ import annotations

import numpy as np

from meetlat_aggregator.kpi.measured import Floats
from meetlat_aggregator.kpi.statistics import Range
from meetlat_aggregator.kpi.statistics.base import normal_quantile, t_quantile

# With fewer days, how they differ is too uncertain to judge by.
LEAST_DAYS = 8


def ratio_by_day(
    total: Floats, n: Floats, days: Floats, total_total: Floats, total_n: Floats, n_n: Floats
) -> Range:
    """total / n with Student's t over days. The last three are Σt², Σt·n and Σn² over days.

    Of fewer than two days the range is not known (NaN).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = total / n
        variance = _variance(ratio, n, days, total_total, total_n, n_n)
        half = t_quantile(0.975, days - 1) * np.sqrt(variance)
        # What is never below 0 (money, tokens, errors) is not so in its range either.
        floor = np.where(total >= 0, 0.0, -np.inf)
        return Range(ratio, np.maximum(ratio - half, floor), ratio + half)


def design_effect(
    hits: Floats, n: Floats, days: Floats, hits_hits: Floats, hits_n: Floats, n_n: Floats
) -> Floats:
    """By how much to divide n for the range of a share, since calls of one day are alike; at least
    1, and 1 of fewer than eight days. As `statistics.design_effect`, from sums.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = hits / n
        between = _variance(share, n, days, hits_hits, hits_n, n_n)
        # Known from so many days only (Korn and Graubard, Survey Methodology 1998).
        wider = (t_quantile(0.975, days - 1) / normal_quantile(0.975)) ** 2
        effect = between / (share * (1 - share) / n) * wider
    known = (days >= LEAST_DAYS) & np.isfinite(effect)
    return np.where(known, np.maximum(effect, 1.0), 1.0)


def _variance(
    ratio: Floats, n: Floats, days: Floats, total_total: Floats, total_n: Floats, n_n: Floats
) -> Floats:
    spread = np.maximum(total_total - 2 * ratio * total_n + ratio**2 * n_n, 0.0)
    return days / (days - 1) * spread / n**2
