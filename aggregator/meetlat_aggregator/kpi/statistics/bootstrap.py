"""The bootstrap by case or person, for a full computation: where calls cluster and no formula fits.

It draws whole clusters, so what is alike within one stays together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from meetlat_aggregator.kpi.statistics.base import LEVEL, Floats, Groups, Ints, Range, quiet

_AT_ONCE = 2_000_000  # weights in memory


@quiet
def bootstrap_by_case(
    sums: Floats,
    starts: Ints,
    statistic: Callable[[Floats], Floats],
    *,
    draws: int = 2000,
    seed: int = 1,
    level: float = LEVEL,
) -> Range:
    """A statistic of sums per group with its percentile interval (Efron, Ann. of Statistics 1979).

    sums: (clusters, k), what each cluster adds to k sums; the clusters of a group stand together
    from `starts` on. `statistic` makes (…, k) sums into (…) values, NaN where there is none.
    Each draw gives a cluster a Poisson(1) weight: it need not know how many others there are
    (Chamandy et al., Google 2012). The same seed gives the same ends. No interval with fewer than
    two clusters.
    """
    groups = Groups(starts, len(sums))
    value = statistic(_sums(sums, groups, np.ones((1, len(sums)))))[0]
    enough = groups.sizes > 1
    random = np.random.default_rng(seed)
    block = max(1, _AT_ONCE // max(1, len(sums)))
    drawn = np.concatenate(
        [
            statistic(
                _sums(sums, groups, random.poisson(1.0, (many, len(sums))).astype(np.float64))
            )
            for many in (min(block, draws - done) for done in range(0, draws, block))
        ]
    )
    low, high = _percentiles(drawn, ((1 - level) / 2, (1 + level) / 2))
    return Range(value, np.where(enough, low, np.nan), np.where(enough, high, np.nan))


def _sums(sums: Floats, groups: Groups, weights: Floats) -> Floats:
    """(draws, groups, k): the weighted sums of each draw."""
    found = np.zeros((len(weights), len(groups.starts), sums.shape[1]))
    filled = groups.sizes > 0
    if filled.any():
        for k in range(sums.shape[1]):
            added = np.add.reduceat(weights * sums[:, k], groups.starts[filled], axis=1)
            found[:, filled, k] = added
    return found


def _percentiles(drawn: Floats, shares: tuple[float, float]) -> tuple[Floats, Floats]:
    """Per column; NaN sort last and do not count, and a column of them gives NaN."""
    ordered = np.sort(drawn, axis=0)
    known = (~np.isnan(ordered)).sum(axis=0)
    low, high = (
        np.where(
            known > 0,
            ordered[
                np.clip(np.ceil(known * share).astype(np.int64) - 1, 0, None),
                np.arange(ordered.shape[1]),
            ],
            np.nan,
        )
        for share in shares
    )
    return low, high
