"""Guards on what a company adds itself: KPIs of its own, and baselines by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from meetlat.kpis.catalogue import Unit
from meetlat.plan.guarding import Finding, Subject, again, guard, listed, of
from meetlat.plan.guards_kpis import unknown
from meetlat.plan.own_sql import faults

# A date is no sum of parts.
UNITS: tuple[str, ...] = tuple(unit for unit in get_args(Unit) if unit != "date")


@guard(
    "own-kpi",
    "error",
    "A KPI of your own with an id of the catalogue, twice, of an unknown unit or use case, or "
    "with not exactly one of `measurement` and `sql`.",
)
def own_kpi(subject: Subject) -> Iterator[Finding]:
    twice = set(again(kpi.id for kpi in subject.plan.kpis))
    for index, kpi in enumerate(subject.plan.kpis):
        path = ("kpis", index)
        if kpi.id in subject.catalogue:
            yield Finding(
                (*path, "id"),
                f"KPI `{kpi.id}` is already in the catalogue",
                "give yours another id, or choose the catalogue's",
            )
        if index in twice:
            yield Finding(
                (*path, "id"), f"KPI `{kpi.id}` stands twice in [[kpis]]", "rename one of the two"
            )
        if (kpi.measurement is None) == (kpi.sql is None):
            both = "both" if kpi.sql else "neither"
            yield Finding(
                path,
                f"KPI `{kpi.id}` has {both} of `measurement` and `sql`",
                "write one: the name of a measurement, or a SELECT",
            )
        if kpi.unit not in UNITS:
            yield Finding(
                (*path, "unit"),
                f"the unit of KPI `{kpi.id}` is not known",
                f"write one of {listed(UNITS)}",
            )
        if kpi.use_case is not None and kpi.use_case not in subject.use_case_ids:
            yield Finding(
                (*path, "use_case"),
                f"KPI `{kpi.id}` is for use case `{kpi.use_case}`, which is not in the plan",
                "write the `id` of a use case, or remove it: then it is for all",
            )


@guard(
    "own-sql",
    "error",
    "SQL of your own that is no single SELECT, reads a file or a table that is not published, or "
    "lacks a column of its shape.",
)
def own_sql(subject: Subject) -> Iterator[Finding]:
    for index, kpi in enumerate(subject.plan.kpis):
        for reason, remedy in faults(kpi.sql, kpi.shape) if kpi.sql is not None else ():
            yield Finding(("kpis", index, "sql"), f"the SQL of KPI `{kpi.id}` {reason}", remedy)


@guard(
    "hand-baseline",
    "error",
    "A baseline by hand whose value lies outside `low` and `high`, that stands twice, or that "
    "names an unknown KPI, segment or team.",
)
def hand_baseline(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        rows = use_case.baselines
        twice = set(again((row.kpi, row.segment, row.team, row.part) for row in rows))
        for index, row in enumerate(rows):
            here = (*path, "baselines", index)
            what = f"the baseline of `{row.kpi}` of {of(use_case)}"
            if subject.kpi(row.kpi) is None:
                yield unknown((*here, "kpi"), row.kpi, subject)
            if not row.low <= row.value <= row.high:
                yield Finding(
                    (*here, "value"),
                    f"{what} is {row.value:g}, outside its range {row.low:g} to {row.high:g}",
                    "write the range in which the true value lies: low, then value, then high",
                )
            if row.segment and row.segment not in use_case.segments:
                yield Finding(
                    (*here, "segment"),
                    f"{what} is for segment `{row.segment}`, which the use case does not have",
                    "add it to `segments`, or remove it",
                )
            if row.team and row.team not in subject.team_names:
                yield Finding(
                    (*here, "team"),
                    f"{what} is for team `{row.team}`, which is not in the plan",
                    "add it in [[teams]], or remove it",
                )
            if index in twice:
                yield Finding(here, f"{what} stands there twice", "keep one of the two")


@guard(
    "segment-baseline",
    "warning",
    "Baselines by hand for some segments only: the others are left out of every comparison.",
)
def segment_baseline(subject: Subject) -> Iterator[Finding]:
    for path, use_case in subject.use_cases():
        if use_case.baseline is not None or not use_case.segments:
            continue
        for kpi in dict.fromkeys(row.kpi for row in use_case.baselines):
            there = {row.segment for row in use_case.baselines if row.kpi == kpi}
            missing = [name for name in use_case.segments if name not in there]
            if missing and "" not in there:
                first = next(i for i, row in enumerate(use_case.baselines) if row.kpi == kpi)
                yield Finding(
                    (*path, "baselines", first),
                    f"`{kpi}` of {of(use_case)} has no baseline for segment {listed(missing)}",
                    "add one each; without it the segment is left out of the comparison",
                )
