"""What a composed KPI asks and gives: one period of one use case, and the figures for it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa

from meetlat.plan.models import Plan, UseCase
from meetlat_aggregator.kpi.composed.ingredients import Ingredients
from meetlat_aggregator.kpi.measured import KEY, Measured
from meetlat_aggregator.kpi.periods import BASELINE, Period
from meetlat_aggregator.kpi.remark import NOTHING, Remark
from meetlat_aggregator.kpi.statistics import Range

UNKNOWN, NO_BASELINE, TOO_FEW = "unknown", "no baseline", "too few"
SUPPRESSED = "suppressed"
ON, UNDECIDED, OFF = "on target", "undecided", "off target"


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the ends of its 95 % range; NaN is not known."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan

    @classmethod
    def of(cls, ranges: Range, row: int = 0) -> Interval:
        """One row of ranges."""
        return cls(*(float(end[row]) for end in (ranges.value, ranges.low, ranges.high)))

    def range(self) -> Range:
        """As ranges of one row."""
        return Range(*(np.array([end]) for end in (self.value, self.low, self.high)))

    def times(self, factor: float) -> Interval:
        """All of it times a known factor that is not below 0."""
        return Interval(self.value * factor, self.low * factor, self.high * factor)

    def at_most(self, ceiling: float) -> Interval:
        """No part of it above a ceiling; what is not known stays so."""
        return Interval(
            *(float(np.minimum(ceiling, end)) for end in (self.value, self.low, self.high))
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a composed KPI. `verdict` is a status that only its maker can tell, `said` a
    remark, `estimated` whether it rests on an assumption.
    """

    interval: Interval
    n: float
    part: str = ""
    team: str = ""
    said: Remark = NOTHING
    verdict: str | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What is the same for all periods of an update. `euro` is what one is worth in the company's
    money today (NaN without a rate), `prices` what a unit costs today, by (provider, model).
    """

    plan: Plan | None
    today: date
    euro: float = math.nan
    prices: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """One period of one use case. `everything` are the KPI's ingredients of all days at hand,
    `baseline` the plan's baseline window.
    """

    use_case: UseCase
    period: Period
    baseline: Period | None
    everything: Ingredients
    context: Context

    @property
    def of_baseline(self) -> bool:
        """Whether the baseline itself is asked for."""
        return self.period.name == BASELINE

    @property
    def last(self) -> date:
        """The last day of the period that has begun."""
        return min(self.period.last, self.context.today)

    @property
    def live(self) -> bool:
        """Whether all of the period lies after go-live."""
        return self.use_case.go_live is not None and self.period.first >= self.use_case.go_live

    def now(self) -> Ingredients:
        """The ingredients of the period; of the baseline, those without AI."""
        found = self.everything.within(self.period.first, self.period.last)
        return found[~found.saying("assisted", "true")] if self.of_baseline else found

    def before(self) -> Ingredients:
        """The ingredients of the baseline window, those without AI."""
        if self.baseline is None:
            return self.everything[slice(0, 0)]
        found = self.everything.within(self.baseline.first, self.baseline.last)
        return found[~found.saying("assisted", "true")]


def measured(kpi: str, answers: Sequence[tuple[Question, Iterable[Figure]]]) -> Measured:
    """The figures of all periods, as the engine judges them."""
    rows = [(asked, figure) for asked, figures in answers for figure in figures]
    key = pa.table(
        {
            "kpi": pa.array([kpi] * len(rows), pa.string()),
            "period": pa.array([asked.period.name for asked, _ in rows], pa.string()),
            "start": pa.array([asked.period.start for asked, _ in rows], pa.date32()),
            "use_case": pa.array([asked.use_case.id for asked, _ in rows], pa.string()),
            "team": pa.array([figure.team for _, figure in rows], pa.string()),
            "segment": pa.array([""] * len(rows), pa.string()),
            "part": pa.array([figure.part for _, figure in rows], pa.string()),
        }
    )
    ends = [
        np.array([getattr(figure.interval, end) for _, figure in rows], dtype=float)
        for end in ("value", "low", "high")
    ]
    more = pa.table(
        {
            "said": pa.array([figure.said.en or None for _, figure in rows], pa.string()),
            "said_nl": pa.array([figure.said.nl or None for _, figure in rows], pa.string()),
            "verdict": pa.array([figure.verdict for _, figure in rows], pa.string()),
            "by_estimate": pa.array([figure.estimated for _, figure in rows], pa.bool_()),
        }
    )
    return Measured(
        key.select(KEY),
        pa.chunked_array([["team" if figure.team else "total" for _, figure in rows]], pa.string()),
        Range(*ends),
        np.array([figure.n for _, figure in rows], dtype=float),
        np.full(len(rows), np.nan),
        more,
    )
