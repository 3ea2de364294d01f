"""What is made from sums over days is what the days themselves give."""

from __future__ import annotations

import numpy as np
import pytest

from meetlat_aggregator.kpi import clusters, statistics


@pytest.mark.parametrize("seed", range(5))
def test_sums_over_days_give_the_range_and_the_design_effect_of_the_days(seed: int) -> None:
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 40, 60)
    starts = np.append(0, np.cumsum(sizes)[:-1]).astype(np.int64)
    n = random.integers(1, 200, sizes.sum()).astype(float)
    hits = random.binomial(n.astype(int), random.beta(5, 2, sizes.sum())).astype(float)

    def sums(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, starts)

    given = (sums(hits), sums(n), sizes.astype(float))
    between = (sums(hits * hits), sums(hits * n), sums(n * n))
    found = clusters.ratio_by_day(*given, *between)
    wanted = statistics.ratio_by_day(hits, n, starts)
    np.testing.assert_allclose(found.value, wanted.value)
    np.testing.assert_allclose(found.low, np.maximum(wanted.low, 0), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.high, wanted.high, rtol=1e-6)
    effect = clusters.design_effect(*given, *between)
    np.testing.assert_allclose(effect, statistics.design_effect(hits, n, starts), rtol=1e-6)
    assert (effect > 1.5).any()
