"""Selection parity from counts: which groups may be shown, and how differently they are selected.

A small group stays hidden, and so does one from which a hidden one could be worked out. A group is
called adverse only when the whole interval of its ratio lies below four fifths.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from meetlat_aggregator.kpi.composed.figure import (
    OFF,
    ON,
    SUPPRESSED,
    TOO_FEW,
    UNDECIDED,
    Figure,
    Interval,
    Question,
)
from meetlat_aggregator.kpi.composed.ingredients import Ingredients
from meetlat_aggregator.kpi.remark import Remark, together
from meetlat_aggregator.kpi.statistics.base import normal_quantile

MIN_APPLIED, MIN_SELECTED, MIN_REJECTED = 30, 5, 5
ADVERSE_BELOW = 0.8  # the four-fifths rule
_Z = normal_quantile(0.975)


def selection_parity(asked: Question) -> Iterator[Figure]:
    """Per group: its share among the selected less that among the applicants, and as part
    `…/ratio` its selection rate by that of the others. The KPI itself is the group furthest behind.
    """
    rows = asked.now()
    if asked.live:
        rows = rows[~rows.saying("assisted", "false")]  # choices by hand are the baseline's
    rows = rows[~rows.control]
    shown: list[tuple[str, str, Parity]] = []
    for dimension, vacancies in _by_dimension(rows).items():
        shown += [(dimension, group, one) for group, one in parity(vacancies).items()]
    if not shown:
        if len(rows) and not asked.of_baseline:
            said = Remark(
                "no group may be shown: each, or all others beside it, are too few",
                "geen groep mag worden getoond: elk, of alle andere ernaast, is te klein",
            )
            yield Figure(Interval(), math.nan, said=said, verdict=SUPPRESSED)
        return
    for dimension, group, one in shown:
        name = f"{dimension}/{group}"
        yield Figure(one.interval, one.n, name, said=one.words, verdict=one.verdict)
        known = one.verdict if math.isfinite(one.ratio) else TOO_FEW
        yield Figure(one.ratio_interval, one.n, f"{name}/ratio", verdict=known)
    dimension, group, worst = min(shown, key=lambda item: (item[2].difference, *item[:2]))
    verdicts = [one.verdict for _, _, one in shown]
    verdict = next(one for one in (OFF, UNDECIDED, ON) if one in verdicts)
    adverse = ", ".join(f"{d}/{g}" for d, g, one in shown if one.verdict == OFF)
    behind = f"{dimension}/{group}"
    words = [Remark(f"furthest behind: {behind}", f"blijft het meest achter: {behind}")]
    if adverse:
        words.append(Remark(f"adverse for {adverse}", f"nadelig voor {adverse}"))
    yield Figure(worst.interval, worst.n, said=together(words), verdict=verdict)


def _by_dimension(rows: Ingredients) -> dict[str, list[dict[str, Counts]]]:
    """Per dimension the counts of each group, one mapping per vacancy (segment)."""
    found: dict[str, dict[str, dict[str, Counts]]] = defaultdict(lambda: defaultdict(dict))
    for segment, of_segment in rows.segments().items():
        for part in of_segment.names("part"):
            own = of_segment.of(part)
            dimension, group = json.loads(part)
            counts = Counts(int(np.nansum(own.n)), int(np.nansum(own.total)))
            found[dimension][segment][group] = counts
    return {dimension: list(vacancies.values()) for dimension, vacancies in found.items()}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of a group applied, and how many of those were selected."""

    applied: int
    selected: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.applied + other.applied, self.selected + other.selected)

    @property
    def enough(self) -> bool:
        """Whether there are so many that nobody can be recognized."""
        return (
            self.applied >= MIN_APPLIED
            and self.selected >= MIN_SELECTED
            and self.applied - self.selected >= MIN_REJECTED
        )


