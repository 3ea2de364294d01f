"""Targets met or missed, changes beyond chance, and the bootstrap by case."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from meetlat_aggregator.kpi.statistics import (
    OFF,
    ON,
    UNDECIDED,
    UNKNOWN,
    Range,
    benjamini_hochberg,
    bootstrap_by_case,
    difference,
    p_value,
    target_status,
    wilson,
)

NAN, INF = np.nan, np.inf
ONE = np.zeros(1, np.int64)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


@pytest.mark.parametrize(
    ("low", "value", "high", "higher", "lower"),
    [
        (5.1, 6, 7, ON, OFF),
        (5, 6, 7, ON, UNDECIDED),  # the interval holds the target, and all of it is at least that
        (4, 5, 6, UNDECIDED, UNDECIDED),
        (3, 4, 5, UNDECIDED, ON),
        (3, 4, 4.9, OFF, ON),
        (5, 5, 5, ON, ON),
        (NAN, 5, NAN, ON, ON),
        (NAN, 5.1, NAN, ON, OFF),
        (NAN, 4.9, NAN, OFF, ON),
        (6, 7, INF, ON, OFF),
        (4, 7, INF, UNDECIDED, UNDECIDED),
        (6, NAN, INF, ON, OFF),  # a median that is not reached, but too long already
        (6, 7, NAN, ON, OFF),
        (4, 4.5, NAN, UNDECIDED, UNDECIDED),
        (NAN, 4, 4.9, OFF, ON),
        (NAN, NAN, NAN, UNKNOWN, UNKNOWN),
    ],
)
def test_a_target_of_5_is_met_missed_or_undecided(low, value, high, higher, lower) -> None:
    found = target_status(
        Range(floats(value, value), floats(low, low), floats(high, high)),
        floats(5, 5),
        np.array([True, False]),
    )
    assert found.tolist() == [higher, lower]


def test_without_a_target_nothing_is_judged() -> None:
    found = target_status(Range(floats(1), floats(0), floats(2)), floats(NAN), np.array([True]))
    assert found.tolist() == [UNKNOWN]


@given(st.floats(-10, 10), st.floats(0, 5), st.floats(0, 5), st.floats(-10, 10))
def test_the_mirrored_range_misses_and_meets_the_mirrored_target(value, down, up, target) -> None:
    low, high = value - down, value + up
    plain = target_status(Range(*map(floats, (value, low, high))), floats(target), np.array([True]))
    turned = target_status(
        Range(*map(floats, (-value, -high, -low))), floats(-target), np.array([False])
    )
    assert plain == turned


shares = st.integers(1, 1000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(shares, shares)
def test_a_difference_is_beyond_chance_just_when_its_interval_leaves_out_0(a, b) -> None:
    found = difference(*(wilson(floats(hits), floats(n)) for hits, n in (a, b)))
    assume(min(abs(found.low[0]), abs(found.high[0])) > 1e-9)
    assert (p_value(found)[0] < 0.05) == (not found.low[0] <= 0 <= found.high[0])


def test_the_p_value_of_a_normal_difference_is_its_z_test() -> None:
    found = p_value(
        Range(floats(3, -3), floats(3 - 1.959964 * 2, -3 - 9), floats(99, -3 + 3.919928))
    )
    assert found.tolist() == pytest.approx([2 * stats.norm.sf(1.5)] * 2, rel=1e-6)


def test_no_difference_is_chance_and_an_exact_one_is_none() -> None:
    value, low, high = floats(0, 1, 0, 1, NAN), floats(-1, 1, 0, -INF, NAN), floats(1, 1, 0, 2, NAN)
    found = p_value(Range(value, low, high))
    assert found.tolist()[:4] == [1, 0, 1, 1]
    assert np.isnan(found[4])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_adjusted_p_values_are_those_of_statsmodels(p: list[float]) -> None:
    expected = multipletests(p, method="fdr_bh")[1]
    assert benjamini_hochberg(floats(*p)) == pytest.approx(expected)


def test_p_values_that_are_not_known_do_not_count() -> None:
    found = benjamini_hochberg(floats(NAN, 0.01, 0.04))
    assert np.isnan(found[0])
    assert found[1:].tolist() == pytest.approx([0.02, 0.04])
    assert benjamini_hochberg(floats()).shape == (0,)


def mean_of(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def cases(seed: int, n: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    calls = random.integers(1, 10, n)
    return np.stack([calls * random.lognormal(size=n), calls], axis=1).astype(np.float64)


def test_the_bootstrap_repeats_itself_by_its_seed_alone() -> None:
    sums = cases(1, 50)
    one, same, other = (bootstrap_by_case(sums, ONE, mean_of, seed=seed) for seed in (1, 1, 2))
    assert (one.low, one.high) == (same.low, same.high)
    assert one.low != other.low
    assert one.value == pytest.approx(sums[:, 0].sum() / sums[:, 1].sum())


def test_the_bootstrap_of_a_mean_is_near_its_t_interval() -> None:
    sums = np.stack([np.random.default_rng(3).normal(10, 2, 400), np.ones(400)], axis=1)
    found = bootstrap_by_case(sums, ONE, mean_of, draws=8000)
    low, high = stats.norm.interval(0.95, sums[:, 0].mean(), stats.sem(sums[:, 0]))
    assert (found.low[0], found.high[0]) == pytest.approx((low, high), abs=0.02)


def test_the_bootstrap_gives_each_group_its_own_interval() -> None:
    a, b = cases(1, 40), cases(2, 300)
    both = bootstrap_by_case(
        np.concatenate([a, b, b[:1]]), np.array([0, 0, 40, 340]), mean_of, draws=4000
    )
    for group, sums in ((1, a), (2, b)):
        alone = bootstrap_by_case(sums, ONE, mean_of, draws=4000, seed=9)
        width = alone.high[0] - alone.low[0]
        assert both.value[group] == pytest.approx(alone.value[0])
        assert both.low[group] == pytest.approx(alone.low[0], abs=0.1 * width)
        assert both.high[group] == pytest.approx(alone.high[0], abs=0.1 * width)
    assert np.isnan([both.value[0], both.low[0], both.low[3], both.high[3]]).all()
    assert both.value[3] == pytest.approx(b[0, 0] / b[0, 1])


def test_copies_of_a_case_do_not_make_it_sure_by_case() -> None:
    """Ten calls of one case are one observation: the interval by case stays as wide."""
    calls = cases(4, 60)
    plain = bootstrap_by_case(calls, ONE, mean_of, draws=4000)
    tenfold = bootstrap_by_case(calls * 10, ONE, mean_of, draws=4000)
    assert tenfold.high - tenfold.low == pytest.approx(plain.high - plain.low)
