"""What each KPI of each use case should reach: the plan's own target, else the catalogue's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from meetlat.kpis.catalogue import Kpi
from meetlat.plan.models import Plan, UseCase

_AIMS = pa.schema(
    [
        ("use_case", pa.string()),
        ("kpi", pa.string()),
        ("unit", pa.string()),
        ("better", pa.string()),
        ("shape", pa.string()),
        ("minimum", pa.int64()),
        ("maturity_days", pa.int32()),
        ("kind", pa.string()),
        ("target_low", pa.float64()),
        ("target_high", pa.float64()),
    ]
)
_PARTS = pa.schema(
    [
        ("kpi", pa.string()),
        ("part", pa.string()),
        ("unit", pa.string()),
        ("better", pa.string()),
        ("shape", pa.string()),
        ("minimum", pa.int64()),
    ]
)
_MADE_OF = pa.schema([("kpi", pa.string()), ("made_of", pa.string())])
_ANY_PACK = ("all", "general", "people")
_BASES = pa.schema(
    [
        ("kpi", pa.string()),
        ("use_case", pa.string()),
        ("team", pa.string()),
        ("segment", pa.string()),
        ("part", pa.string()),
        ("cut", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("n", pa.float64()),
        ("source", pa.string()),
    ]
)


def use_cases_of(
    use_cases: Sequence[UseCase], plan: Plan | None, kpis: Mapping[str, Kpi]
) -> dict[str, frozenset[str]]:
    """The use cases that have each KPI. One of the plan has the KPIs of its pack, the general ones,
    and those that it chose; any other has all.
    """
    planned = {use_case.id for use_case in plan.use_cases} if plan else set()
    chosen = {case.id: {choice.id for choice in case.kpis} for case in use_cases}
    return {
        name: frozenset(
            case.id
            for case in use_cases
            if case.id not in planned
            or kpi.pack in (*_ANY_PACK, case.pack)
            or name in chosen[case.id]
        )
        for name, kpi in kpis.items()
    }


def aims(use_cases: Sequence[UseCase], plan: Plan | None, kpis: Mapping[str, Kpi]) -> pa.Table:
    """A row per use case and KPI that it has: what `sql/kpi/judged.sql` judges by."""
    have = use_cases_of(use_cases, plan, kpis)
    rows = []
    for use_case in use_cases:
        chosen = {choice.id: choice for choice in use_case.kpis}
        for kpi in kpis.values():
            if use_case.id not in have[kpi.id]:
                continue
            choice = chosen.get(kpi.id)
            target = (choice.target if choice else None) or kpi.target
            days = kpi.maturity_days
            if choice and choice.maturity_days is not None:
                days = choice.maturity_days
            rows.append(
                {
                    "use_case": use_case.id,
                    "kpi": kpi.id,
                    "unit": kpi.unit,
                    "better": kpi.better,
                    "shape": kpi.shape,
                    "minimum": kpi.minimum,
                    "maturity_days": days,
                    "kind": target.kind if target else "absolute",
                    "target_low": target.low if target else None,
                    "target_high": target.high if target else None,
                }
            )
    return pa.Table.from_pylist(rows, schema=_AIMS)


def other_parts(kpis: Mapping[str, Kpi]) -> pa.Table:
    """The parts that are something else than their KPI, and are judged by no target."""
    rows = [
        {"kpi": kpi.id, "part": name, **part.model_dump()}
        for kpi in kpis.values()
        for name, part in kpi.parts.items()
    ]
    return pa.Table.from_pylist(rows, schema=_PARTS)


def made_of(kpis: Mapping[str, Kpi]) -> pa.Table:
    """The KPIs that are made of the parts of another one."""
    rows = [{"kpi": kpi.id, "made_of": kpi.made_of} for kpi in kpis.values() if kpi.made_of]
    return pa.Table.from_pylist(rows, schema=_MADE_OF)


def hand_baselines(plan: Plan | None) -> pa.Table:
    """The baselines that the plan gives by hand, as rows of `kpi_base`."""
    rows = [
        {
            "kpi": one.kpi,
            "use_case": use_case.id,
            "team": one.team,
            "segment": one.segment,
            "part": one.part,
            "cut": _CUTS[bool(one.team), bool(one.segment)],
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "n": float(one.n),
            "source": one.source,
        }
        for use_case in (plan.use_cases if plan else ())
        for one in use_case.baselines
    ]
    return pa.Table.from_pylist(rows, schema=_BASES)


_CUTS = {
    (False, False): "total",
    (True, False): "team",
    (False, True): "segment",
    (True, True): "both",
}
