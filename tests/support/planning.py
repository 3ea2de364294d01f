"""Plans for tests, built by the models directly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meetlat.plan.models import Plan


def plan(*use_cases: Mapping[str, Any], **more: Any) -> Plan:
    """A plan with these use cases; `more` are other tables, `company` on top of a name."""
    company = {"name": "Acme", **more.pop("company", {})}
    return Plan.model_validate({"company": company, "use_cases": use_cases, **more})


def use_case(name: str = "quotes", **more: Any) -> dict[str, Any]:
    """A use case that says little."""
    return {"id": name, "name": name.title(), "pack": "quotes", **more}


def costing(*rows: tuple[str, str], team: str = "sales", **more: Any) -> Plan:
    """A plan in which an hour of a team costs so much from a day on."""
    cost = [{"from": since, "hourly": hourly} for since, hourly in rows]
    return plan(use_case(), teams=[{"name": team, "cost": cost}], **more)
