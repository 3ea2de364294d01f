"""Order statistics and their intervals, from values and from log buckets."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from meetlat_aggregator.kpi.statistics import (
    microseconds_of_bucket,
    quantile_of_histogram,
    quantile_of_sorted,
    quantile_ranks,
)
from meetlat_aggregator.waits import buckets_of

QUANTILES = st.sampled_from([0.05, 0.1, 0.2, 0.5, 0.75, 0.8, 0.9, 0.95, 0.99])
sizes_of_groups = st.lists(st.integers(0, 150), min_size=1, max_size=6)
ONE = np.zeros(1, np.int64)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def starts_of(sizes: list[int]) -> np.ndarray:
    return np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)


@given(st.integers(1, 10**9), QUANTILES)
def test_the_quantile_is_the_least_rank_that_reaches_its_share(n: int, q: float) -> None:
    rank = int(quantile_ranks(floats(n), q).value[0])
    share = Fraction(str(q))
    assert Fraction(rank, n) >= share
    assert rank == 1 or Fraction(rank - 1, n) < share


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=20), QUANTILES)
def test_the_ends_are_the_innermost_ranks_that_scipys_binomial_allows(
    n: list[int], q: float
) -> None:
    found = quantile_ranks(floats(*n), q)
    for many, low, high in zip(n, found.low, found.high, strict=True):
        lowest = stats.binom.ppf(0.025, many, q)
        highest = stats.binom.ppf(0.975, many, q) + 1
        assert low == pytest.approx(lowest if lowest >= 1 else np.nan, nan_ok=True)
        assert high == pytest.approx(highest if highest <= many else np.nan, nan_ok=True)


@given(st.integers(1, 5000), QUANTILES)
def test_each_end_misses_at_most_2_5_percent_and_one_rank_further_in_would_miss_more(
    n: int, q: float
) -> None:
    ranks = quantile_ranks(floats(n), q)
    low, high = ranks.low[0], ranks.high[0]
    if not np.isnan(low):
        assert stats.binom.cdf(low - 1, n, q) <= 0.025 < stats.binom.cdf(low, n, q)
    if not np.isnan(high):
        assert stats.binom.sf(high - 1, n, q) <= 0.025 + 1e-12
        assert stats.binom.sf(high - 2, n, q) > 0.025 - 1e-12


def test_a_median_needs_six_and_a_p95_needs_72() -> None:
    assert np.isnan(quantile_ranks(floats(5), 0.5).low[0])
    assert np.isnan(quantile_ranks(floats(5), 0.5).high[0])
    six = quantile_ranks(floats(6), 0.5)
    assert (six.low[0], six.value[0], six.high[0]) == (1, 3, 6)
    p95 = quantile_ranks(floats(71, 72), 0.95)
    assert np.isnan(p95.high).tolist() == [True, False]
    assert p95.high[1] == 72


def test_ranks_of_nothing_are_not_known() -> None:
    found = quantile_ranks(floats(0, np.nan, -1, 1), 0.5)
    assert np.isnan(found.value).tolist() == [True, True, True, False]
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()
    assert quantile_ranks(floats(), 0.5).value.shape == (0,)


@given(st.integers(0, 2**32), sizes_of_groups, QUANTILES)
def test_groups_at_once_are_groups_one_by_one(seed: int, sizes: list[int], q: float) -> None:
    random = np.random.default_rng(seed)
    parts = [np.sort(random.integers(0, 30, size).astype(np.float64)) for size in sizes]
    found = quantile_of_sorted(np.concatenate(parts), starts_of(sizes), q)
    for group, part in enumerate(parts):
        n = len(part)
        expected = [math.nan] * 3
        if n:
            low, high = stats.binom.ppf([0.025, 0.975], n, q) - (1, 0)
            expected = [
                part[math.ceil(Fraction(str(q)) * n) - 1],
                part[int(low)] if low >= 0 else math.nan,
                part[int(high)] if high < n else math.nan,
            ]
        seen = [found.value[group], found.low[group], found.high[group]]
        assert seen == pytest.approx(expected, nan_ok=True)


@given(st.integers(0, 2**32), st.integers(1, 100), st.floats(1e-6, 1e6))
def test_a_quantile_in_another_unit_is_the_same_quantile(seed: int, n: int, unit: float) -> None:
    values = np.sort(np.random.default_rng(seed).lognormal(size=n))
    one, other = quantile_of_sorted(values, ONE, 0.5), quantile_of_sorted(values * unit, ONE, 0.5)
    assert other.value == pytest.approx(one.value * unit)
    assert other.high == pytest.approx(one.high * unit, nan_ok=True)


def test_what_is_not_known_is_left_out_of_a_quantile() -> None:
    values = floats(1, 2, 3, np.nan, np.nan, np.nan)
    found = quantile_of_sorted(values, np.array([0, 4]), 0.5)
    assert found.value[0] == 2
    assert np.isnan(found.value[1])


def test_values_that_are_not_sorted_are_refused() -> None:
    with pytest.raises(ValueError, match="not sorted within"):
        quantile_of_sorted(floats(2, 1), ONE, 0.5)
    assert quantile_of_sorted(floats(2, 1), np.array([0, 1]), 0.5).value.tolist() == [2, 1]
    with pytest.raises(ValueError, match="not sorted within"):
        quantile_of_histogram(np.array([2, 1]), np.ones(2, np.int64), ONE, 0.5)
    with pytest.raises(ValueError, match="below 0"):
        quantile_of_histogram(np.array([1, 2]), np.array([1, -1]), ONE, 0.5)


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=200), QUANTILES)
def test_buckets_give_the_quantile_of_the_waits_to_one_percent(waits: list[int], q: float) -> None:
    exact = quantile_of_sorted(np.sort(floats(*waits)), ONE, q)
    buckets, counts = np.unique(buckets_of(np.array(waits, np.int64)), return_counts=True)
    found = quantile_of_histogram(buckets, counts, ONE, q)
    assert found.value == pytest.approx(exact.value, rel=0.01, abs=0)
    for end, true, sign in ((found.low, exact.low, 1), (found.high, exact.high, -1)):
        assert np.isnan(end) == np.isnan(true)
        if not np.isnan(true):  # never narrower than what the waits say, at most 2 % wider
            assert sign * (true - end) >= -1e-9 * true
            assert end == pytest.approx(true, rel=0.0203)


@given(st.integers(0, 2**32), sizes_of_groups, QUANTILES)
def test_groups_of_buckets_at_once_are_groups_one_by_one(
    seed: int, sizes: list[int], q: float
) -> None:
    random = np.random.default_rng(seed)
    parts = [np.sort(random.choice(2000, size, replace=False)) - 1 for size in sizes]
    counts = [random.integers(0, 50, size) for size in sizes]
    found = quantile_of_histogram(
        np.concatenate(parts), np.concatenate(counts), starts_of(sizes), q
    )
    for group, (part, count) in enumerate(zip(parts, counts, strict=True)):
        plain = quantile_of_sorted(np.repeat(microseconds_of_bucket(part), count), ONE, q)
        assert found.value[group] == pytest.approx(plain.value[0], nan_ok=True)
        wider = plain.high[0] / 0.99
        assert found.high[group] == pytest.approx(wider, rel=1e-9, nan_ok=True)


def test_no_wait_is_nothing_and_other_buckets_stand_for_their_middle() -> None:
    gamma = 1.01 / 0.99
    found = microseconds_of_bucket(np.array([-1, 0, 100]))
    assert found.tolist() == pytest.approx([0, 2 / (gamma + 1), 2 * gamma**100 / (gamma + 1)])


def test_a_group_without_counts_has_no_quantile() -> None:
    found = quantile_of_histogram(
        np.array([5, 6, 1]), np.array([0, 0, 9]), np.array([0, 2, 3]), 0.5
    )
    assert np.isnan(found.value).tolist() == [True, False, True]
