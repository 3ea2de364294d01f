"""The plan and the catalogue as published tables: what is judged, by what, against which target."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Literal

import duckdb

from meetlat.kpis.catalogue import Kpi, Target, catalogue
from meetlat.plan.models import Choice, Investment, OwnKpi, Plan, UseCase
from meetlat_aggregator.kpi.company import own_kpi
from meetlat_aggregator.kpi.plan_store import PlanStore
from meetlat_aggregator.kpi.plan_tables import Row, fill
from meetlat_aggregator.sqlfiles import sql

NO_TARGET = Target(low=None, high=None)


@dataclass(frozen=True, slots=True)
class PlanShown:
    """The plan in force on a day, as a connection sees it, for publication. `name` tells it from
    every other: what is published under the same one need not be written again.
    """

    plan: Plan | None
    day: date | None
    name: str

    def make_tables(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make the temporary tables `shown_…`; `sql/plan/shown.sql` says what they hold."""
        con.execute(sql("plan/shown"))
        fill(con, "shown_kpi_catalog", [_kpi(kpi) for kpi in catalogue().values()])
        plan = self.plan
        if plan is None:
            return
        fill(con, "shown_kpi_catalog", [_own(kpi) for kpi in plan.kpis])
        fill(con, "shown_use_cases", [_use_case(case, self.day) for case in plan.use_cases])
        fill(
            con,
            "shown_targets",
            [_target(case, choice) for case in plan.use_cases for choice in case.kpis],
        )
        fill(con, "shown_investments", [_investment(row, plan) for row in plan.investments])


def read_shown(
    con: duckdb.DuckDBPyConnection,
    watermark: datetime | None,
    day_of: Callable[[datetime], date],
) -> PlanShown:
    """What is to be published. The day is that of the watermark, so that the tables stay what they
    are while nothing comes in; before the first event there is none.
    """
    plans = PlanStore(con)
    day = None if watermark is None else day_of(watermark)
    return PlanShown(plans.current(), day, f"{plans.version()} {day} {_catalogue_digest()}")


@cache
def _catalogue_digest() -> str:
    text = "".join(kpi.model_dump_json() for kpi in catalogue().values())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def target_of(choice: Choice) -> tuple[Target, Literal["plan", "article", "house", ""]]:
    """The target of a KPI that a use case chose, and where it comes from; NO_TARGET and ''."""
    if choice.target is not None:
        return choice.target, "plan"
    kpi = catalogue().get(choice.id)
    if kpi is None or kpi.target is None:
        return NO_TARGET, ""
    return kpi.target, kpi.target.origin


def _use_case(case: UseCase, day: date | None) -> Row:
    return {
        "use_case": case.id,
        "name": case.name,
        "pack": case.pack,
        "process": case.process or "",
        "go_live": case.go_live,
        "baseline_from": case.baseline.since if case.baseline else None,
        "baseline_until": case.baseline.until if case.baseline else None,
        "review": case.review,
        "control_team": case.control_team or "",
        "owner": case.owner or "",
        "hours": case.hours,
        "phase": (case.phase(day) or "") if day else "",
    }


def _kpi(kpi: Kpi) -> Row:
    target = kpi.target or NO_TARGET
    words = {
        f"{name}_{language}": getattr(getattr(kpi, name), language)
        for name in ("title", "question", "definition")
        for language in ("en", "nl")
    }
    return {
        "kpi": kpi.id,
        "level": kpi.level,
        "pack": kpi.pack,
        "unit": kpi.unit,
        "better": kpi.better,
        **words,
        "target_low": target.low,
        "target_high": target.high,
        "target_kind": kpi.target.kind if kpi.target else "",
        "target_origin": kpi.target.origin if kpi.target else "",
        "minimum": kpi.minimum,
        "sql": kpi.sql,
    }


def _own(own: OwnKpi) -> Row:
    """A KPI of the company's own has one title, in the company's language, and no default."""
    kpi = own_kpi(own)
    return {**_kpi(kpi), "pack": "own", "sql": own.sql or kpi.sql}


def _target(case: UseCase, choice: Choice) -> Row:
    target, origin = target_of(choice)
    return {
        "use_case": case.id,
        "kpi": choice.id,
        "target_low": target.low,
        "target_high": target.high,
        "kind": target.kind if origin else "",
        "origin": origin,
        "decision": choice.decision or "",
        "phases": ", ".join(choice.phases),
    }


def _investment(row: Investment, plan: Plan) -> Row:
    currency = row.currency or plan.company.currency
    return {
        "name": row.name,
        "kind": row.kind,
        "use_case": row.use_case or "",
        "since": row.since,
        "until": row.until,
        "amount": row.amount,
        "currency": "" if row.amount is None else currency,
        "hours": row.hours,
        "team": row.team or "",
        "every": row.every,
        "key": row.key,
        "shares": json.dumps(row.shares, sort_keys=True) if row.shares else "",
    }
