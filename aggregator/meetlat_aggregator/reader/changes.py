"""What changed most, by a rule that chance rarely passes; and what misses its target by most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from meetlat_aggregator.reader.form import bare_percentage, limit
from meetlat_aggregator.reader.published import Row

FALSE_DISCOVERIES = 0.10
_Z = 1.959963984540054  # a 95 % range reaches so many standard errors to either side


@dataclass(frozen=True, slots=True)
class Change:
    """A KPI's value two periods ago and now."""

    use_case: str
    kpi: str
    before: float
    now: float
    unit: str

    @property
    def relative(self) -> float:
        """Change as a part of what it was; infinite from zero."""
        if not self.before:
            return math.inf if self.now else 0.0
        return (self.now - self.before) / abs(self.before)


def changed_most(course: Sequence[Row]) -> list[Change]:
    """Changes that two periods in a row show, largest first.

    `course` has rows of three periods (`place` 0, 1, 2). Both later values must lie on the same
    side of the first; the weaker of the two comparisons counts, and of all KPIs those remain that
    pass Benjamini and Hochberg's procedure at 10 % (J. R. Stat. Soc. B 57, 1995). A difference's
    standard error is put together from the sides of the ranges that face each other, as in MOVER
    (Zou and Donner, Stat. Med. 27, 2008).
    """
    series: dict[tuple[str, str], dict[int, Row]] = {}
    for row in course:
        if _usable(row):
            series.setdefault((row["use_case"], row["kpi"]), {})[row["place"]] = row
    found: list[tuple[float, Change]] = []
    for (use_case, kpi), at in series.items():
        if len(at) < 3:
            continue
        first, middle, last = at[0], at[1], at[2]
        same_way = (middle["value"] - first["value"]) * (last["value"] - first["value"]) > 0
        chance = max(_chance(first, middle), _chance(first, last)) if same_way else 1.0
        found.append((chance, Change(use_case, kpi, first["value"], last["value"], last["unit"])))
    found.sort(key=lambda pair: pair[0])
    passing = 0
    for rank, (chance, _) in enumerate(found, start=1):
        if chance <= FALSE_DISCOVERIES * rank / len(found):
            passing = rank
    kept = [change for _, change in found[:passing]]
    return sorted(kept, key=lambda change: (-abs(change.relative), change.use_case, change.kpi))


def _usable(row: Row) -> bool:
    ends = (row["value"], row["low"], row["high"])
    known = all(end is not None and math.isfinite(end) for end in ends)
    hidden = row["status"] in ("suppressed", "unknown", "stale", "too few")
    return known and not hidden and not bare_percentage(row)


def _chance(before: Row, now: Row) -> float:
    """Two-sided p-value of the difference of two values that have 95 % ranges."""
    difference = now["value"] - before["value"]
    if difference > 0:
        apart = math.hypot(now["value"] - now["low"], before["high"] - before["value"])
    else:
        apart = math.hypot(now["high"] - now["value"], before["value"] - before["low"])
    if difference == 0 or apart <= 0:  # a range without width says nothing about chance
        return 1.0
    return math.erfc(abs(difference) * _Z / apart / math.sqrt(2))


def largest_miss(shown: Sequence[Row]) -> Row | None:
    """The row off target that is farthest from it, as a part of the target; None when none is."""
    missed = [row for row in shown if row["status"] == "off target" and miss(row) is not None]
    return max(missed, key=lambda row: miss(row) or 0.0, default=None)


def miss(row: Row) -> float | None:
    """How far a row is from its target, as a part of the target; None when that cannot be said."""
    value, aim = row["value"], limit(row)
    if value is None or not aim:
        return None
    return float(abs(value - aim) / abs(aim))
