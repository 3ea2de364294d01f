"""How a guard is written: a function that gives findings, with a name, a severity and a meaning.

An error is a plan that contradicts itself, or would make a wrong figure; a warning is one whose
figure will be missing or weak. Errors never depend on the day, so that a plan that was taken once
does not become invalid overnight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

from meetlat.kpis.catalogue import Kpi
from meetlat.plan.models import Choice, OwnKpi, Plan, UseCase
from meetlat.plan.positions import Path
from meetlat.plan.problems import Severity, shown


class Finding(NamedTuple):
    """Where in the plan, what is wrong, and what to do."""

    path: Path
    reason: str
    remedy: str


@dataclass(frozen=True)
class Subject:
    """What guards judge: the plan, the catalogue, the day, and the marked places left open."""

    plan: Plan
    catalogue: Mapping[str, Kpi]
    today: date
    unfilled: frozenset[Path]

    @cached_property
    def own(self) -> Mapping[str, OwnKpi]:
        """KPIs of the company's own, by id."""
        return {kpi.id: kpi for kpi in self.plan.kpis}

    @cached_property
    def team_names(self) -> frozenset[str]:
        """Names of the teams."""
        return frozenset(team.name for team in self.plan.teams)

    @cached_property
    def use_case_ids(self) -> frozenset[str]:
        """Ids of the use cases."""
        return frozenset(use_case.id for use_case in self.plan.use_cases)

    def kpi(self, name: str) -> Kpi | OwnKpi | None:
        """A KPI of the catalogue or the company's own."""
        return self.catalogue.get(name) or self.own.get(name)

    def use_cases(self) -> Iterator[tuple[Path, UseCase]]:
        """The use cases with their paths."""
        for index, use_case in enumerate(self.plan.use_cases):
            yield ("use_cases", index), use_case

    def choices(self) -> Iterator[tuple[Path, UseCase, Choice]]:
        """The KPIs of all use cases with their paths."""
        for path, use_case in self.use_cases():
            for index, choice in enumerate(use_case.kpis):
                yield (*path, "kpis", index), use_case, choice


Judge = Callable[[Subject], Iterator[Finding]]


@dataclass(frozen=True)
class Guard:
    """One guard. `meaning` is a sentence for docs/plan.md."""

    name: str
    severity: Severity
    meaning: str
    judge: Judge


GUARDS: dict[str, Guard] = {}


def guard(name: str, severity: Severity, meaning: str) -> Callable[[Judge], Judge]:
    """Put a function on the list of guards."""

    def put(judge: Judge) -> Judge:
        assert name not in GUARDS, f"two guards are called {name}"
        GUARDS[name] = Guard(name, severity, meaning, judge)
        return judge

    return put


def listed(names: Iterable[str]) -> str:
    """Names as a sentence holds them: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def of(use_case: UseCase) -> str:
    """A use case as reasons name it."""
    return f"use case {shown(use_case.id)}"


def again(rows: Iterable[Hashable]) -> Iterator[int]:
    """The places of values that stood there before."""
    seen: Counter[Hashable] = Counter()
    for index, row in enumerate(rows):
        if seen[row]:
            yield index
        seen[row] += 1
