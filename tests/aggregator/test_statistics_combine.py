"""MOVER: ranges put together, and improvement on a baseline."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from meetlat_aggregator.kpi.statistics import (
    Range,
    difference,
    improvement,
    known_exactly,
    ratio,
    shares_within,
    weighted_sum,
    wilson,
)

HIGHER, LOWER = np.array([True]), np.array([False])
NAN, INF = np.nan, np.inf


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def one(value: float, low: float, high: float) -> Range:
    return Range(floats(value), floats(low), floats(high))


def ends(range_: Range) -> tuple[float, float, float]:
    return float(range_.value[0]), float(range_.low[0]), float(range_.high[0])


shares = st.integers(1, 10**5).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
sides = st.floats(0, 50).map(lambda x: round(x, 3))
numbers = st.floats(-100, 100).map(lambda x: round(x, 3))
ranges = st.tuples(numbers, sides, sides).map(lambda x: (x[0], x[0] - x[1], x[0] + x[2]))
# Surely above 0, as what is divided by should be.
positive = st.tuples(st.floats(1, 100), st.floats(0, 0.99), sides).map(
    lambda x: (x[0], x[0] * (1 - x[1]), x[0] + x[2])
)


@given(shares, shares)
def test_the_difference_of_shares_is_newcombes_as_statsmodels_gives_it(
    a: tuple[int, int], b: tuple[int, int]
) -> None:
    found = difference(*(wilson(floats(hits), floats(n)) for hits, n in (a, b)))
    low, high = confint_proportions_2indep(*a, *b, method="newcomb", compare="diff")
    assert ends(found)[1:] == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


def test_a_difference_that_newcombe_published() -> None:
    found = difference(wilson(floats(56), floats(70)), wilson(floats(48), floats(80)))
    assert ends(found) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


@given(ranges, ranges)
def test_the_other_way_round_a_difference_is_mirrored(a, b) -> None:
    value, low, high = ends(difference(one(*a), one(*b)))
    assert ends(difference(one(*b), one(*a))) == pytest.approx((-value, -high, -low))


@given(positive, positive)
def test_a_ratio_of_symmetric_intervals_is_fiellers(a, b) -> None:
    (x, low_x, _), (y, low_y, _) = a, b
    dx, dy = x - low_x, y - low_y
    g = (dy / y) ** 2
    assume(g < 0.9)
    middle = x / y / (1 - g)
    half = np.sqrt(dx**2 * (1 - g) + dy**2 * (x / y) ** 2) / y / (1 - g)
    found = ratio(one(x, x - dx, x + dx), one(y, y - dy, y + dy))
    assert ends(found) == pytest.approx((x / y, middle - half, middle + half), rel=1e-6, abs=1e-6)


@given(ranges, positive)
def test_the_ends_of_a_ratio_are_where_the_difference_just_holds_0(a, b) -> None:
    value, low, high = ends(ratio(one(*a), one(*b)))
    scale = 1 + abs(a[0]) + abs(a[1]) + abs(a[2])
    assert low <= value + 1e-9 * scale
    assert value <= high + 1e-9 * scale
    for end, which in ((low, 2), (high, 1)):
        times_b = sorted((end * b[1], end * b[2]))
        f = difference(one(*a), one(end * b[0], *times_b))
        assert ends(f)[3 - which] == pytest.approx(0, abs=1e-6 * (scale + abs(end) * b[2]))


@given(positive, positive)
def test_a_ratio_upside_down_has_its_ends_upside_down(a, b) -> None:
    value, low, high = ends(ratio(one(*a), one(*b)))
    turned = ends(ratio(one(*b), one(*a)))
    assert turned == pytest.approx((1 / value, 1 / high, 1 / low), rel=1e-6)


@given(ranges, positive)
def test_the_sign_of_both_sides_of_a_ratio_does_not_matter(a, b) -> None:
    negative = ratio(one(-a[0], -a[2], -a[1]), one(-b[0], -b[2], -b[1]))
    assert ends(negative) == pytest.approx(ends(ratio(one(*a), one(*b))))


def test_a_ratio_has_no_end_where_it_may_be_divided_by_0() -> None:
    a = one(2, 1, 3)
    assert ends(ratio(a, one(4, 0, 8)))[2] == INF
    assert 0 < ends(ratio(a, one(4, 0, 8)))[1] < 0.5
    assert ends(ratio(a, one(4, -1, 9))) == (0.5, -INF, INF)
    assert ends(ratio(one(2, -1, 3), one(4, 0, 8))) == (0.5, -INF, INF)
    assert np.isnan(ends(ratio(a, one(0, -1, 1)))).all()
    assert ends(ratio(one(0, 0, 0), one(4, 2, 8))) == (0, 0, 0)


def test_an_endless_side_stays_one_and_an_unknown_one_too() -> None:
    a, b = one(2, 1, INF), one(4, 3, INF)
    assert ends(difference(a, b)) == (-2, -INF, INF)
    assert ends(ratio(a, one(4, 3, 5)))[2] == INF
    assert ends(ratio(one(2, 1, 3), b))[1] == 0
    missing = ratio(one(2, NAN, 3), one(4, 3, 5))
    assert np.isnan(missing.low[0])
    assert ends(missing)[2] == ends(ratio(one(2, 1, 3), one(4, 3, 5)))[2]
    assert np.isnan(ends(ratio(one(2, 1, 3), one(4, NAN, NAN)))[1:]).all()


@given(positive, positive, st.floats(0.001, 1000))
def test_a_ratio_does_not_depend_on_the_unit(a, b, unit: float) -> None:
    scaled = ratio(one(*(x * unit for x in a)), one(*(x * unit for x in b)))
    assert ends(scaled) == pytest.approx(ends(ratio(one(*a), one(*b))), rel=1e-6)


def test_three_days_that_became_one_are_67_percent_faster() -> None:
    assert ends(improvement(one(1, 1, 1), one(3, 3, 3), LOWER)) == pytest.approx((2 / 3,) * 3)


def test_improvement_is_the_distance_to_the_baseline_by_direction() -> None:
    now, base = one(0.9, 0.85, 0.93), one(0.6, 0.5, 0.7)
    assert ends(improvement(now, base, HIGHER))[0] == pytest.approx(0.5)
    assert ends(improvement(now, base, LOWER))[0] == pytest.approx(-0.5)
    low, high = ends(ratio(now, base))[1:]
    assert ends(improvement(now, base, HIGHER))[1:] == pytest.approx((low - 1, high - 1))
    assert ends(improvement(now, base, LOWER))[1:] == pytest.approx((1 - high, 1 - low))


@given(positive, positive, st.booleans())
def test_an_improvement_is_clear_just_when_the_difference_is(a, b, higher: bool) -> None:
    """The interval of the ratio holds 1 when that of the difference holds 0."""
    better = improvement(one(*a), one(*b), np.array([higher]))
    apart = difference(one(*a), one(*b))
    close = min(abs(x) for x in ends(apart)[1:])
    assume(close > 1e-6)
    held = better.low[0] <= 0 <= better.high[0]
    assert held == (apart.low[0] <= 0 <= apart.high[0])


def test_there_is_no_improvement_on_nothing_or_on_a_loss() -> None:
    now = Range(*(np.repeat(x, 3) for x in (5.0, 4.0, 6.0)))
    base = Range(floats(0, -10, NAN), floats(0, -11, NAN), floats(0, -9, NAN))
    found = improvement(now, base, np.array([True, False, True]))
    assert np.isnan([found.value, found.low, found.high]).all()


def test_a_side_without_interval_is_exact_only_where_it_is_marked_so() -> None:
    now = Range(floats(2, 2), floats(1, 1), floats(3, 3))
    base = Range(floats(4, 4), floats(NAN, NAN), floats(NAN, NAN))
    found = improvement(now, base, np.zeros(2, bool), base_exact=np.array([False, True]))
    assert found.value.tolist() == [0.5, 0.5]
    assert np.isnan([found.low[0], found.high[0]]).all()
    assert (found.low[1], found.high[1]) == pytest.approx((0.25, 0.75))
    other = improvement(base, now, np.zeros(2, bool), now_exact=np.array([False, True]))
    assert np.isnan(other.low).tolist() == [True, False]
    assert np.isnan(other.high).tolist() == [True, False]
    filled = known_exactly(base, np.array([True, False]))
    assert filled.low[0] == filled.high[0] == 4
    assert np.isnan(filled.low[1])


@given(st.lists(st.lists(st.tuples(ranges, numbers), max_size=6), min_size=1, max_size=6))
def test_weighted_sums_of_groups_at_once_are_those_of_a_loop(groups) -> None:
    rows = [row for group in groups for row in group]
    starts = np.cumsum([0] + [len(group) for group in groups[:-1]])
    columns = [floats(*(row[0][k] for row in rows)) for k in range(3)]
    found = weighted_sum(Range(*columns), floats(*(row[1] for row in rows)), starts)
    for group, members in enumerate(groups):
        value, down, up = 0.0, 0.0, 0.0
        for (x, low, high), w in members:
            value += w * x
            down += (w * ((x - low) if w > 0 else (high - x))) ** 2
            up += (w * ((high - x) if w > 0 else (x - low))) ** 2
        if not any(w for _, w in members):
            assert np.isnan(found.value[group])
            continue
        assert found.value[group] == pytest.approx(value, abs=1e-9)
        assert found.low[group] == pytest.approx(value - down**0.5, abs=1e-9)
        assert found.high[group] == pytest.approx(value + up**0.5, abs=1e-9)


def test_a_weight_of_0_leaves_out_what_is_not_known_and_any_other_does_not() -> None:
    values = Range(floats(1, NAN, 1, NAN), floats(0, NAN, 0, NAN), floats(2, NAN, 2, NAN))
    found = weighted_sum(values, floats(1, 0, 1, 0.5), np.array([0, 2]))
    assert np.isnan(found.value).tolist() == [False, True]
    assert (found.low[0], found.high[0]) == (0, 2)


def test_a_weighted_sum_of_a_and_minus_b_is_their_difference() -> None:
    a, b = (5, 3, 9), (4, 3.5, 6)
    both = Range(*(floats(*column) for column in zip(a, b, strict=True)))
    found = weighted_sum(both, floats(1, -1), np.array([0]))
    assert ends(found) == pytest.approx(ends(difference(one(*a), one(*b))))


def test_weights_within_a_group_add_up_to_1() -> None:
    found = shares_within(floats(1, 3, 0, 0, 5), np.array([0, 2, 4]))
    assert found[[0, 1, 4]].tolist() == [0.25, 0.75, 1]
    assert np.isnan(found[2:4]).all()


def test_half_on_standard_and_a_tenth_on_complex_reweighted_to_the_mix_of_now() -> None:
    # 80 standard quotes: 2 h → 1 h; 20 complex ones: 10 h → 9 h. Base 3.6 h, now 2.6 h.
    mix = shares_within(floats(80, 20), np.array([0]))
    now, base = floats(1, 9), floats(2, 10)
    now_all, base_all = (weighted_sum(Range(x, x, x), mix, np.array([0])) for x in (now, base))
    segments = improvement(Range(now, now, now), Range(base, base, base), np.zeros(2, bool))
    assert segments.value.tolist() == pytest.approx([0.5, 0.1])
    assert ends(improvement(now_all, base_all, LOWER))[0] == pytest.approx(1 / 3.6)
