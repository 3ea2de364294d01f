"""`meetlat plan`: init never overwrites, check says all with its status, show can be read again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from meetlat import cli
from meetlat.plan.load import load
from meetlat.plan.models import Plan

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "meetlat.toml"


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MEETLAT_CONFIG", raising=False)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["plan", *arguments])
    return ended.value.code  # type: ignore[return-value]


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    out, err = capsys.readouterr()
    return out, err


def test_init_writes_a_plan_that_check_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init", "--pack", "quotes") == 0
    assert "meetlat.toml is written" in said(capsys)[0]
    assert run("check") == 0
    out, _ = said(capsys)
    assert out.endswith("no errors, 5 warnings\n")
    assert "meetlat.toml:47: warning: `use_cases[0].owner` is still to be filled in; " in out


def test_init_never_overwrites(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("# mine")
    assert run("init", "--pack", "hr", "mine.toml") == 1
    assert file.read_text() == "# mine"
    assert "mine.toml is there already" in said(capsys)[1]
    assert run("init", "--pack", "hr", "nowhere/plan.toml") == 1
    assert "cannot write nowhere/plan.toml: No such file" in said(capsys)[1]


def test_init_without_a_pack_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init") == 2
    assert "quotes, hr, service, general" in said(capsys)[1]
    assert run("init", "--pack", "nonsense") == 2
    assert "there is no pack 'nonsense'; there are quotes, hr" in said(capsys)[1]
    assert not Path("meetlat.toml").exists()


def test_init_asks_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "prompt", lambda *_, **__: "service")
    assert run("init") == 0
    assert 'pack = "service"' in Path("meetlat.toml").read_text()


def test_check_tells_errors_first_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    text = EXAMPLE.read_text().replace('id = "adoption_rate"', 'id = "adoption_rat"', 1)
    Path("p.toml").write_text(text)
    line = text.split("\n").index('id = "adoption_rat"') + 1
    assert run("check", "p.toml") == 1
    lines = said(capsys)[0].splitlines()
    assert lines[0].startswith(
        f"p.toml:{line}: error: KPI `adoption_rat` is not known; did you mean `adoption_rate`?"
    )
    assert lines[-1] == "1 error, no warnings"


def test_check_as_json_holds_each_problem(capsys: pytest.CaptureFixture[str]) -> None:
    Path("meetlat.toml").write_text('[company]\nname = ""\n')
    assert run("check", "--format", "json") == 1
    told = json.loads(said(capsys)[0])
    assert told["errors"] == 1
    assert told["problems"] == [
        {
            "line": 2,
            "where": "company.name",
            "reason": "`name` is empty",
            "remedy": 'write, for example, `name = "Example Ltd"` (its name, on reports)',
            "severity": "error",
            "rule": "field",
        }
    ]


def test_the_file_is_where_the_environment_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEETLAT_CONFIG", str(EXAMPLE))
    assert run("check") == 0
    assert said(capsys)[0] == "no errors, no warnings\n"


def test_a_file_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "none.toml") == 1
    assert said(capsys)[0].startswith("none.toml:1: error: cannot be read: No such file")
    assert run("show", "none.toml") == 1
    assert said(capsys)[1].count("\n") == 1


def test_show_as_json_is_the_plan_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", str(EXAMPLE), "--format", "json", "--on", "2026-04-10") == 0
    told: dict[str, Any] = json.loads(said(capsys)[0])
    assert Plan.model_validate(told["plan"]) == load(EXAMPLE).plan
    quotes, support = told["use_cases"]
    assert (quotes["phase"], support["phase"]) == ("early", "baseline")
    assert quotes["kpis"][0] == {
        "id": "first_time_right", "target": "85–90 %", "baseline": "by hand, n = 228",
    }  # fmt: skip
    assert told["teams"][0]["cost"] == {"from": "2026-01-01", "hourly": "52.50"}


def test_show_tells_what_is_in_force_on_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", str(EXAMPLE), "--on", "2027-02-01") == 0
    out, _ = said(capsys)
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert "Example Ltd, in EUR, days in Europe/Amsterdam" in rows
    assert any(row.startswith("quotes Quotes with AI quotes monthly 2026-04-01") for row in rows)
    assert "sales 54 EUR 14 12" in rows
    assert "USD 0.9 2026-07-01" in rows
    assert any("50–70 % better window all We look" in row for row in rows)
    assert any("20 % better window review, monthly We read every" in row for row in rows)
    assert run("show", str(EXAMPLE), "--on", "2026-06-30") == 0
    out, _ = said(capsys)
    assert "USD       0.92" in out
    assert "own-model" in out
    assert run("show", str(EXAMPLE), "--on", "2025-12-31") == 0
    out, _ = said(capsys)
    assert "sales        –            –       –" in out
    assert "own-model" not in out


def test_show_shows_a_refused_plan_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.toml").write_text('[company]\nname = "A"\n')
    assert run("show", "p.toml") == 0
    out, err = said(capsys)
    assert out.startswith("A, in EUR")
    assert "not in use: 3 errors; `meetlat plan check` lists them" in err


def test_show_of_what_is_no_plan_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.toml").write_text("[company]\n")
    assert run("show", "p.toml") == 1
    assert said(capsys)[1] == (
        "meetlat: p.toml cannot be read as a plan: line 1: `name` is missing in [company]; "
        "`meetlat plan check` lists everything that is wrong with it\n"
    )


@pytest.mark.parametrize(
    "arguments", [["show", "--on", "nonsense"], ["show", "--on", "2026-02-30"]]
)
def test_wrong_use_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    assert "--on" in said(capsys)[1]


def test_neither_meetlat_nor_the_command_imports_pydantic_before_it_is_needed() -> None:
    code = "import sys, meetlat, meetlat.commands.plan; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
