"""Kaplan-Meier quantiles against statsmodels, and what statsmodels does not say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from meetlat_aggregator.kpi.statistics import kaplan_meier, quantile_of_sorted
from meetlat_aggregator.kpi.statistics.base import Groups, quiet
from meetlat_aggregator.kpi.statistics.survival import _at_every_end, _by_search

ONE = np.zeros(1, np.int64)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def sample(seed: int, n: int, censored: float, ties: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted times, of few distinct values, and which of them are ends."""
    random = np.random.default_rng(seed)
    times = np.ceil(random.exponential(ties, n))
    order = np.argsort(times, kind="stable")
    return times[order], random.random(n)[order] >= censored


def by_statsmodels(times: np.ndarray, ended: np.ndarray, q: float) -> tuple[float, float, float]:
    curve = SurvfuncRight(times, ended.astype(int))
    reached = np.flatnonzero(curve.surv_prob <= 1 - q + 1e-9)
    value = curve.surv_times[reached[0]] if len(reached) else np.nan
    with np.errstate(all="ignore"):
        low, high = curve.quantile_ci(q)
    return value, low, high


samples = st.tuples(
    st.integers(0, 2**32),
    st.integers(1, 120),
    st.sampled_from([0, 0.2, 0.5, 0.8, 0.95]),
    st.sampled_from([1, 3, 1000]),
)


@given(st.lists(samples, min_size=1, max_size=5), st.sampled_from([0.25, 0.5, 0.8]))
def test_value_and_interval_are_those_of_statsmodels_in_every_group(
    given_: list[tuple[int, int, float, int]], q: float
) -> None:
    groups = [sample(*one) for one in given_]
    starts = np.concatenate(([0], np.cumsum([len(times) for times, _ in groups])[:-1]))
    times, ended = (np.concatenate(column) for column in zip(*groups, strict=True))
    found = kaplan_meier(times, ended, starts.astype(np.int64), q)
    for group, (alone, of_them) in enumerate(groups):
        if not of_them.any():
            expected = (np.nan, np.nan, np.nan)
        else:
            expected = by_statsmodels(alone, of_them, q)
        assert found.value[group] == pytest.approx(expected[0], nan_ok=True)
        if not np.isnan(expected[1]):  # where it is silent we may say more
            assert (found.low[group], found.high[group]) == expected[1:]


def waiting(random: np.random.Generator, times: np.ndarray, share: float, how: str) -> np.ndarray:
    """Which of sorted times are ends, when so many still wait: the young, the old, or any."""
    if how == "old":
        return np.arange(len(times)) < len(times) * (1 - share)
    if how == "young":
        return np.arange(len(times)) >= len(times) * share
    likely = np.linspace(1, 0, len(times)) if how == "mostly young" else np.ones(len(times))
    return random.random(len(times)) >= share * likely


large = st.tuples(
    st.integers(0, 2**32),
    st.integers(1, 2000),
    st.sampled_from([0, 0.01, 0.2, 0.5, 0.8, 0.95]),
    st.sampled_from([1, 3, 30, 1000, 1e6]),
    st.sampled_from(["any", "young", "old", "mostly young"]),
)


@given(st.lists(large, min_size=1, max_size=6), st.sampled_from([0.1, 0.25, 0.5, 0.8, 0.9]))
def test_what_is_found_by_halving_is_what_every_end_gives(
    given_: list[tuple[int, int, float, float, str]], q: float
) -> None:
    groups = []
    for seed, n, share, ties, how in given_:
        random = np.random.default_rng(seed)
        times = np.sort(np.ceil(random.exponential(ties, n)))
        ended = waiting(random, times, share, how)
        order = np.lexsort((~ended, times))
        groups.append((times[order], ended[order]))
    starts = np.concatenate(([0], np.cumsum([len(times) for times, _ in groups])[:-1]))
    times, ended = (np.concatenate(column) for column in zip(*groups, strict=True))
    rows = Groups(starts.astype(np.int64), len(times))
    found, sure = quiet(_by_search)(times, ended, rows, q, 0.95)
    expected = quiet(_at_every_end)(times, ended, rows, q, 0.95)
    for name in ("value", "low", "high"):
        np.testing.assert_array_equal(getattr(found, name)[sure], getattr(expected, name)[sure])


