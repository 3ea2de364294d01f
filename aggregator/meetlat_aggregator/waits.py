"""Waits in whole microseconds, and as log buckets.

The bucket of v microseconds is ceil(ln(v) / ln(gamma)), gamma = (1 + 0.01) / (1 - 0.01), so that
a quantile is off by at most 1 %. Zero is bucket -1. Source of the scheme: DDSketch (Masson, Rim,
Lee, VLDB 2019).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

ZERO_BUCKET = -1
_NUMERATOR, _DENOMINATOR = 101, 99  # gamma
_MOST = 2**62


def microseconds(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Millionths, halves away from zero, as the macro of that name rounds; none is below zero."""
    scaled = seconds * 1_000_000
    whole = np.floor(scaled)
    return (whole + (scaled - whole >= 0.5)).astype(np.int64)


def buckets_of(waits: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The bucket of each wait; the same on every machine, since it is found among integers."""
    found = np.searchsorted(_bounds(), waits, side="left")
    return np.where(waits == 0, ZERO_BUCKET, found)


@cache
def _bounds() -> npt.NDArray[np.int64]:
    """The greatest whole number in each bucket: floor(gamma ** bucket)."""
    bounds: list[int] = []
    above, below = 1, 1
    while above // below <= _MOST:
        bounds.append(above // below)
        above, below = above * _NUMERATOR, below * _DENOMINATOR
    return np.array(bounds, np.int64)
