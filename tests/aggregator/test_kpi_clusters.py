"""What is made from sums over days is what the days themselves give."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from meetlat.kpis.catalogue import catalogue
from meetlat_aggregator.kpi import clusters, statistics
from meetlat_aggregator.kpi.measured import KEY
from meetlat_aggregator.kpi.values import from_sums


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


@pytest.mark.parametrize(
    ("kpi", "total", "high"),
    [
        ("adoption_rate", 40.0, 1.0),
        ("adoption_rate", 55.0, 1.1),
        ("tokens_per_request", 40.0, None),
    ],
)
def test_the_range_of_a_share_of_all_ends_at_all_or_at_the_share(
    kpi: str, total: float, high: float | None
) -> None:
    """Four weeks of which one has all uses: the linearised range alone goes beyond 1."""
    weeks = np.array([total, 0, 0, 0]), np.array([20.0, 10, 10, 10])
    sums = {
        "n": 50.0, "total": total, "weight": None, "squares": None, "days": 4.0,
        "total_total": float((weeks[0] ** 2).sum()), "total_n": float((weeks[0] * weeks[1]).sum()),
        "n_n": float((weeks[1] ** 2).sum()),
    }  # fmt: skip
    key = dict.fromkeys((*KEY, "cut"), "") | {"kpi": kpi, "start": date(2026, 1, 5)}
    rows = pa.Table.from_pylist([{**key, **sums}])
    found = from_sums(rows, {kpi: catalogue()[kpi]}).range
    assert found.value[0] == pytest.approx(total / 50)
    if high is None:
        assert found.high[0] > 1.5
    else:
        assert found.high[0] == pytest.approx(high)