def test_halving_is_sure_of_what_is_usual_and_knows_what_it_is_not_sure_of() -> None:
    random = np.random.default_rng(7)
    usual = np.sort(random.lognormal(3, 1, 500))
    alike = np.full(500, 3.0)
    open_ = random.random(500) >= 0.05
    jumbled = np.sort(
        np.ceil(random.exponential(3, 500))
    )  # some wait where others end, before them
    times = np.concatenate((usual, alike, usual[::20], jumbled))
    ended = np.concatenate((open_, np.ones(500, np.bool_), open_[::20], open_))
    starts = np.array([0, 500, 1000, 1025])
    _, sure = quiet(_by_search)(times, ended, Groups(starts, len(times)), 0.5, 0.95)
    assert list(sure) == [True, False, False, False]


@given(st.integers(0, 2**32), st.integers(1, 300), st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.95]))
def test_when_all_have_ended_it_is_the_order_statistic(seed: int, n: int, q: float) -> None:
    times, _ = sample(seed, n, 0, 50)
    found = kaplan_meier(times, np.ones(n, np.bool_), ONE, q)
    assert found.value == quantile_of_sorted(times, ONE, q).value


def test_rounding_does_not_grow_with_the_groups_before() -> None:
    # 20,000 groups of 10: of each the fifth is the median, where S is 0.5 but for rounding.
    times = np.tile(np.arange(1.0, 11), 20_000)
    found = kaplan_meier(times, np.ones(len(times), np.bool_), np.arange(0, len(times), 10))
    assert set(found.value.tolist()) == {5.0}
    assert len(set(found.low.tolist())) == len(set(found.high.tolist())) == 1


@given(samples)
def test_who_is_still_waiting_makes_the_median_no_shorter(
    given_: tuple[int, int, float, int],
) -> None:
    times, ended = sample(*given_)
    all_of_them = kaplan_meier(times, ended, ONE).value[0]
    only_ended = kaplan_meier(times[ended], ended[ended], ONE).value[0]
    assert np.isnan(all_of_them) or all_of_them >= only_ended


def test_a_median_that_is_not_reached_still_has_a_lower_end() -> None:
    times, ended = np.arange(1.0, 21), np.arange(20) < 8  # 8 of 20 ended: S = 0.6
    found = kaplan_meier(times, ended, ONE)
    assert np.isnan(found.value[0])
    assert found.low[0] == by_statsmodels(times, ended, 0.5)[1]
    assert found.high[0] == np.inf


def test_far_from_reached_the_median_is_beyond_the_last_end() -> None:
    times, ended = np.arange(1.0, 101), np.arange(100) < 3
    found = kaplan_meier(times, ended, ONE)
    assert (found.low[0], found.high[0]) == (3, np.inf)
    assert np.isnan(found.value[0])


def test_all_alike_have_that_time_as_interval_when_they_are_enough() -> None:
    for n, expected in ((5, np.nan), (6, 7.0), (500, 7.0)):
        found = kaplan_meier(np.full(n, 7.0), np.ones(n, np.bool_), ONE)
        assert found.value[0] == 7
        assert found.low[0] == pytest.approx(expected, nan_ok=True)
        assert found.high[0] == pytest.approx(expected, nan_ok=True)


def test_nothing_ended_nobody_there_and_one_alone_are_no_errors() -> None:
    times, ended = floats(1, 2, 3, 4, np.nan), np.array([False, False, False, True, True])
    found = kaplan_meier(times, ended, np.array([0, 3, 3, 4]))
    assert np.isnan(found.value).tolist() == [True, True, False, True]
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()
    assert kaplan_meier(floats(), np.zeros(0, np.bool_), ONE[:0]).value.shape == (0,)
    assert np.isnan(kaplan_meier(floats(), np.zeros(0, np.bool_), ONE).value).all()


def test_times_that_are_not_sorted_are_refused() -> None:
    with pytest.raises(ValueError, match="not sorted within"):
        kaplan_meier(floats(2, 1), np.ones(2, np.bool_), ONE)
