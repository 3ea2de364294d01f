"""Ranges put together: difference, ratio, weighted sum, improvement on a baseline.

All by MOVER, the method of variance estimates recovery: the distance from a value to an end of its
interval says how uncertain it is on that side. It takes any interval, so a share, a mean and a
median are treated alike; of two Wilson intervals it makes Newcombe's.
"""

from __future__ import annotations

import numpy as np

from meetlat_aggregator.kpi.statistics.base import (
    Bools,
    Floats,
    Groups,
    Ints,
    Range,
    known_exactly,
    quiet,
)


@quiet
def difference(a: Range, b: Range) -> Range:
    """a - b, of independent values (Newcombe, Statistics in Medicine 1998; Zou and Donner, ibid.
    2008).
    """
    value = a.value - b.value
    low = value - np.hypot(a.value - a.low, b.high - b.value)
    high = value + np.hypot(a.high - a.value, b.value - b.low)
    return Range(value, low, high)


@quiet
def ratio(a: Range, b: Range) -> Range:
    """a / b, of independent values (Donner and Zou, Statistical Methods in Medical Research 2012;
    for values that may be below 0, Newcombe, ibid. 2016).

    NaN where b is 0. The interval has no end where b may be 0: upwards when b's interval touches
    0, both ways when it holds it.
    """
    flipped = b.value < 0  # a / b is -a / -b
    a, b = _mirrored(a, flipped), _mirrored(b, flipped)
    usable = b.value > 0
    value = np.where(usable, a.value, np.nan) / np.where(usable, b.value, 1.0)
    low = _lower(a.value, a.low, b)
    high = 0.0 - _lower(-a.value, -a.high, b)
    return Range(value, np.where(usable, low, np.nan), np.where(usable, high, np.nan))


@quiet
def weighted_sum(ranges: Range, weights: Floats, starts: Ints) -> Range:
    """Σ w x per group, of independent values with weights that are known (Zou, Huang and Zhang,
    Computational Statistics & Data Analysis 2009).

    The rows of a group stand together from `starts` on. A row of weight 0 is left out, whatever its
    value; a group without any other is NaN.
    """
    groups = Groups(starts, len(weights))
    used = weights != 0
    # Infinite times 0 is no number, and a lone infinite end has to stay one.
    down = np.where(weights > 0, ranges.value - ranges.low, ranges.high - ranges.value)
    up = np.where(weights > 0, ranges.high - ranges.value, ranges.value - ranges.low)
    some = groups.sum(used) > 0
    value = np.where(
        some, groups.sum(np.where(used, weights, 0) * _or_0(ranges.value, used)), np.nan
    )
    low = value - np.sqrt(groups.sum((weights * _or_0(down, used)) ** 2))
    high = value + np.sqrt(groups.sum((weights * _or_0(up, used)) ** 2))
    return Range(value, low, high)


@quiet
def shares_within(weights: Floats, starts: Ints) -> Floats:
    """Each weight as a share of its group's sum, so that `weighted_sum` gives a weighted mean; NaN
    where the sum is not above 0.
    """
    groups = Groups(starts, len(weights))
    total = groups.sum(weights)
    return weights / np.where(total > 0, total, np.nan)[groups.of_row]


@quiet
def improvement(
    now: Range,
    base: Range,
    higher_is_better: Bools,
    *,
    now_exact: Bools | bool = False,
    base_exact: Bools | bool = False,
) -> Range:
    """By which share `now` is better than `base`: (now - base) / base when higher is better, else
    (base - now) / base. Three days that became one are 0.67.

    NaN where the base is not above 0: a share of nothing, or of a loss, says nothing. An end that
    is missing makes the interval missing, unless the side is marked as exact: then its value is
    taken as known.
    """
    now, base = known_exactly(now, now_exact), known_exactly(base, base_exact)
    found = ratio(now, base)
    sign = np.where(base.value > 0, np.where(higher_is_better, 1.0, -1.0), np.nan)
    low, high = sign * (found.low - 1), sign * (found.high - 1)
    return Range(
        sign * (found.value - 1),
        np.where(higher_is_better, low, high),
        np.where(higher_is_better, high, low),
    )


def _or_0(values: Floats, used: Bools) -> Floats:
    return np.where(used, values, 0.0)


def _mirrored(range_: Range, where: Bools) -> Range:
    """The range of -x on the rows of `where`."""
    return Range(
        np.where(where, -range_.value, range_.value),
        np.where(where, -range_.high, range_.low),
        np.where(where, -range_.low, range_.high),
    )


def _lower(value: Floats, low: Floats, b: Range) -> Floats:
    """The least r at which the MOVER interval of a - r b still holds 0; b is above 0.

    It is a root of A r² - 2 B r + C. For r above 0 the upper end of b matters, below 0 the lower.
    """
    above = low >= 0
    end = np.where(above, b.high, b.low)
    # Without an upper end (infinite), b may be as large as it likes, and the ratio near 0.
    boundless = np.isinf(end)
    end = np.where(boundless, 1.0, end)
    a_term = end * (2 * b.value - end)
    b_term = value * b.value
    c_term = low * (2 * value - low)
    root = np.sqrt(np.maximum(b_term**2 - a_term * c_term, 0.0))
    # Each form where it neither divides by 0 nor subtracts what is nearly equal.
    positive = b_term >= 0
    over = np.where(positive, b_term + root, a_term)
    found = np.where(positive, c_term, b_term - root) / np.where(over != 0, over, np.nan)
    found = np.where(c_term == 0, np.where(positive, 0.0, found), found)
    found = np.where(above & boundless, 0.0, found)
    # NaN stays NaN: what is not known of b is not known to hold 0.
    no_end = (b.low < 0) | (~above & (b.low <= 0)) | (low == -np.inf)
    missing = np.isnan(low) | np.isnan(b.low) | np.isnan(b.high)
    return np.where(missing, np.nan, np.where(no_end, -np.inf, found))
