"""docs/import.md shows every key of a map; its examples and those of docs/examples are taken."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from support.importing import PLAIN, load

from meetlat.imports.mapping import Map
from meetlat.imports.mapping_file import load_map
from meetlat.kpis.catalogue import catalogue
from meetlat.plan.load import load as load_plan
from meetlat.plan.models import Plan

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "import.md").read_text()
EXAMPLES = sorted((DOCS / "examples").glob("*/map.toml"))
BLOCKS = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def models(annotation: Any) -> list[type[BaseModel]]:
    """The models in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is Annotated:
        return models(get_args(annotation)[0])
    return [
        found for part in get_args(annotation) if part is not NoneType for found in models(part)
    ]


def fields(model: type[BaseModel]) -> set[str]:
    """Every key of a model and of those below it."""
    found = set(model.model_fields)
    for info in model.model_fields.values():
        for below in models(info.annotation):
            found |= fields(below)
    return found


def test_every_key_of_a_map_is_on_the_page_in_words_and_in_an_example() -> None:
    keys = fields(Map)
    assert {"use_case", "overlap", "holidays", "take", "below", "ticket"} <= keys
    examples = "\n".join(BLOCKS)
    for key in keys:
        assert f"`{key}`" in PAGE or re.search(rf"^\[{key}[].]", PAGE, re.MULTILINE), key
        if key not in {"constant", "currency_column"}:  # plain text, and either of two
            assert re.search(rf"\b{key}\b", examples), key


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0])
def test_an_example_on_the_page_says_only_keys_of_a_map(block: str) -> None:
    said = tomllib.loads(block)
    assert said
    assert set(said) <= set(Map.model_fields)


def test_the_examples_of_the_page_make_one_map_together(tmp_path: Path) -> None:
    parts = [
        block for block in BLOCKS if not re.search(r"^step = |^\[resolution\]", block, re.MULTILINE)
    ]
    said = "\n".join(sorted(parts, key=lambda block: block.startswith("[")))
    labels = next(block for block in BLOCKS if "\nstep = " in block).splitlines()
    said = labels[1] + "\n" + said
    assert load(tmp_path, said).steps
    alone = PLAIN.replace("[milestones]", f"{labels[0]}\n{labels[2]}\n[milestones]")
    assert load(tmp_path, alone).step is not None


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_an_example_has_a_map_and_a_plan_that_fit_together(file: Path) -> None:
    said = load_map(str(file))
    plan = Plan.model_validate(tomllib.loads((file.parent / "meetlat.toml").read_text()))
    (use_case,) = plan.use_cases
    assert (use_case.id, use_case.process) == (said.use_case, said.process)
    assert all(choice.target and choice.decision for choice in use_case.kpis)
    assert said.segment is not None
    names = {*said.segment.values.values(), *said.segment.below, said.segment.otherwise} - {None}
    assert set(use_case.segments) == names
    own = {kpi.id for kpi in plan.kpis}
    assert {choice.id for choice in use_case.kpis} <= {*catalogue(), *own}


def test_there_are_two_examples() -> None:
    assert [file.parent.name for file in EXAMPLES] == ["helpdesk", "quotes"]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_the_plan_of_an_example_has_no_errors(file: Path) -> None:
    found = load_plan(file.parent / "meetlat.toml")
    assert [problem for problem in found.problems if problem.severity == "error"] == []
    assert found.plan is not None
