"""Means and ratios with Student's t."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from meetlat_aggregator.kpi.statistics import mean_t, ratio_by_day

values = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=2, max_size=40).filter(
    lambda found: np.ptp(found) > 0.01
)


def floats(*given_: float) -> np.ndarray:
    return np.array(given_, np.float64)


def of(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return floats(sample.sum()), floats((sample**2).sum()), floats(len(sample))


@given(values)
def test_a_mean_from_sums_is_what_scipy_gives_from_the_values(sample: list[float]) -> None:
    data = floats(*sample)
    found = mean_t(*of(data))
    expected = stats.ttest_1samp(data, 0).confidence_interval(0.95)
    near = {"rel": 1e-5, "abs": 1e-6 * np.abs(data).max()}
    assert found.value[0] == pytest.approx(data.mean(), **near)
    assert found.low[0] == pytest.approx(expected.low, **near)
    assert found.high[0] == pytest.approx(expected.high, **near)


@given(values, st.randoms())
def test_the_order_of_observations_does_not_matter(sample: list[float], random) -> None:
    shuffled = random.sample(sample, len(sample))
    one, other = (mean_t(*of(np.round(floats(*x) * 1000))) for x in (sample, shuffled))
    assert one.low == pytest.approx(other.low, rel=1e-9, abs=1e-3)


@given(values, st.floats(0.001, 1000))
def test_a_mean_in_another_unit_is_the_same_mean(sample: list[float], unit: float) -> None:
    data = floats(*sample)
    one, other = mean_t(*of(data)), mean_t(*of(data * unit))
    assert other.low / unit == pytest.approx(one.low, rel=1e-5, abs=1e-6 * np.abs(data).max())


@given(values, st.integers(2, 50))
def test_the_same_values_more_often_are_known_better(sample: list[float], times: int) -> None:
    total, squares, n = of(floats(*sample))
    few, many = mean_t(total, squares, n), mean_t(total * times, squares * times, n * times)
    assert many.high - many.low < few.high - few.low


def test_without_two_observations_there_is_no_interval() -> None:
    found = mean_t(
        floats(0, 3, np.nan, 5, 5), floats(0, 9, 1, 1, np.nan), floats(0, 1, 5, np.nan, 2)
    )
    assert np.isnan(found.value[[0, 2, 3]]).all()
    assert found.value[[1, 4]].tolist() == [3, 2.5]
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()


@given(st.floats(1e-9, 1e12), st.integers(2, 10**6))
def test_values_that_are_all_alike_have_no_width(value: float, n: int) -> None:
    found = mean_t(floats(value * n), floats(value * value * n), floats(n))
    assert found.low == found.value == found.high


def test_a_mean_by_hand() -> None:
    # 2, 4, 9: mean 5, s² = 13, s/√3 = 2.0817, t(2) = 4.3027
    found = mean_t(floats(15), floats(101), floats(3))
    assert found.value.tolist() == [5]
    assert found.low.tolist() == [pytest.approx(5 - 4.302653 * 2.081666, rel=1e-6)]


@given(st.lists(st.floats(-1000, 1000), min_size=2, max_size=30))
def test_days_of_one_observation_give_the_plain_t_interval(sample: list[float]) -> None:
    data = floats(*sample) + 5000
    found = ratio_by_day(data, np.ones(len(data)), np.array([0]))
    plain = stats.sem(data) * stats.t.ppf(0.975, len(data) - 1)
    assert found.high - found.low == pytest.approx(2 * plain, abs=1e-9)


@given(st.integers(0, 2**32), st.lists(st.integers(0, 12), min_size=1, max_size=8))
def test_groups_of_days_at_once_are_groups_one_by_one(seed: int, days: list[int]) -> None:
    random = np.random.default_rng(seed)
    starts = np.concatenate(([0], np.cumsum(days)[:-1])).astype(np.int64)
    counts = random.integers(0, 20, sum(days)).astype(np.float64)
    totals = counts * random.lognormal(size=sum(days))
    found = ratio_by_day(totals, counts, starts)
    for group, start in enumerate(starts):
        rows = slice(start, start + days[group])
        alone = ratio_by_day(totals[rows], counts[rows], np.zeros(1, np.int64))
        for one, other in ((found.value, alone.value), (found.low, alone.low)):
            assert one[group] == pytest.approx(other[0], nan_ok=True)


def test_a_ratio_by_day_by_hand() -> None:
    # Two days, 10 of 5 and 20 of 20: R = 30/25 = 1.2, residuals 4 and -4, variance
    # 2/1 × 32 / 625, t(1) = 12.706.
    found = ratio_by_day(floats(10, 20), floats(5, 20), np.array([0]))
    assert found.value.tolist() == [pytest.approx(1.2)]
    assert found.high.tolist() == [pytest.approx(1.2 + 12.7062 * 0.32, rel=1e-5)]


def test_a_ratio_of_no_days_one_day_or_no_counts_has_no_interval() -> None:
    found = ratio_by_day(floats(5, 1, 2, 0, 0), floats(2, 0, 0, 0, 0), np.array([0, 0, 1, 3]))
    assert (
        found.value.tolist()
        == [pytest.approx(np.nan, nan_ok=True), 2.5] + [pytest.approx(np.nan, nan_ok=True)] * 2
    )
    assert np.isnan(found.low).all()


@pytest.mark.parametrize("starts", [[], [1], [0, 3], [0, 2, 1]])
def test_starts_that_do_not_fit_the_rows_are_refused(starts: list[int]) -> None:
    with pytest.raises(ValueError, match="do not fit 2 rows"):
        ratio_by_day(np.ones(2), np.ones(2), np.array(starts, np.int64))
