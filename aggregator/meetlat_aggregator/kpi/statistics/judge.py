"""Judging a range: is the target met, and which of many changes are more than chance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from meetlat_aggregator.kpi.statistics.base import (
    LEVEL,
    Bools,
    Floats,
    Range,
    normal_quantile,
    normal_tail,
    quiet,
)

UNKNOWN, OFF, UNDECIDED, ON = -2, -1, 0, 1


@quiet
def target_status(range_: Range, target: Floats, higher_is_better: Bools) -> npt.NDArray[np.int8]:
    """ON when every value of the interval meets the target, OFF when none does, else UNDECIDED.

    To be at the target is to meet it. So, when higher is better: ON from low >= target, OFF from
    high < target; when lower is better: ON from high <= target, OFF from low > target. Without an
    interval the value decides alone. With one end, the other is taken as endless, so that a median
    that is not reached yet can be too long already. UNKNOWN without a target, or without any of
    the three.
    """
    alone = np.isnan(range_.low) & np.isnan(range_.high)
    low = np.where(alone, range_.value, np.where(np.isnan(range_.low), -np.inf, range_.low))
    high = np.where(alone, range_.value, np.where(np.isnan(range_.high), np.inf, range_.high))
    on = np.where(higher_is_better, low >= target, high <= target)
    off = np.where(higher_is_better, high < target, low > target)
    unknown = np.isnan(target) | np.isnan(low)
    return np.select([unknown, on, off], [UNKNOWN, ON, OFF], UNDECIDED).astype(np.int8)


@quiet
def p_value(difference: Range, level: float = LEVEL) -> Floats:
    """How probable a difference at least as large would be by chance, from its interval: below
    1 - level just when the interval does not hold 0. The side towards 0 says how uncertain it is.
    """
    towards = np.where(
        difference.value > 0, difference.value - difference.low, difference.high - difference.value
    )
    size = np.abs(difference.value)
    sure = (towards == 0) & (size > 0)
    z = normal_quantile((1 + level) / 2) * size / np.where(towards > 0, towards, 1.0)
    found = np.where(sure, 0.0, normal_tail(np.where(np.isinf(towards), 0.0, z)))
    return np.where(np.isnan(towards), np.nan, found)


@quiet
def benjamini_hochberg(p: Floats) -> Floats:
    """p values adjusted for how many there are: those up to 0.1 are, on average, at most one in ten
    by chance (Benjamini and Hochberg, JRSS B 1995). NaN stays NaN and does not count.
    """
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    raised = p[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return adjusted
