"""Waits in whole microseconds and their log buckets."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from meetlat_aggregator.waits import ZERO_BUCKET, buckets_of, microseconds

GAMMA = Fraction(101, 99)
LONGEST = 31_622_400_000_000  # a year, the most that the contract takes


def bucket(wait: int) -> int:
    return int(buckets_of(np.array([wait], np.int64))[0])


@given(st.integers(1, LONGEST))
def test_a_wait_lies_within_the_bounds_of_its_bucket(wait: int) -> None:
    place = bucket(wait)
    assert wait <= GAMMA**place
    assert place == 0 or wait > GAMMA ** (place - 1)


@given(st.integers(0, 1500))
def test_the_greatest_whole_wait_of_a_bucket_is_the_last_in_it(place: int) -> None:
    bound = math.floor(GAMMA**place)
    assert bound <= GAMMA ** bucket(bound)
    assert bucket(bound) <= place < bucket(bound + 1)


def test_no_wait_at_all_has_a_bucket_of_its_own() -> None:
    assert bucket(0) == ZERO_BUCKET
    assert bucket(1) == 0


@given(st.floats(0, 31_622_400))
def test_seconds_round_to_the_nearest_microsecond(seconds: float) -> None:
    (found,) = microseconds(np.array([seconds])).tolist()
    assert abs(found - seconds * 1e6) <= 0.5


def test_halves_of_a_microsecond_round_away_from_zero() -> None:
    assert microseconds(np.array([0.0000005, 0.0000015, 0.0000025])).tolist() == [1, 2, 3]