@dataclass(frozen=True, slots=True)
class Parity:
    """A group beside all others. `difference` is its share among the selected minus its share among
    the applicants; `ratio` its selection rate by theirs. Each with a 95 % interval; the ratio is
    NaN where no vacancy has both.
    """

    difference: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float
    n: int

    @property
    def interval(self) -> Interval:
        """The difference with its range."""
        return Interval(self.difference, self.low, self.high)

    @property
    def ratio_interval(self) -> Interval:
        """The ratio with its range."""
        return Interval(self.ratio, self.ratio_low, self.ratio_high)

    @property
    def adverse(self) -> bool:
        """Selected less often than others, beyond what chance explains."""
        return self.ratio_high < ADVERSE_BELOW

    @property
    def verdict(self) -> str:
        """Off target when adverse, on target when chance does not explain it either."""
        if self.adverse:
            return OFF
        return ON if self.ratio_low >= ADVERSE_BELOW else UNDECIDED

    @property
    def words(self) -> Remark:
        """The remark beside it."""
        if math.isnan(self.ratio):
            return Remark(
                "no vacancy has both this group and others",
                "geen vacature heeft zowel deze groep als andere",
            )
        times = f"{self.ratio:.2f}"
        en, nl = (": adverse", ": nadelig") if self.adverse else ("", "")
        return Remark(
            f"selected {times} times as often as all others together{en}",
            f"{times.replace('.', ',')} keer zo vaak gekozen als alle andere samen{nl}",
        )


def parity(vacancies: Sequence[Mapping[str, Counts]]) -> dict[str, Parity]:
    """Every group of one dimension that may be shown. `vacancies` has the counts of each group, one
    mapping per vacancy or other stratum; a group that one does not name has nobody there.
    """
    groups = {name: _sum(v[name] for v in vacancies if name in v) for v in vacancies for name in v}
    everyone = _sum(groups.values())
    found = {}
    for name in _shown(groups, everyone):
        own, others = groups[name], _without(everyone, groups[name])
        share = own.applied / everyone.applied
        pooled = rate_ratio([(own, others)])
        low, high = (_share(own, others, ratio) - share for ratio in pooled[1:])
        within = [
            (v.get(name, Counts(0, 0)), _without(_sum(v.values()), v.get(name, Counts(0, 0))))
            for v in vacancies
        ]
        found[name] = Parity(
            own.selected / everyone.selected - share, low, high, *rate_ratio(within), own.applied
        )
    return found


def rate_ratio(strata: Iterable[tuple[Counts, Counts]]) -> tuple[float, float, float]:
    """The selection rate of a group by that of the others, within strata: Mantel-Haenszel, with the
    interval of Greenland and Robins (Biometrics 1985). Of one stratum it is the plain ratio with
    Katz's interval. NaN when nothing can be compared.
    """
    above = below = spread = 0.0
    for own, others in strata:
        total = own.applied + others.applied
        if not total:
            continue
        selected = own.selected + others.selected
        above += own.selected * others.applied / total
        below += others.selected * own.applied / total
        spread += (
            own.applied * others.applied * selected - own.selected * others.selected * total
        ) / total**2
    if not above or not below:
        return math.nan, math.nan, math.nan
    error = _Z * math.sqrt(spread / (above * below))
    ratio = above / below
    return ratio, ratio * math.exp(-error), ratio * math.exp(error)


def _share(own: Counts, others: Counts, ratio: float) -> float:
    """A group's share among the selected at a ratio of selection rates: it rises with the ratio, so
    the ends of the ratio's interval give those of the share's.
    """
    return own.applied * ratio / (own.applied * ratio + others.applied)


def _shown(groups: Mapping[str, Counts], everyone: Counts) -> list[str]:
    hidden = {
        name for name, own in groups.items() if not own.enough or not _without(everyone, own).enough
    }
    left = [name for name in groups if name not in hidden]
    if len(hidden) == 1 and left:  # all differences add up to zero: one missing is no secret
        left.remove(min(left, key=lambda name: (groups[name].applied, name)))
    return left


def _sum(counts: Iterable[Counts]) -> Counts:
    return sum(counts, Counts(0, 0))


def _without(everyone: Counts, own: Counts) -> Counts:
    return Counts(everyone.applied - own.applied, everyone.selected - own.selected)
