"""What the models say of a field, found by its path in the file: for remedies and docs/plan.md."""

from __future__ import annotations

from datetime import date, time
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from meetlat.plan.models import Plan
from meetlat.plan.positions import Path


def key(name: str, info: FieldInfo) -> str:
    """The name of a field in the file."""
    return info.alias or name


def row_of(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds, alone or in a list; None for plain values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in get_args(annotation):
        found = row_of(part)
        if found is not None:
            return found
    return None


def is_list(annotation: Any) -> bool:
    """Whether a field takes a list."""
    return get_origin(annotation) is tuple or any(
        is_list(part) for part in get_args(annotation) if part is not NoneType
    )


def is_map(annotation: Any) -> bool:
    """Whether a field takes a table whose keys are free."""
    return get_origin(annotation) is dict


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a row by their names in the file."""
    return {key(name, info): info for name, info in model.model_fields.items()}


def model_at(path: Path) -> type[BaseModel] | None:
    """The model of the table at a path; None where the path leads to no table of the plan."""
    model: type[BaseModel] | None = Plan
    for part in path:
        if isinstance(part, str):
            info = fields_of(model).get(part) if model else None
            model = row_of(info.annotation) if info else None
    return model


def field_at(path: Path) -> FieldInfo | None:
    """The field at a path; of an element of a list or map, the field that holds them."""
    place = _place(path)
    model = None if place is None else model_at(path[:place])
    return fields_of(model).get(field_name(path)) if model else None


def field_name(path: Path) -> str:
    """The name of the field at a path: its last name, unless that is a key of a map."""
    place = _place(path)
    return "" if place is None else str(path[place])


def _place(path: Path) -> int | None:
    """Where in a path the name of its field stands."""
    names = [index for index, part in enumerate(path) if isinstance(part, str)]
    while len(names) > 1 and model_at(path[: names[-1]]) is None:
        names.pop()
    return names[-1] if names else None


def header(path: Path) -> str:
    """How a table is begun in the file: `[company]`, `[[use_cases.kpis]]`."""
    name = ".".join(part for part in path if isinstance(part, str))
    if not name:
        return "the file"
    info = field_at(path)
    many = info is not None and is_list(info.annotation)
    return f"[[{name}]]" if many else f"[{name}]"


def literal(value: Any) -> str:
    """A plain value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def example(name: str, info: FieldInfo) -> str:
    """A line of the file that would be right: `go_live = 2026-04-01`."""
    assert info.examples, f"{name} has no example"
    value = literal(info.examples[0])
    if is_map(info.annotation):
        value = f"{{quotes = {value}}}"
    elif is_list(info.annotation):
        value = f"[{value}]"
    return f"{name} = {value}"
