"""Tells a change of the plan from a correction of it.

A row with a new `from` is a change and leaves the past alone; an edited row is a correction, and
what was computed with it is computed again. Rows are recognised by what they are about (a team by
its name, a price by provider and model), never by their place in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pydantic_core import to_jsonable_python

from meetlat.plan.described import is_list, row_of
from meetlat.plan.models import (
    Choice,
    Dated,
    HandBaseline,
    Investment,
    Limit,
    OwnKpi,
    Plan,
    Price,
    Rate,
    ReferencePrompt,
    Report,
    Row,
    Team,
    UseCase,
)

# What a row is about, by its class; the other dated rows are told apart by `from` alone.
ABOUT: dict[type[Row], tuple[str, ...]] = {
    Rate: ("currency",),
    Team: ("name",),
    UseCase: ("id",),
    Limit: ("operation",),
    Choice: ("id",),
    HandBaseline: ("kpi", "segment", "team", "part"),
    ReferencePrompt: ("tool",),
    Investment: ("name", "use_case", "team"),
    Price: ("provider", "model"),
    OwnKpi: ("id",),
    Report: ("rhythm", "audience", "language", "use_cases", "phases"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """What became different.

    `new`: something that was not there; `change`: another row about the same, with its own `from`;
    `correction`: a row that says something else; `removed`: a row that is gone. `path` names it, as
    `teams[sales].cost`. `since` is the row's `from`: the first day that can be touched; None when
    the row has no date. `before` and `after` are the rows as JSON has them, without the rows below.
    """

    kind: Literal["new", "change", "correction", "removed"]
    path: str
    since: date | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


Key = tuple[str, date | None]


def diff(old: Plan, new: Plan) -> list[Change]:
    """What is different in the new plan, by path and day. The order of rows makes no difference."""
    before, after = dict(_rows(old, "")), dict(_rows(new, ""))
    known = {path for path, _ in before}
    changes = []
    for key in sorted(before | after, key=lambda key: (key[0], key[1] or date.min)):
        path, since = key
        was, now = before.get(key), after.get(key)
        if was == now:
            continue
        kind: Literal["new", "change", "correction", "removed"]
        if was is None:
            kind = "change" if path in known else "new"
        else:
            kind = "removed" if now is None else "correction"
        changes.append(Change(kind, path, since, _json(was), _json(now)))
    return changes


def _rows(row: Row, path: str) -> Iterator[tuple[Key, dict[str, Any]]]:
    """A row's own fields under what it is about, then the rows below it."""
    own: dict[str, Any] = {}
    below: list[tuple[str, Row]] = []
    for name, info in type(row).model_fields.items():
        value = getattr(row, name)
        many = row_of(info.annotation) is not None and is_list(info.annotation)
        if many:
            below += [(_join(path, name), one) for one in value]
        elif isinstance(row, Plan) and isinstance(value, Row):
            below.append((name, value))
        else:
            own[info.alias or name] = (
                value.model_dump(by_alias=True) if isinstance(value, Row) else value
            )
    if own:
        yield (path or "attributes", row.since if isinstance(row, Dated) else None), own
    for under, one in below:
        about = ABOUT.get(type(one), ())
        called = "/".join(_called(getattr(one, name)) for name in about)
        yield from _rows(one, f"{under}[{called}]" if called else under)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _called(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value or "")


def _json(own: dict[str, Any] | None) -> dict[str, Any] | None:
    if own is None:
        return None
    read: dict[str, Any] = to_jsonable_python(own)
    return read
