"""`meetlat plan`: writes, checks and shows `meetlat.toml`, the plan of what AI should bring."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from meetlat.errors import MeetlatError
from meetlat.settings import CONFIG_ENV

# The plan's modules are imported where they are used: they need pydantic, and `--help` should not.
WIDEST = 60


def _default_file() -> str:
    return os.environ.get(CONFIG_ENV) or "meetlat.toml"


file_argument = click.argument("file", default=_default_file, type=click.Path(path_type=Path))


@click.group(
    "plan",
    short_help="Write, check and show meetlat.toml.",
    epilog="""\b
Examples:
  meetlat plan init --pack quotes
  meetlat plan check
""",
)
def plan() -> None:
    """The plan, meetlat.toml: what is judged, against what, and what is done when it misses.

    FILE is meetlat.toml in this folder, or where MEETLAT_CONFIG points, unless it is given.
    """


def _packs() -> dict[str, str]:
    from meetlat.plan.write import PACKS

    return PACKS


@plan.command(
    "init",
    short_help="Write a plan to begin with.",
    epilog="""\b
Examples:
  meetlat plan init --pack quotes
  meetlat plan init --pack service support.toml
""",
)
@file_argument
@click.option("--pack", metavar="PACK", help="quotes, hr, service or general.")
def init(file: Path, pack: str | None) -> None:
    """Write a commented plan with five KPIs to FILE, which must not exist yet.

    A pack is what AI is used for: quotes and documents, hr (recruiting), service (customer
    service) or general (everyday work). Its dates assume that AI starts in about two months.
    """
    from meetlat.plan.write import write_starter

    packs = _packs()
    if pack is None:
        pack = _ask(packs)
    if pack not in packs:
        raise click.UsageError(f"there is no pack {pack!r}; there are {', '.join(packs)}")
    write_starter(file, pack, datetime.now().astimezone().date())
    click.echo(f"{file} is written: mend what says CHECK and FILL IN, then `meetlat plan check`")


def _ask(packs: dict[str, str]) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError(f"say which pack with --pack: {', '.join(packs)}")
    for name, what in packs.items():
        click.echo(f"  {name:<9} {what}")
    answer: str = click.prompt("What is AI used for?", type=click.Choice(list(packs)))
    return answer


@plan.command(
    "check",
    short_help="Say what is wrong or missing, with line and remedy.",
    epilog="""\b
Examples:
  meetlat plan check
  meetlat plan check support.toml --format json
""",
)
@file_argument
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="json is for programs.",
)  # fmt: skip
def check(file: Path, form: str) -> int:
    """List the errors of FILE, then its warnings; each with line, reason and remedy.

    With errors the plan is not used, and the exit status is 1. A warning says which figure will
    be missing or weak.
    """
    from dataclasses import asdict

    from meetlat.plan.load import load

    loaded = load(file)
    errors, warnings = len(loaded.errors), len(loaded.warnings)
    if form == "json":
        said = {
            "file": str(file),
            "digest": loaded.digest,
            "errors": errors,
            "warnings": warnings,
            "problems": [asdict(problem) for problem in loaded.problems],
        }
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        for problem in loaded.problems:
            click.echo(problem.text(str(file)))
        click.echo(f"{_many(errors, 'error')}, {_many(warnings, 'warning')}")
    return 1 if errors else 0


def _many(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


@plan.command(
    "show",
    short_help="Show the plan as it is read.",
    epilog="""\b
Examples:
  meetlat plan show
  meetlat plan show --on 2026-06-01
  meetlat plan show --format json
""",
)
@file_argument
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True,
    help="json is for programs.",
)  # fmt: skip
@click.option(
    "--on", "on", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD",
    help="The day whose phase, costs and prices are shown; today without it.",
)  # fmt: skip
def show(file: Path, form: str, on: datetime | None) -> None:
    """Show use cases with their phase, KPIs, teams, investments and prices, as they are read.

    The JSON holds the plan itself under `plan`: it can be read again.
    """
    from meetlat.kpis.catalogue import catalogue
    from meetlat.plan.load import load

    loaded = load(file)
    read = loaded.read
    if read is None:
        first = loaded.errors[0]
        raise MeetlatError(
            f"{file} cannot be read as a plan: line {first.line}: {first.reason}",
            remedy="`meetlat plan check` lists everything that is wrong with it",
        )
    day = on.date() if on else datetime.now(ZoneInfo(read.company.timezone)).date()
    from meetlat.plan import shown

    if form == "json":
        click.echo(json.dumps(_as_json(loaded, day), ensure_ascii=False, indent=2))
        return
    company = read.company
    click.echo(f"{company.name}, in {company.currency}, days in {company.timezone}")
    for title, head, rows in shown.tables(read, catalogue(), day):
        click.echo(f"\n{title}\n{_table(head, rows)}")
    if loaded.errors:
        count = _many(len(loaded.errors), "error")
        click.echo(f"\nnot in use: {count}; `meetlat plan check` lists them", err=True)


def _as_json(loaded: Any, day: date) -> dict[str, Any]:
    from meetlat.kpis.catalogue import catalogue
    from meetlat.plan import shown
    from meetlat.plan.models import in_force

    read = loaded.read
    kpis = {**{kpi.id: kpi for kpi in read.kpis}, **catalogue()}
    return {
        "on": day.isoformat(),
        "digest": loaded.digest,
        "errors": len(loaded.errors),
        "plan": read.model_dump(mode="json", by_alias=True),
        "use_cases": [
            {
                "id": use_case.id,
                "phase": use_case.phase(day),
                "kpis": [
                    {
                        "id": choice.id,
                        "target": shown.target_of(choice, kpis.get(choice.id)),
                        "baseline": shown.baseline_of(kpis.get(choice.id), use_case),
                    }
                    for choice in use_case.kpis
                ],
            }
            for use_case in read.use_cases
        ],
        "teams": [
            {
                "name": team.name,
                "cost": _row(in_force(team.cost, day)),
                "people": _row(in_force(team.people, day)),
            }
            for team in read.teams
        ],
        "prices": [_row(price) for price in shown.prices_on(read.prices, day)],
    }


def _row(row: Any) -> Any:
    return None if row is None else row.model_dump(mode="json", by_alias=True)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns under their names; the last one is cut where it is long."""
    lines = [list(head), *([*row[:-1], _cut(row[-1])] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    if not any(head):
        lines = lines[1:]
    return "\n".join(
        "  " + "  ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
