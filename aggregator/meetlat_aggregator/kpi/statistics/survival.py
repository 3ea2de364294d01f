"""Quantiles of times of which some have not ended yet (Kaplan-Meier), per group.

A lead time of the tasks that are done alone would look better than it is: the quick ones are done
first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from meetlat_aggregator.kpi.statistics.base import (
    LEVEL,
    Bools,
    Floats,
    Groups,
    Ints,
    Range,
    normal_quantile,
    quiet,
    refuse_unsorted,
    taken,
)
from meetlat_aggregator.kpi.statistics.quantiles import quantile_ranks

_ROUNDING = 1e-9  # of ln S: far below one of a hundred million
_LARGE = 100  # rows of a group: fewer are as quick one by one
_FEW = 30  # rows; with fewer before or behind, a distance may go up and down again
_TAIL = (1, 2, 3, 5, 8, 12, 18, 27)  # rows before the last


@quiet
def kaplan_meier(
    values: Floats, ended: Bools, starts: Ints, q: float = 0.5, level: float = LEVEL
) -> Range:
    """The time by which a share q has ended, per group, and its interval.

    values are sorted within groups; `ended` is False where the time is only "so far". The value is
    the first time with S(t) <= 1 - q (Kaplan and Meier, JASA 1958), NaN when S does not come down
    to it; of ends alone it is the order statistic. The interval is that of Brookmeyer and Crowley
    (Biometrics 1982) on the scale ln(-ln S): from the first time at which S(t) = 1 - q is not
    rejected to the first after the last such time, infinity when the data end before. Beyond that:

    * S still above 1 - q at the last end: `low` is that time, `high` is infinite.
    * S falls from clearly above to clearly below at once (all alike): both ends are that time, if
      there are enough observations for an interval of order statistics.

    NaN are left out. Raises ValueError when values are not sorted.
    """
    groups = Groups(starts, len(values))
    known = ~np.isnan(values)
    if not known.all():
        groups, values, ended = groups.only(known), values[known], ended[known]
    refuse_unsorted(values, groups)
    found, sure = _by_search(values, ended, groups, q, level)
    if sure.all():
        return found
    rest = ~sure[groups.of_row]
    others = _at_every_end(values[rest], ended[rest], groups.only(rest), q, level)
    return Range(
        np.where(sure, found.value, others.value),
        np.where(sure, found.low, others.low),
        np.where(sure, found.high, others.high),
    )


def _at_every_end(values: Floats, ended: Bools, groups: Groups, q: float, level: float) -> Range:
    """By the curve at each time at which any ended."""
    times, events, died, at_risk = _events(values, ended, groups)

    gone = died == at_risk  # only ever the last event of a group
    step = np.where(gone, 0.0, died / at_risk)
    log_s = np.where(gone, -np.inf, events.running(np.log1p(-step)))
    left = np.where(gone, np.inf, at_risk - died)
    spread = np.sqrt(np.maximum(events.running(died / (at_risk * left)), 0.0))  # Greenwood's

    reached = events.first(log_s <= np.log1p(-q) + _ROUNDING)
    apart = np.log(-log_s) - np.log(-np.log1p(-q))
    slack = normal_quantile((1 + level) / 2) * spread / -log_s
    inside = np.abs(apart) <= slack
    below = events.first(apart > slack)
    first, last = events.first(inside), events.last(inside)
    ends = events.starts + events.sizes - 1  # the last event of each group

    # Where S is inside nowhere: it jumps over, or stays above.
    never = (first < 0) & (events.sizes > 0)
    jumps = never & (below >= 0) & _enough(taken(at_risk, below), q, level)
    above = never & (below < 0)
    low = np.where(jumps, below, np.where(above, ends, first))
    high = np.where(jumps, below, np.where((last >= 0) & (last < ends), last + 1, -1))
    endless = above | ((last >= 0) & (last == ends))
    return Range(
        taken(times, reached), taken(times, low), np.where(endless, np.inf, taken(times, high))
    )


def _by_search(
    values: Floats, ended: Bools, groups: Groups, q: float, level: float
) -> tuple[Range, Bools]:
    """The same for large groups, by halving: the curve comes down all the way, and so do its
    distances from 1 - q but for the few first and last rows. Beside it, of which groups this is
    sure; the others need `_at_every_end`.
    """
    waiting = _Waiting(ended, groups)
    untidy = np.zeros(len(groups.starts), np.bool_)
    untidy[waiting.group[waiting.before_ends(values, ended)]] = True
    which = np.flatnonzero((groups.sizes >= _LARGE) & ~untidy)
    nothing = np.full(len(groups.starts), np.nan)
    found = Range(nothing, nothing.copy(), nothing.copy())
    sure = np.zeros(len(groups.starts), np.bool_)
    if not len(which):
        return found, sure
    curve = _Curve(waiting, groups, which)
    last = groups.starts[which] + groups.sizes[which] - 1
    z = normal_quantile((1 + level) / 2)

    def distance(rows: Ints) -> tuple[Floats, Floats]:
        log_s, variance = curve.at(rows)
        fallen = np.maximum(-log_s, _ROUNDING)
        apart = np.log(fallen) - np.log(-np.log1p(-q))
        return apart, z * np.sqrt(np.maximum(variance, 0.0)) / fallen

    def reached(rows: Ints) -> Bools:
        below: Bools = curve.at(rows)[0] <= np.log1p(-q) + _ROUNDING
        return below

    def not_above(rows: Ints) -> Bools:
        apart, slack = distance(rows)
        return apart >= -slack

    def below(rows: Ints) -> Bools:
        apart, slack = distance(rows)
        return apart > slack

    middle, low, high = (
        _first_row(curve.starts, last, rule) for rule in (reached, not_above, below)
    )
    good = (middle < last) & (low < last) & (last - high >= _FEW)
    good &= (curve.ends_up_to(low) >= _FEW) & (values[low] < values[high])
    for rows in _TAIL:
        good &= below(np.maximum(last - rows, high))
    at = which[good]
    for name, places in (("value", middle), ("low", low), ("high", high)):
        getattr(found, name)[at] = values[places[good]]
    sure[at] = True
    return found, sure


class _Waiting:
    """The rows that had not ended, in order: where they are, in which group, and where the first of
    each group stands among them.
    """

    def __init__(self, ended: Bools, groups: Groups) -> None:
        self.rows = np.flatnonzero(~ended)
        self.group = np.searchsorted(groups.starts, self.rows, "right") - 1
        self.starts = np.searchsorted(self.rows, groups.starts)
        self._last = groups.starts[self.group] + groups.sizes[self.group] - 1

    def before_ends(self, values: Floats, ended: Bools) -> Ints:
        """Which of them stand before an end at the same time. They should not: an end counts before
        those that still wait then.
        """
        behind = np.minimum(self.rows + 1, self._last)
        return np.flatnonzero(ended[behind] & (values[behind] == values[self.rows]))


class _Curve:
    """The Kaplan-Meier curve of some groups at any of their rows but the last, from the rows alone
    that had not ended: between two of them, its product and Greenwood's sum are those of ranks.
    """

    def __init__(self, waiting: _Waiting, groups: Groups, which: Ints) -> None:
        self.starts = groups.starts[which]
        self._n = groups.sizes[which].astype(np.float64)
        self._waiting = waiting.rows
        row = waiting.rows - groups.starts[waiting.group]
        at_risk = np.maximum((groups.sizes[waiting.group] - row).astype(np.float64), 2.0)
        # What the ranks alone count as ends.
        of = Groups(waiting.starts, len(waiting.rows))
        self._log = np.append(of.running(np.log1p(-1 / at_risk)), 0.0)
        self._variance = np.append(of.running(1 / (at_risk * (at_risk - 1))), 0.0)
        self._before = waiting.starts[which]

    def at(self, rows: Ints) -> tuple[Floats, Floats]:
        """The logarithm of the share that has not ended after these rows, one per group, and
        Greenwood's sum.
        """
        left = self._n - (rows - self.starts) - 1
        place = self._place(rows)
        return (
            np.log(left / self._n) - self._log[place],
            1 / left - 1 / self._n - self._variance[place],
        )

    def ends_up_to(self, rows: Ints) -> Ints:
        """How many had ended by these rows."""
        waiting = np.searchsorted(self._waiting, rows, "right") - self._before
        return rows - self.starts + 1 - waiting

    def _place(self, rows: Ints) -> Ints:
        """The last row before these that had not ended; -1, where the sums are 0: none."""
        found = np.searchsorted(self._waiting, rows, "right") - 1
        return np.where(found >= self._before, found, -1)


def _first_row(low: Ints, last: Ints, where: Callable[[Ints], Bools]) -> Ints:
    """Per group the first row from which on `where` is so, by halving; `last` when there is none
    before it.
    """
    low, high = low.copy(), last.copy()
    while (low < high).any():
        # A group that is done stays where it is; its last row is never asked for.
        middle = np.minimum((low + high) // 2, last - 1)
        going = low < high
        so = where(middle)
        high = np.where(going & so, middle, high)
        low = np.where(going & ~so, middle + 1, low)
    return low


def _events(values: Floats, ended: Bools, groups: Groups) -> tuple[Floats, Groups, Floats, Floats]:
    """The times at which any ended, those of a group together; how many ended, and how many had
    not before.
    """
    new = np.ones(len(values), np.bool_)
    new[1:] = (values[1:] != values[:-1]) | (groups.of_row[1:] != groups.of_row[:-1])
    rows = np.flatnonzero(new)  # the first of those with one time
    times = groups.only(new)
    died = Groups(rows, len(values)).sum(ended)
    of_group = times.of_row
    at_risk = groups.sizes[of_group] - (rows - groups.starts[of_group])
    some = died > 0
    return (
        values[rows][some],
        times.only(some),
        died[some],
        at_risk[some].astype(np.float64),
    )


def _enough(n: Floats, q: float, level: float) -> Bools:
    ranks = quantile_ranks(n, q, level)
    return ~np.isnan(ranks.low) & ~np.isnan(ranks.high)
