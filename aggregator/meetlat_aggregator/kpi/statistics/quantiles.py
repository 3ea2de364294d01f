"""Quantiles and their distribution-free ranges, from sorted values or log buckets, per group."""

from __future__ import annotations

import numpy as np

from meetlat_aggregator.kpi.statistics.base import (
    LEVEL,
    Floats,
    Groups,
    Ints,
    Range,
    binomial_at_most,
    normal_quantile,
    quiet,
    refuse_unsorted,
    taken,
)
from meetlat_aggregator.waits import ZERO_BUCKET

_GAMMA = 101 / 99


@quiet
def quantile_ranks(n: Floats, q: float, level: float = LEVEL) -> Range:
    """Which of n sorted observations, counted from 1, is the quantile q, and which two are the ends
    of its interval.

    The quantile is the smallest rank k with k / n >= q. The interval needs no assumption on the
    distribution: as many of n as fall below the true quantile are binomial (David and Nagaraja,
    Order Statistics, 2003, ch. 7). Equal tails; at least `level`. An end is NaN when n is too small
    for it: a median needs 6, a p95 72 for its upper end.
    """
    distinct, place = np.unique(n, return_inverse=True)
    some = np.where(distinct >= 1, np.floor(distinct), np.nan)
    rank = np.clip(np.ceil(some * q * (1 - 1e-14)), 1, some)  # 0.1 * 30 is 3, not a hair above it
    low = _binomial_quantile((1 - level) / 2, some, q)
    high = _binomial_quantile((1 + level) / 2, some, q) + 1
    return Range(
        rank[place],
        np.where(low >= 1, low, np.nan)[place],
        np.where(high <= some, high, np.nan)[place],
    )


@quiet
def quantile_of_sorted(values: Floats, starts: Ints, q: float, level: float = LEVEL) -> Range:
    """The quantile per group and its interval; values are sorted within groups, NaN left out.

    Raises ValueError when they are not sorted.
    """
    groups = Groups(starts, len(values))
    known = ~np.isnan(values)
    if not known.all():
        groups, values = groups.only(known), values[known]
    refuse_unsorted(values, groups)
    ranks = quantile_ranks(groups.sizes.astype(np.float64), q, level)
    return Range(*(taken(values, _places(rank, groups.starts)) for rank in _three(ranks)))


@quiet
def quantile_of_histogram(
    buckets: Ints, counts: Ints, starts: Ints, q: float, level: float = LEVEL
) -> Range:
    """The quantile of waits per group, in microseconds, from log buckets with their counts.

    buckets are sorted within groups; a count may be 0. The value is the middle of its bucket, at
    most 1 % off; the interval goes from the lower edge of a bucket to the upper edge of another, so
    that it holds what the buckets no longer tell. Raises ValueError when they are not sorted or a
    count is below 0.
    """
    groups = Groups(starts, len(buckets))
    refuse_unsorted(buckets, groups)
    if (counts < 0).any():
        raise ValueError("a bucket has a count below 0")
    so_far = np.cumsum(counts)
    before = np.concatenate((np.zeros(1, np.int64), so_far))
    n = before[groups.starts + groups.sizes] - before[groups.starts]
    ranks = quantile_ranks(n.astype(np.float64), q, level)
    middle, low, high = (
        np.where(places < 0, -1, np.searchsorted(so_far, places + 1))
        for places in (_places(rank, before[groups.starts]) for rank in _three(ranks))
    )
    return Range(
        taken(microseconds_of_bucket(buckets), middle),
        taken(_edge(buckets - 1, buckets), low),
        taken(_edge(buckets, buckets), high),
    )


@quiet
def microseconds_of_bucket(buckets: Ints) -> Floats:
    """What a bucket stands for: the value that is off by the same share from both its edges."""
    return _edge(buckets, buckets) * (2 / (_GAMMA + 1))


def _edge(exponent: Ints, buckets: Ints) -> Floats:
    return np.where(buckets == ZERO_BUCKET, 0.0, _GAMMA ** exponent.astype(np.float64))


def _three(ranks: Range) -> tuple[Floats, Floats, Floats]:
    return ranks.value, ranks.low, ranks.high


def _places(ranks: Floats, starts: Ints) -> Ints:
    """Where these ranks stand among all rows, from 0; -1 for NaN."""
    there = ~np.isnan(ranks)
    return np.where(there, starts + np.where(there, ranks, 1).astype(np.int64) - 1, -1)


def _binomial_quantile(probability: float, n: Floats, q: float) -> Floats:
    """The smallest k with P(at most k hits of n) >= probability; NaN for NaN.

    A guess by the normal curve with a correction for skewness, then steps of one.
    """
    z = normal_quantile(probability)
    guess = n * q + z * np.sqrt(n * q * (1 - q)) + (z * z - 1) * (1 - 2 * q) / 6
    found = np.clip(np.floor(guess), 0, n)
    going = np.flatnonzero(~np.isnan(n))
    while len(going):
        k, some = found[going], n[going]
        up = binomial_at_most(k, some, q) < probability
        down = ~up & (binomial_at_most(k - 1, some, q) >= probability)
        found[going] = k + up - down
        going = going[up | down]
    return found
