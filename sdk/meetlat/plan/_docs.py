"""The page `docs/plan.md`: every field of the plan, and every guard, as the code has them.

`docs/generate.py` writes it with the other pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.types import StringConstraints

from meetlat.plan import guards  # noqa: F401 - puts all guards on the list
from meetlat.plan.described import example, fields_of, header, is_list, is_map, row_of
from meetlat.plan.guarding import GUARDS
from meetlat.plan.kinds import BIGGEST
from meetlat.plan.models import Plan
from meetlat.plan.positions import Path

_INTRODUCTION = """# The plan: `meetlat.toml`

What is judged, against what, and what is done when it misses. `meetlat plan init --pack quotes`
writes one to begin with; `meetlat plan check` says what is wrong or missing, with the line and the
remedy; `meetlat plan show` shows it as it is read. A complete example, with every field, is
[examples/meetlat.toml](examples/meetlat.toml). The smallest one that says something:

```toml
[company]
name = "Example Ltd"

[[teams]]
name = "sales"

[[use_cases]]
id = "quotes"
name = "Quotes with AI"
pack = "quotes"
tools = ["quote-writer"]
teams = ["sales"]
go_live = 2026-04-01
baseline = {from = 2026-01-05, until = 2026-03-29}

[[use_cases.kpis]]
id = "response_on_time"
target = {low = 0.95}
decision = "We ask the supplier for a faster model"

[privacy]
purpose = "To judge the tool; not for appraisal"
no_agreement_because = "No works council: 20 people"
impact_assessment = "DPIA 2026-03"
```

The table `[settings]` may stand in the same file: see [settings.md](settings.md).

**Errors and warnings.** An error is a plan that contradicts itself, or would make a wrong figure:
the plan is not used, and one that was in use stays so. A warning is a figure that will be missing
or weak. Errors do not depend on the day: a plan that was taken once does not become invalid
overnight.

**Dated rows.** A row with `from` is in force from that day until a later one about the same begins.
Add a row with a new `from` when something changes: the past keeps its figures. Edit a row only to
correct it: everything that was computed with it is computed again.

**Marked places.** Text that begins with `FILL IN` counts as absent, with a warning, until your own
stands there.

**Phases** follow from the dates: `baseline` until `go_live`; `settling`, the first week, which
counts in no value; `early` until the review, provisional; `review`, four weeks; then `monthly`.

**Targets.** `low` is what has to be reached, `high` the upper end of the ambition. A relative
target is an improvement on the baseline: 0.5 is 50 % better, whichever way is better.

**The agreement.** Whose task it was is kept, as a pseudonym, only while the plan records an
`agreement`: of tasks that come in once the aggregator has that plan. It is forgotten as soon as
the agreement leaves the plan. Tasks of before the agreement stay without; where it covers them,
`meetlat rebuild` makes the tables again from the archive, with whose they were.

## Fields
"""
_KINDS: dict[Any, str] = {
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
    Decimal: "number",
    date: "date",
    time: "time of day",
    str: "text",
}


def plan_page() -> str:
    """The tables of the plan with their fields, then the guards."""
    text = _INTRODUCTION
    for path, model in _tables((), Plan):
        title = header(path).strip("[]") if path else "At the top"
        begins = f"`{header(path)}`: " if path else ""
        text += f"\n### {title}\n\n{begins}{_first(model)}\n\n"
        text += "| field | takes | meaning | example |\n| --- | --- | --- | --- |\n"
        for name, info in fields_of(model).items():
            text += _row(name, info)
    text += """
## Guards

Mistakes that the plan is checked for. The name stands in `meetlat plan check --format json` as
`rule`.

| guard | | what it stops |
| --- | --- | --- |
"""
    for guard in GUARDS.values():
        text += f"| `{guard.name}` | {guard.severity} | {guard.meaning} |\n"
    return text + "| `unfilled` | warning | A marked place that is still to be filled in. |\n"


def _tables(path: Path, model: type[BaseModel]) -> Iterator[tuple[Path, type[BaseModel]]]:
    yield path, model
    for name, info in fields_of(model).items():
        below = row_of(info.annotation)
        if below is not None:
            yield from _tables((*path, name), below)


def _first(model: type[BaseModel]) -> str:
    text = " ".join((model.__doc__ or "").split())
    return text[0].lower() + text[1:] if model is not Plan else text


def _row(name: str, info: FieldInfo) -> str:
    words = takes(info.annotation, list(info.metadata))
    if info.is_required():
        words += "; required"
    elif info.default not in (None, (), {}) and row_of(info.annotation) is None:
        words += f"; `{_default(info.default)}` without it"
    shown = "" if row_of(info.annotation) else f"`{example(name, info)}`"
    cells = (f"`{name}`", words, info.description or "", shown)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value) or '""'


def takes(annotation: Any, metadata: list[Any]) -> str:
    """What a field takes, in words: its type and bounds."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return takes(inner, [*more, *metadata])
    if get_origin(annotation) in (Union, UnionType):
        part = next(part for part in get_args(annotation) if part is not NoneType)
        return takes(part, metadata)
    if row_of(annotation):
        return "tables" if is_list(annotation) else "table"
    if is_list(annotation):
        return f"list of: {takes(get_args(annotation)[0], [])}"
    if is_map(annotation):
        return "table of names and numbers"
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(annotation) if word != "")
    flat = [part for item in metadata for part in _parts(item)]
    patterns = [part.pattern for part in flat if isinstance(part, StringConstraints)]
    if annotation is str and any(patterns):
        return "currency, as `EUR`" if "A-Z" in str(patterns[0]) else "id"
    return _KINDS[annotation] + _bounds(flat)


def _parts(item: Any) -> list[Any]:
    return item.metadata if isinstance(item, FieldInfo) else [item]


def _bounds(metadata: list[Any]) -> str:
    words = []
    for kind, field, word in (
        (Ge, "ge", "from"), (Gt, "gt", "above"), (Le, "le", "to"), (Lt, "lt", "below"),
    ):  # fmt: skip
        bounds = [getattr(part, field) for part in metadata if isinstance(part, kind)]
        bounds = [bound for bound in bounds if not isinstance(bound, date) and abs(bound) < BIGGEST]
        if bounds:
            tightest = min(bounds) if kind in (Le, Lt) else max(bounds)
            words.append(f"{word} {tightest:,}")
    return ", " + " ".join(words) if words else ""
