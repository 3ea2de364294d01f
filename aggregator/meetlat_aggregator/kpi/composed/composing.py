"""Measures the composed KPIs: each has one function here, which answers one period at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date

import duckdb

from meetlat.kpis.catalogue import Kpi
from meetlat.plan.models import Plan, UseCase
from meetlat_aggregator.kpi.composed.deflection import deflection_rate, deflection_saving
from meetlat_aggregator.kpi.composed.figure import Context, Figure, Question, measured
from meetlat_aggregator.kpi.composed.ingredients import by_use_case
from meetlat_aggregator.kpi.composed.innovation import innovation
from meetlat_aggregator.kpi.composed.parity import selection_parity
from meetlat_aggregator.kpi.composed.productivity import agent_productivity
from meetlat_aggregator.kpi.composed.token_saving import PRICED, token_saving
from meetlat_aggregator.kpi.measured import Measured
from meetlat_aggregator.kpi.periods import BASELINE, Period, touched_periods
from meetlat_aggregator.kpi.plan_tables import FIRST_DAY
from meetlat_aggregator.sqlfiles import sql

COMPOSED: Mapping[str, Callable[[Question], Iterable[Figure]]] = {
    "agent_productivity": agent_productivity,
    "deflection_rate": deflection_rate,
    "deflection_saving": deflection_saving,
    "innovation": innovation,
    "selection_parity": selection_parity,
    "token_saving": token_saving,
}


def compose(
    con: duckdb.DuckDBPyConnection,
    kpis: Mapping[str, Kpi],
    periods: Sequence[Period],
    cases: Sequence[UseCase],
    have: Mapping[str, Collection[str]],
    plan: Plan | None,
    today: date,
) -> Iterator[Measured]:
    """The composed ones of these KPIs in the given periods, of the use cases that have them. Raises
    duckdb.Error.
    """
    asked = {name: kpi for name, kpi in kpis.items() if name in COMPOSED and have[name]}
    if not asked or not periods:
        return
    context = _context(con, plan, today)
    of_case = {case.id: case for case in cases}
    windows = {
        period.use_case: period
        for period in touched_periods(cases, (), today)
        if period.name == BASELINE
    }
    first = min(period.first for period in (*periods, *windows.values()))
    last = max(period.last for period in (*periods, *windows.values()))
    for name, kpi in asked.items():
        given = {
            "kpi": kpi.made_of or name,
            "first": FIRST_DAY if kpi.looks_back else first,
            "last": last,
        }
        rows = con.sql(sql("kpi/ingredients"), params=given).to_arrow_table()
        answers = []
        for use_case, ingredients in by_use_case(rows):
            for period in periods:
                if period.use_case == use_case and use_case in have[name]:
                    question = Question(
                        of_case[use_case], period, windows.get(use_case), ingredients, context
                    )
                    answers.append((question, list(COMPOSED[name](question))))
        yield measured(name, answers)


def _context(con: duckdb.DuckDBPyConnection, plan: Plan | None, today: date) -> Context:
    """Prices and rates of today, in the company's money."""
    ((euro,),) = con.execute(
        "SELECT in_company_money(1, 'EUR', $today)::DOUBLE", {"today": today}
    ).fetchall()
    rows = con.execute(sql("kpi/prices_today"), {"today": today}).fetchall()
    prices = {
        (provider, model): {
            kind: float(price)
            for kind, price in zip(PRICED, found, strict=True)
            if price is not None
        }
        for provider, model, *found in rows
    }
    return Context(plan, today, float("nan") if euro is None else euro, prices)
