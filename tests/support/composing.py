"""Composed KPIs in tests without an engine: filled-in tables, the KPI's own SQL and function."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from meetlat.kpis.catalogue import catalogue
from meetlat_aggregator.kpi.composed.composing import COMPOSED
from meetlat_aggregator.kpi.composed.figure import Context, Figure, Question
from meetlat_aggregator.kpi.composed.ingredients import by_use_case
from meetlat_aggregator.kpi.periods import BASELINE, Period
from support.judging import plan_of, use_case
from support.kpi_inputs import Inputs

# The baseline window of `use_case()`, and a month long after go-live.
BEFORE, MARCH = date(2025, 11, 3), (date(2026, 3, 1), date(2026, 3, 31))
TODAY = date(2026, 4, 15)
SCHEMA = pa.schema(
    [("use_case", pa.string()), ("day", pa.date32())]
    + [(name, pa.string()) for name in ("team", "segment", "part", "assisted")]
    + [("control", pa.bool_())]
    + [(name, pa.float64()) for name in ("total", "weight", "squares", "n")]
)


def figures(
    kpi: str,
    inputs: Inputs,
    *,
    prices: Mapping[tuple[str, str], Mapping[str, float]] | None = None,
    people: list[dict[str, Any]] | None = None,
    euro: float = 1.0,
    of_baseline: bool = False,
    control: str = "",
    **case: Any,
) -> dict[tuple[str, str], Figure]:
    """What the KPI gives for March, by part and team. `case` are fields of the use case."""
    plan = plan_of(use_case(**case), teams=people or [])
    (planned,) = plan.use_cases
    told = inputs.parts(catalogue()[kpi].made_of or kpi)
    rows = [
        {"assisted": "", **row, "control": row["team"] == control != ""}
        | {name: None if row[name] is None else float(row[name])
           for name in ("total", "weight", "squares", "n")}
        for row in sorted(told, key=lambda row: row["day"])
    ]  # fmt: skip
    window = planned.baseline
    assert window is not None
    baseline = Period("quotes", BASELINE, window.since, window.since, window.until)
    month = Period("quotes", "month", MARCH[0], *MARCH)
    context = Context(
        plan, TODAY, euro, {key: dict(value) for key, value in (prices or {}).items()}
    )
    found: dict[tuple[str, str], Figure] = {}
    for _, ingredients in by_use_case(pa.Table.from_pylist(rows, schema=SCHEMA)):
        asked = Question(
            planned, baseline if of_baseline else month, baseline, ingredients, context
        )
        for figure in COMPOSED[kpi](asked):
            assert (figure.part, figure.team) not in found
            found[figure.part, figure.team] = figure
    return found


def figure(kpi: str, inputs: Inputs, part: str = "", team: str = "", **more: Any) -> Figure:
    """One of them."""
    return figures(kpi, inputs, **more)[part, team]
