"""KPIs that a company adds in its plan, as KPIs like those of the catalogue.

A named measurement is a KPI whose SELECT reads `measurements_daily`. Of SQL, which runs elsewhere
(`company_runs.py`), only the rows come here: its KPI reads them from the table `company_rows`, and
its parts in `kpi_components` stay as they are until other rows come. From there on nothing tells
them from a KPI of the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import cast

import duckdb
import pyarrow as pa

from meetlat.kpis.catalogue import UNCONVERTED, Kpi, Part, Unit, Words
from meetlat.plan.models import OwnKpi, Plan
from meetlat_aggregator.sqlfiles import sql

ROWS = "company_rows"
# What `company_rows` holds, of whichever shape.
NUMBERS = ("hits", "total", "squares", "n")
TEXTS = ("use_case", "team", "segment", "part")
SCHEMA = pa.schema(
    [("day", pa.date32()), *((name, pa.string()) for name in TEXTS)]
    + [(name, pa.float64()) for name in NUMBERS]
)
_OF_SHAPE = {"share": "hits, n", "mean": "total, squares, n", "sum": "total, n"}
# No percentage or mean of fewer; a total is what it is.
_MINIMUM = {"share": 20, "mean": 20, "sum": 1}


@dataclass(frozen=True, slots=True)
class Result:
    """What the SQL of a KPI gave: rows of SCHEMA, one per day and TEXTS, in that order. `trouble`:
    why it gave none, and what to do about that; '' when it did.
    """

    kpi: OwnKpi
    rows: pa.Table
    trouble: str = ""


def own_kpis(plan: Plan | None) -> dict[str, Kpi]:
    """The KPIs of the company's own, by id."""
    return {own.id: own_kpi(own) for own in (plan.kpis if plan else ())}


def own_kpi(own: OwnKpi) -> Kpi:
    """One KPI of the company's own, as one of the catalogue."""
    parts: dict[str, Part] = {}
    if own.measurement is not None:
        how = "money" if own.unit == "money" and own.shape != "share" else own.shape
        given = {"measurement": _quoted(own.measurement), "use_case": _only(own)}
        if how == "money":
            parts = {UNCONVERTED: Part(shape="sum", unit="count", minimum=1)}
        inputs, select = ("measurements_daily",), sql(f"kpi/own/{how}").format(**given)
        en, nl = f"The measurement {own.measurement}", f"De meting {own.measurement}"
        if own.shape == "share":
            en += "; each value is 1 (yes) or 0 (no)"
            nl += "; elke waarde is 1 (ja) of 0 (nee)"
    else:
        inputs = (ROWS,)
        select = sql("kpi/own/rows").format(id=own.id, numbers=_OF_SHAPE[own.shape])
        en, nl = "A query of the company's own", "Een query van het bedrijf zelf"
    # Not validated: an id of the plan may hold a dash, which no file of the catalogue does.
    return Kpi.model_construct(
        id=own.id,
        level=own.level,
        unit=cast(Unit, own.unit),  # a guard of the plan has seen to it
        better=own.better,
        shape=own.shape,
        minimum=_MINIMUM[own.shape],
        baseline=True,
        house=True,
        inputs=inputs,
        parts=parts,
        title=Words(en=own.title, nl=own.title),
        question=Words.model_construct(en="", nl=""),
        definition=Words(en=f"{en}, from the plan", nl=f"{nl}, uit het plan"),
        sql=select,
    )


class CompanyParts:
    """On one connection, on which `published` is attached: what came of the company's SQL."""

    def __init__(self, con: duckdb.DuckDBPyConnection, plan: Plan | None) -> None:
        self._con = con
        self._own = {own.id: own for own in (plan.kpis if plan else ()) if own.sql is not None}
        self._at_hand: frozenset[str] = frozenset()
        self.troubles: dict[str, str] = {}

    def is_at_hand(self, kpi: Kpi) -> bool:
        """Whether its parts can be made now: always, but for SQL whose rows are not here."""
        return ROWS not in kpi.inputs or kpi.id in self._at_hand

    @contextmanager
    def at_hand(
        self, results: Mapping[str, Result], today: date
    ) -> Iterator[tuple[frozenset[str], set[date]]]:
        """The rows of those results that belong to the plan's KPIs are in `company_rows` meanwhile.
        Gives the KPIs of which something changed, and on which days. What lies in the future is
        left out until it has come.
        """
        mine = [found for name, found in results.items() if self._own.get(name) == found.kpi]
        self._put(mine, today)
        ids = ", ".join(f"'{name}'" for name in ("", *(found.kpi.id for found in mine)))
        rows = self._con.execute(sql("kpi/own/changed").format(kpis=ids)).fetchall()
        changed, days = {kpi for kpi, _ in rows}, {day for _, day in rows}
        for found in mine:
            if self.troubles.get(found.kpi.id, "") != found.trouble:
                self.troubles[found.kpi.id] = found.trouble
                changed.add(found.kpi.id)
                days.add(today)
        self._at_hand = frozenset(changed)
        try:
            yield self._at_hand, days
        finally:
            self._at_hand = frozenset()

    def _put(self, results: list[Result], today: date) -> None:
        con = self._con
        con.execute(sql("kpi/own/create_rows"))
        for found in results:
            rows = found.rows  # noqa: F841 - DuckDB reads the variable
            con.execute(
                f"INSERT INTO {ROWS} BY NAME SELECT '{found.kpi.id}' AS kpi, * FROM rows "
                f"WHERE day <= DATE '{today}'"
            )


def _only(own: OwnKpi) -> str:
    return "true" if own.use_case is None else f"use_case = {_quoted(own.use_case)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
