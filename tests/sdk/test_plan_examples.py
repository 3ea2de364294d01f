"""The example, the templates and the page of the plan are what `plan check` takes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from meetlat.kpis.catalogue import catalogue
from meetlat.plan.described import fields_of, row_of
from meetlat.plan.guarding import GUARDS
from meetlat.plan.load import UNFILLED, Loaded, parse
from meetlat.plan.models import Plan
from meetlat.plan.write import PACKS, starter

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = (DOCS / "examples" / "meetlat.toml").read_text()
PAGE = (DOCS / "plan.md").read_text()
TODAY = date(2026, 7, 1)


def read(text: str, today: date = TODAY) -> Loaded:
    """As `plan check` reads it: with the KPIs that there are, and no stand-ins."""
    return parse(text.encode(), catalogue=catalogue(), today=today)


def keys(model: type = Plan) -> Iterator[tuple[str, str]]:
    """Every field as (its model, its name in the file)."""
    for name, info in fields_of(model).items():
        yield model.__name__, name
        below = row_of(info.annotation)
        if below is not None:
            yield from keys(below)


def test_the_example_has_no_errors_and_no_warnings() -> None:
    assert read(EXAMPLE).problems == ()


def test_the_example_uses_every_field() -> None:
    used: set[tuple[str, str]] = set()

    def walk(model: type, value: object) -> None:
        if isinstance(value, list):
            for one in value:
                walk(model, one)
        elif isinstance(value, dict):
            for name, one in value.items():
                info = fields_of(model).get(name)
                if info is not None:
                    used.add((model.__name__, name))
                    below = row_of(info.annotation)
                    if below is not None:
                        walk(below, one)

    walk(Plan, tomllib.loads(EXAMPLE))
    # An agreement and why there is none exclude each other: the second stands there as a comment.
    assert set(keys()) - used == {("Privacy", "no_agreement_because")}
    assert "# no_agreement_because = " in EXAMPLE


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("today", [date(2026, 7, 1), date(2027, 12, 31), date(2028, 2, 29)])
def test_a_template_passes_as_written_and_says_what_to_fill_in(pack: str, today: date) -> None:
    text = starter(pack, today)
    assert "@" not in text
    loaded = read(text, today)
    assert loaded.errors == ()
    assert loaded.plan is not None
    marked = [n for n, line in enumerate(text.split("\n"), 1) if f'= "{UNFILLED}' in line]
    told = [problem.line for problem in loaded.warnings if problem.rule == "unfilled"]
    assert told == marked
    assert {problem.rule for problem in loaded.warnings} == {"unfilled", "go-live-ahead"}


@pytest.mark.parametrize("pack", PACKS)
def test_a_template_that_is_filled_in_has_no_warnings_from_go_live_on(pack: str) -> None:
    text = re.sub(rf'(?<== )"{UNFILLED}[^"]*"', '"Written by hand"', starter(pack, TODAY))
    assert read(text, TODAY + timedelta(days=70)).problems == ()


@pytest.mark.parametrize("pack", PACKS)
def test_a_template_has_three_to_five_kpis_of_all_levels(pack: str) -> None:
    plan = read(starter(pack, TODAY)).plan
    assert plan is not None
    (use_case,) = plan.use_cases
    assert use_case.pack == pack
    assert 3 <= len(use_case.kpis) <= 5
    assert {catalogue()[choice.id].level for choice in use_case.kpis} == {1, 2, 3, 4}
    assert use_case.go_live is not None
    assert use_case.go_live.weekday() == 0
    assert use_case.go_live > TODAY


def test_the_smallest_plan_of_the_page_is_taken_with_the_shipped_catalogue() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    loaded = parse(text.encode(), catalogue=catalogue(), today=TODAY)
    assert loaded.errors == ()


def test_the_page_has_every_field_and_every_guard() -> None:
    for _, name in keys():
        assert f"| `{name}` |" in PAGE
    for name in GUARDS:
        assert f"| `{name}` |" in PAGE
