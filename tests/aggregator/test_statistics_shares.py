"""Wilson's interval, plain, weighted and between days."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from meetlat_aggregator.kpi.statistics import design_effect, ratio_by_day, weighted_wilson, wilson

counts = st.lists(
    st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=1,
    max_size=20,
)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


@given(counts, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_is_what_statsmodels_gives(pairs: list[tuple[int, int]], level: float) -> None:
    hits, n = (floats(*column) for column in zip(*pairs, strict=True))
    found = wilson(hits, n, level=level)
    low, high = proportion_confint(hits, n, alpha=1 - level, method="wilson")
    assert found.value == pytest.approx(hits / n)
    assert found.low == pytest.approx(low, abs=1e-12)
    assert found.high == pytest.approx(high, abs=1e-12)


@given(counts)
def test_wilson_stays_in_0_to_1_around_the_value_and_ends_there_exactly(
    pairs: list[tuple[int, int]],
) -> None:
    hits, n = (floats(*column) for column in zip(*pairs, strict=True))
    found = wilson(hits, n)
    assert (found.low >= 0).all()
    assert (found.low <= found.value).all()
    assert (found.value <= found.high).all()
    assert (found.high <= 1).all()
    assert ((found.low == 0) == (hits == 0)).all()
    assert ((found.high == 1) == (hits == n)).all()


@given(counts)
def test_misses_have_the_mirrored_interval_of_hits(pairs: list[tuple[int, int]]) -> None:
    hits, n = (floats(*column) for column in zip(*pairs, strict=True))
    found, mirrored = wilson(hits, n), wilson(n - hits, n)
    assert found.low == pytest.approx(1 - mirrored.high, abs=1e-12)


@given(counts, st.floats(1.01, 100))
def test_the_same_share_of_more_is_known_better(pairs: list[tuple[int, int]], times: float) -> None:
    hits, n = (floats(*column) for column in zip(*pairs, strict=True))
    few, many = wilson(hits, n), wilson(hits * times, n * times)
    assert (many.high - many.low < few.high - few.low).all()


def test_a_share_of_nothing_or_of_what_cannot_be_is_not_known() -> None:
    hits = floats(0, 1, -1, 3, np.nan, 1, 1, np.inf)
    n = floats(0, 0, 5, 2, 5, np.nan, np.inf, np.inf)
    found = wilson(hits, n)
    for column in (found.value, found.low, found.high):
        assert np.isnan(column).all()
    assert wilson(floats(), floats()).value.shape == (0,)


def test_a_design_effect_divides_the_observations() -> None:
    found = wilson(floats(30), floats(100), floats(4))
    assert found.value.tolist() == [0.3]
    smaller = wilson(floats(7.5), floats(25))
    assert (found.low, found.high) == (pytest.approx(smaller.low), pytest.approx(smaller.high))


@given(counts, st.floats(0.001, 1000))
def test_equal_weights_are_no_weights(pairs: list[tuple[int, int]], weight: float) -> None:
    hits, n = (floats(*column) for column in zip(*pairs, strict=True))
    found, plain = weighted_wilson(hits * weight, n * weight, n * weight**2), wilson(hits, n)
    assert found.value == pytest.approx(plain.value)
    assert found.low == pytest.approx(plain.low, abs=1e-9)
    assert found.high == pytest.approx(plain.high, abs=1e-9)


def test_unequal_weights_leave_fewer_observations() -> None:
    # Ten of weight 1, ten of weight 9: Kish's n is 100² / 820 = 12.195.
    found = weighted_wilson(floats(50), floats(100), floats(820))
    expected = wilson(floats(0.5 * 100**2 / 820), floats(100**2 / 820))
    assert (found.value, found.low) == (pytest.approx(0.5), pytest.approx(expected.low))
    nothing = weighted_wilson(floats(0, 1, 2), floats(0, 1, 1), floats(0, 0, 1))
    assert np.isnan(nothing.value).all()


def loop_of_effects(hits: np.ndarray, n: np.ndarray) -> float:
    """Cochran's formula, day by day, and Korn and Graubard's factor."""
    share = sum(hits) / sum(n)
    squares = sum((h - share * m) ** 2 for h, m in zip(hits, n, strict=True))
    clustered = squares * len(n) / (len(n) - 1) / sum(n) ** 2
    few_days = (stats.t.ppf(0.975, len(n) - 1) / stats.norm.ppf(0.975)) ** 2
    return max(1.0, clustered / (share * (1 - share) / sum(n)) * few_days)


@given(st.integers(0, 2**32), st.lists(st.integers(8, 30), min_size=1, max_size=5))
def test_the_design_effect_of_each_group_is_cochrans(seed: int, days: list[int]) -> None:
    random = np.random.default_rng(seed)
    starts = np.concatenate(([0], np.cumsum(days)[:-1]))
    n = random.integers(1, 50, sum(days)).astype(np.float64)
    hits = np.floor(n * random.beta(2, 2, sum(days)))
    hits[starts], n[starts] = 1, 3  # neither none nor all
    found = design_effect(hits, n, starts)
    for group, start in enumerate(starts):
        rows = slice(start, start + days[group])
        assert found[group] == pytest.approx(loop_of_effects(hits[rows], n[rows]))


def test_the_design_effect_is_1_with_few_days_without_variance_or_without_days() -> None:
    apart = [0.0, 10.0]
    days = [apart * 4, (apart * 4)[:7], [10.0] * 8, [0.0] * 8, []]
    starts = np.concatenate(([0], np.cumsum([len(one) for one in days])[:-1]))
    hits = np.concatenate(days)
    found = design_effect(hits, np.full(len(hits), 10.0), starts)
    assert found.tolist() == [pytest.approx(10 * 8 / 7 * (2.364624 / 1.959964) ** 2), 1, 1, 1, 1]


def test_days_without_anything_do_not_count() -> None:
    with_gaps = ratio_by_day(floats(3, 0, 4, 0), floats(6, 0, 9, 0), np.array([0]))
    without = ratio_by_day(floats(3, 4), floats(6, 9), np.array([0]))
    assert with_gaps.low == pytest.approx(without.low)
    seven = design_effect(floats(*[0, 9] * 3, 0, 0), floats(*[9] * 7, 0), np.array([0]))
    assert seven.tolist() == [1]
