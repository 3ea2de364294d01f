"""What all ranges share: the type, the normal and t quantiles, and sums over groups of rows.

Of scipy only `scipy.special` is loaded, 20 MB with what it brings, and not before a range needs it;
`scipy.stats` would be three times that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from statistics import NormalDist
from typing import ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
LEVEL = 0.95
P = ParamSpec("P")
R = TypeVar("R")


def quiet(function: Callable[P, R]) -> Callable[P, R]:
    """The function without numpy's warnings: what has no answer is NaN, and that says enough.

    Not `np.errstate` as a decorator, which in numpy 1 is one object for all threads.
    """

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        with np.errstate(all="ignore"):
            return function(*args, **kwargs)

    return called


@dataclass(frozen=True, slots=True)
class Range:
    """Values with the ends of their intervals: three float64 arrays of one shape."""

    value: Floats
    low: Floats
    high: Floats

    def __getitem__(self, rows: Ints | Bools | slice) -> Range:
        """The same of some of the rows."""
        return Range(self.value[rows], self.low[rows], self.high[rows])


def known_exactly(range_: Range, where: Bools | bool = True) -> Range:
    """The range with `value` for each end that is missing, on the rows of `where`."""
    low = np.where(np.isnan(range_.low) & where, range_.value, range_.low)
    high = np.where(np.isnan(range_.high) & where, range_.value, range_.high)
    return Range(range_.value, low, high)


def normal_quantile(probability: float) -> float:
    """The value that a standard normal one stays below with this probability."""
    return NormalDist().inv_cdf(probability)


def normal_tail(z: Floats) -> Floats:
    """The probability that a standard normal value is farther from 0 than z."""
    from scipy import special

    return np.asarray(2 * special.ndtr(-np.abs(z)), np.float64)


def t_quantile(probability: float, freedom: Floats) -> Floats:
    """The same of Student's t; NaN without a degree of freedom."""
    from scipy import special

    distinct, place = np.unique(freedom, return_inverse=True)
    usable = np.where(distinct > 0, distinct, np.nan)
    return np.asarray(special.stdtrit(usable, probability), np.float64)[place]


def binomial_at_most(k: Floats, n: Floats, share: float) -> Floats:
    """P(at most k hits of n): the regularised incomplete beta function; k may be out of range."""
    from scipy import special

    inside = (k >= 0) & (k < n)
    some = np.where(inside, k, 0.0)
    found = special.betainc(np.where(inside, n - some, 1.0), some + 1, 1 - share)
    return np.where(inside, found, np.where(k < 0, 0.0, 1.0))


@dataclass(frozen=True)
class Groups:
    """Rows that stand together by group: group i is the rows from `starts[i]` up to the next start,
    the last one up to `rows`. Groups may be empty.

    Raises ValueError when the starts do not begin with 0, go down, or go beyond the rows.
    """

    starts: Ints
    rows: int

    def __post_init__(self) -> None:
        if not len(self.starts):
            wrong = self.rows > 0
        else:
            wrong = bool(self.starts[0] != 0 or (self.sizes < 0).any())
        if wrong:
            raise ValueError(f"group starts do not fit {self.rows} rows")

    @cached_property
    def sizes(self) -> Ints:
        """How many rows each group has."""
        return np.diff(self.starts, append=self.rows)

    @cached_property
    def of_row(self) -> Ints:
        """The group of each row."""
        return np.repeat(np.arange(len(self.starts)), self.sizes)

    def sum(self, rows: Floats | Ints | Bools) -> Floats:
        """The sum per group, each added up by itself; 0 for an empty one."""
        found = np.bincount(self.of_row, rows, minlength=len(self.starts))
        return found.astype(np.float64)  # no rows at all: bincount gives whole numbers

    def running(self, rows: Floats) -> Floats:
        """The sum of each row and those before it in its group.

        One running sum over all, which each group begins by taking off the sum of the one before:
        it stays as small as a group's, so that rounding does too.
        """
        filled = np.flatnonzero(self.sizes)
        steps = rows.copy()
        steps[self.starts[filled[1:]]] -= self.sum(rows)[filled[:-1]]
        return np.cumsum(steps)

    def first(self, where: Bools) -> Ints:
        """The first such row per group; -1 where there is none."""
        rows = np.flatnonzero(where)
        groups = self.of_row[rows]
        found = np.full(len(self.starts), -1)
        found[groups[::-1]] = rows[::-1]
        return found

    def last(self, where: Bools) -> Ints:
        """The last such row per group; -1 where there is none."""
        rows = np.flatnonzero(where)
        found = np.full(len(self.starts), -1)
        found[self.of_row[rows]] = rows
        return found

    def only(self, where: Bools) -> Groups:
        """The same groups of these rows alone."""
        before = np.concatenate(([0], np.cumsum(where)))
        return Groups(before[self.starts], int(before[-1]))


def taken(values: Floats, places: Ints) -> Floats:
    """The values at these places; NaN where a place is below 0."""
    found = np.full(places.shape, np.nan)
    there = places >= 0
    found[there] = values[places[there]]
    return found


def refuse_unsorted(values: Floats | Ints, groups: Groups) -> None:
    """Raise ValueError when values go down within a group: a wrong quantile would not be seen."""
    down = np.flatnonzero(values[1:] < values[:-1]) + 1
    if not np.isin(down, groups.starts).all():
        raise ValueError("values are not sorted within their groups")
