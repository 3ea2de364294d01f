"""Plans for tests: a catalogue of stand-ins, a plan that uses every field, and TOML with lines.

The full plan is made from the models, by the examples of their fields: a new field is in it by
itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from meetlat.kpis.catalogue import Kpi, Target
from meetlat.plan.described import fields_of, is_list, is_map, literal, row_of
from meetlat.plan.models import Plan
from meetlat.plan.positions import Path

RELATIVE = Target(low=0.5, kind="relative")


def kpi(name: str, level: int = 1, **given: Any) -> Kpi:
    """A KPI with this id; its SQL is never run."""
    said: dict[str, Any] = {
        "unit": "share", "better": "higher", "shape": "share", "inputs": (), "sql": "SELECT 1",
        **{part: {"en": name, "nl": name} for part in ("title", "question", "definition")},
        **given,
    }  # fmt: skip
    if said["shape"] == "formula":
        said["sql"] = ""
    return Kpi(id=name, level=level, **said)


STAND_INS: Mapping[str, Kpi] = {
    one.id: one
    for one in (
        kpi("response_on_time", 1, target=Target(low=0.95)),
        kpi("accuracy", 1, target=Target(low=0.85, high=0.9)),
        kpi("first_time_right", 1, baseline=True, target=Target(low=0.85, high=0.9)),
        kpi("response_accuracy", 1, pack="service", target=Target(low=0.85, high=0.9)),
        kpi("token_saving", 1, shape="formula"),
        kpi("requests", 1, shape="sum", unit="count"),
        kpi("lead_time", 2, unit="h", better="lower", baseline=True, target=RELATIVE),
        kpi("end_to_end_lead_time", 2, unit="h", better="lower", baseline=True),
        kpi("time_to_first_draft", 2, pack="quotes", unit="h", better="lower", baseline=True,
            target=Target(low=0.5, high=0.7, kind="relative")),
        kpi("screening_time", 2, pack="hr", unit="min", better="lower", baseline=True),
        kpi("learning_curve", 2, unit="days", better="lower", baseline=True),
        kpi("task_time", 2, pack="general", unit="min", better="lower", baseline=True),
        kpi("throughput", 2, unit="count", shape="ratio"),
        kpi("first_contact_resolution", 2, pack="service", target=Target(low=0.6, high=0.7)),
        kpi("escalation_rate", 2, pack="service", better="lower"),
        kpi("hours_saved", 3, unit="h", shape="formula", baseline=True),
        kpi("cost_saving", 3, unit="money", shape="formula", baseline=True),
        kpi("conversion_rate", 3, pack="quotes", baseline=True,
            target=Target(low=0.1, high=0.15, kind="relative")),
        kpi("customer_rating", 3, unit="score", shape="mean", baseline=True),
        kpi("complaints", 3, unit="count", better="lower", baseline=True),
        kpi("csat", 3, pack="service", target=Target(low=0.8)),
        kpi("payback_date", 3, unit="date", better="earlier", shape="formula"),
        kpi("adoption_rate", 4, target=Target(low=0.7)),
        kpi("satisfaction", 4, unit="score", shape="mean", target=Target(low=7)),
        kpi("active_users", 4, unit="people", shape="weeks"),
    )
}  # fmt: skip


class Raw(str):
    """A value as it should stand in the file, right or wrong."""

    __slots__ = ()


def full_plan(model: type[BaseModel] = Plan) -> dict[str, Any]:
    """A plan in which every field of the models has a value."""
    return {name: _value(info) for name, info in fields_of(model).items()}


def _value(info: Any) -> Any:
    below = row_of(info.annotation)
    if below is not None:
        row = full_plan(below)
        return [row] if is_list(info.annotation) else row
    value = info.examples[0]
    if is_map(info.annotation):
        return {"quotes": value}
    return [value] if is_list(info.annotation) else value


def dump(plan: Mapping[str, Any]) -> tuple[str, dict[Path, int]]:
    """A plan as TOML, each scalar on a line of its own, and the line of each path."""
    lines: list[str] = []
    places: dict[Path, int] = {}
    _table((), plan, lines, places)
    return "\n".join(lines) + "\n", places


def _table(path: Path, table: Mapping[str, Any], lines: list[str], places: dict[Path, int]) -> None:
    below = []
    for name, value in table.items():
        here = (*path, name)
        if _is_table(value) or (isinstance(value, list) and value and _is_table(value[0])):
            below.append((here, value))
            continue
        lines.append(f"{name} = {_literal(value)}")
        places[here] = len(lines)
        if isinstance(value, list):
            places |= {(*here, index): len(lines) for index in range(len(value))}
    for here, value in below:
        rows = value if isinstance(value, list) else [value]
        name = ".".join(part for part in here if isinstance(part, str))
        for index, row in enumerate(rows):
            inside: Path = (*here, index) if isinstance(value, list) else here
            lines.append(f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
            places.setdefault(here, len(lines))
            places[inside] = len(lines)
            _table(inside, row, lines, places)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _literal(value: Any) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return literal(value)
