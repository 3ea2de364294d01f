"""A total by an amount, both per day, with days as clusters: what happens on one day is alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from meetlat_aggregator.kpi.composed.figure import Interval
from meetlat_aggregator.kpi.measured import Floats
from meetlat_aggregator.kpi.statistics import ratio_by_day


def per_day(day: npt.NDArray[np.int64], *values: Floats) -> list[Floats]:
    """The sums of each day that is there; what is not known counts as nothing."""
    _, place = np.unique(day, return_inverse=True)
    return [np.bincount(place, np.nan_to_num(one)).astype(np.float64) for one in values]


def ratio_of(day: npt.NDArray[np.int64], total: Floats, amount: Floats) -> Interval:
    """Σ total / Σ amount. Of what is told by the week, so that most days say one of the two alone,
    weeks are the clusters. NaN where the amount is not above 0; no range with fewer than two
    clusters.
    """
    totals, amounts = per_day(day, total, amount)
    if ((totals != 0) & (amounts != 0)).sum() * 2 < ((totals != 0) | (amounts != 0)).sum():
        totals, amounts = per_day((day + 3) // 7, total, amount)  # day 0 was a Thursday
    if not amounts.sum() > 0:
        return Interval()
    return Interval.of(ratio_by_day(totals, amounts, np.array([0])))
