"""The catalogue holds what the KPI model names, in words for people in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import meetlat.kpis.catalogue as module
from meetlat.kpis._docs import kpis_page
from meetlat.kpis.catalogue import Kpi, catalogue, parse

FOLDER = Path(module.__file__).parent
FILES = sorted(FOLDER.rglob("*.sql"))
SPEC = Path(__file__).parents[2].parent / "shared" / "spec" / "kpis.md"
KPIS = list(catalogue().values())
# Made from money, by what comes after the KPI model's first part.
MONEY = {
    "hours_saved", "cost_saving", "revenue_gain", "roi", "payback_date", "net_present_value",
}  # fmt: skip
# Backticked in the model's text on packs, and no KPIs.
NO_KPIS = {"quotes", "hr", "service", "general"}

each = pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_read_and_named_after_its_kpi(file: Path) -> None:
    kpi = parse(file.read_text("utf-8"), file.name)
    assert (kpi.id, kpi.pack) == (file.stem, file.parent.name)


def test_ids_are_unique_over_all_folders() -> None:
    assert len({file.name for file in FILES}) == len(FILES) == len(KPIS)


@each
def test_a_kpi_has_words_in_both_languages(kpi: Kpi) -> None:
    for words in (kpi.question, kpi.definition):
        assert words.en != words.nl
        assert words.en.strip()[-1] in ".?" and words.nl.strip()[-1] in ".?"
    assert len(kpi.definition.en) > 60 and len(kpi.definition.nl) > 60
    assert kpi.question.en.endswith("?") and kpi.question.nl.endswith("?")


@each
def test_a_kpi_can_be_judged(kpi: Kpi) -> None:
    """Vanity metrics have neither a target nor a baseline nor an outcome beside them."""
    assert kpi.guards
    if kpi.target and kpi.target.kind != "trend":
        assert kpi.target.low is not None
        assert kpi.target.high is None or kpi.target.high >= kpi.target.low
    if kpi.target and kpi.target.kind == "relative":
        assert kpi.baseline


@each
def test_no_percentage_is_shown_below_twenty_observations(kpi: Kpi) -> None:
    if kpi.shape in ("share", "weighted"):
        assert kpi.minimum >= 20
    if kpi.shape == "quantile" and kpi.quantile == 0.95:
        assert kpi.minimum >= 72


@each
def test_a_kpi_names_what_its_sql_reads(kpi: Kpi) -> None:
    if kpi.sql:
        read = {name for name in kpi.inputs if re.search(rf"\b{name}\b", kpi.sql)}
        assert read == set(kpi.inputs)


def named_in_the_model() -> set[str]:
    """The ids of the level tables and of the packs, as the model writes them in backticks."""
    text = SPEC.read_text("utf-8")
    levels = re.findall(r"^\| `([a-z0-9_]+)`", text, re.MULTILINE)
    _, _, packs = text.partition("\n## Packs per use case\n")
    packs, _, _ = packs.partition("\n## ")
    return {*levels, *re.findall(r"`([a-z0-9_]+)`", packs)} - NO_KPIS


@pytest.mark.skipif(not SPEC.exists(), reason=f"the KPI model is not at {SPEC}")
def test_the_catalogue_has_every_kpi_of_the_model_and_no_other() -> None:
    assert set(catalogue()) == named_in_the_model() - MONEY


@pytest.mark.skipif(not SPEC.exists(), reason=f"the KPI model is not at {SPEC}")
def test_house_kpis_are_marked_as_the_model_marks_them() -> None:
    marked = set(re.findall(r"^\| `([a-z0-9_]+)` H \|", SPEC.read_text("utf-8"), re.MULTILINE))
    assert {kpi.id for kpi in KPIS if kpi.house} == marked - MONEY


def text_of(more: str = "", body: str = "SELECT 1") -> str:
    """A KPI's file with the least it needs but its shape."""
    head = 'id = "x"\nlevel = 1\nunit = "s"\nbetter = ""\ninputs = []\n' + more
    for name in ("title", "question", "definition"):
        head += f'\n[{name}]\nen = "a"\nnl = "b"'
    return f"/*\n{head}\n*/\n{body}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT 1", "x.sql: does not begin with"),
        ("/* id = 1", "x.sql: does not begin with"),
        ("/* id = */ SELECT 1", "x.sql: "),
        (text_of('shape = "share"\ncolour = "red"'), "colour"),
        (text_of('shape = "circle"'), "shape"),
        (text_of('shape = "share"', ""), "has SQL, unless"),
        (text_of('shape = "formula"'), "has SQL, unless"),
        (text_of('shape = "share"\nquantile = 2'), "quantile"),
    ],
)
def test_a_file_that_is_no_kpi_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"x\.sql") as refused:
        parse(text, "x.sql")
    assert says in str(refused.value)


def test_the_page_shows_every_kpi_with_its_definition_and_sql() -> None:
    page = kpis_page()
    for kpi in KPIS:
        assert page.count(f"#### `{kpi.id}`\n") == 1
        assert kpi.definition.en in page and kpi.definition.nl in page and kpi.sql in page
