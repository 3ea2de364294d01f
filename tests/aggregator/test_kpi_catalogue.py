"""The SQL of every KPI runs on the published tables and gives what its shape says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kpi_inputs import Inputs

import meetlat.kpis.catalogue as module
from meetlat.kpis.catalogue import Kpi, catalogue

PAGE = Path(__file__).parents[2] / "docs" / "kpis-add.md"
WHERE = {"use_case", "team", "segment"}
MAY = {"part", "assisted"}
COLUMNS = {
    "share": {"hits", "n"},
    "weighted": {"hits", "weight", "weight_squares", "n"},
    "mean": {"total", "squares", "n"},
    "ratio": {"total", "n"},
    "sum": {"total", "n"},
    "weeks": {"total", "n"},
    "quantile": {"bucket", "count"},
    "survival": {"value", "ended"},
    "composed": {"total", "weight", "squares", "n"},
}
WITH_SQL = [kpi for kpi in catalogue().values() if kpi.sql]


@pytest.mark.parametrize("kpi", WITH_SQL, ids=lambda kpi: kpi.id)
def test_the_columns_are_those_of_the_shape(kpi: Kpi) -> None:
    described = Inputs().con.execute(f"DESCRIBE {kpi.sql}").fetchall()
    types = {row[0]: row[1] for row in described}
    shapes = {kpi.shape, *(part.shape for part in kpi.parts.values())}
    moment = {"hour"} if kpi.hourly else {"day"}
    assert types.keys() - MAY == moment | WHERE | set().union(*(COLUMNS[shape] for shape in shapes))
    assert types.get("day", "DATE") == "DATE"
    assert types.get("hour", "TIMESTAMP") == "TIMESTAMP"
    for name in types.keys() & (WHERE | MAY):
        assert types[name] == "VARCHAR"


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The catalogue with the file of the page added, and nothing else done; gives the test."""
    folder = tmp_path / "kpis"
    shutil.copytree(Path(module.__file__).parent, folder)
    text = PAGE.read_text("utf-8")
    (file,) = re.findall(r"`sdk/meetlat/kpis/(all/\w+\.sql)`", text)
    (kpi,) = re.findall(r"^```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (test,) = re.findall(r"^```py\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (folder / file).write_text(kpi, "utf-8")
    monkeypatch.setattr(module, "files", lambda _package: folder)
    catalogue.cache_clear()
    yield test
    catalogue.cache_clear()


def test_the_kpi_of_the_page_is_found_and_its_test_passes(added: str) -> None:
    space: dict[str, object] = {}
    exec(added, space)
    tests = [run for name, run in space.items() if name.startswith("test_") and callable(run)]
    assert len(tests) == 1
    tests[0]()


def test_kpis_that_are_to_say_the_same_do() -> None:
    """Each is told whole, so that an analyst can run it; what they share may not drift apart."""
    kpis = catalogue()
    up, down = (kpis[name].sql.partition("\n") for name in ("availability", "downtime"))
    assert up[2].rpartition("SELECT")[0] == down[2].rpartition("SELECT")[0]
    assert kpis["response_accuracy"].sql == kpis["accuracy"].sql
    language = kpis["language_quality"].sql.replace("language_correct", "correct")
    assert language.replace("language_count", "correct_count") == kpis["accuracy"].sql
    screening = kpis["screening_time"].sql.replace("screenings", "done").split("\n", 1)[1]
    task = kpis["task_time"].sql.split("\n", 1)[1]
    assert screening.replace("step = 'screening'", "step = ''") == task
